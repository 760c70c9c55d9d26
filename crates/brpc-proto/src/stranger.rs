//! Replies to peers that speak another protocol.

use brpc_core::Wire;

/// The reply to a peer that speaks this, in its own protocol, so that whoever runs it learns what
/// it has reached; empty if there is none.
pub(crate) fn words(wire: Wire) -> &'static [u8] {
    match wire {
        Wire::Http => {
            b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 52\r\n\
              Connection: close\r\n\r\nThis is a brpc hub. It takes plugins, and no HTTP.\r\n"
        }
        // A fatal alert: protocol_version.
        Wire::Tls => &[0x15, 3, 1, 0, 2, 2, 70],
        // A server may send lines before it identifies itself; clients show them on request.
        Wire::Ssh => b"This is a brpc hub. It takes plugins, and no SSH.\r\n",
        Wire::Json => b"{\"error\":\"this is a brpc hub; it takes no JSON\"}\n",
        _ => b"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_body_is_what_it_says() {
        let text = std::str::from_utf8(words(Wire::Http)).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
