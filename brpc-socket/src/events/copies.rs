//! Copies of payloads, which subscribers may keep for long.

use bytes::Bytes;

/// Small copies share buffers of at most this size.
const SHARED: usize = 4 * 1024;

/// Copies payloads that arrived together.
///
/// A slice would keep all bytes alive that were read with it. A copy keeps at most a few others
/// alive, and needs no allocation of its own.
pub(crate) fn copy_all(payloads: &[Bytes]) -> impl Iterator<Item = Bytes> {
    let mut copies = Bytes::new();
    payloads.iter().enumerate().map(move |(index, payload)| {
        if !is_small(payload) {
            return Bytes::copy_from_slice(payload);
        }
        if copies.len() < payload.len() {
            copies = side_by_side(&payloads[index..]);
        }
        copies.split_to(payload.len())
    })
}

fn is_small(payload: &Bytes) -> bool {
    payload.len() <= SHARED / 4
}

/// One buffer with the small ones of these payloads, from the first on, as far as they fit.
fn side_by_side(payloads: &[Bytes]) -> Bytes {
    let small = payloads.iter().filter(|payload| is_small(payload));
    let size = small.clone().map(Bytes::len).sum::<usize>().min(SHARED);
    let mut copies = Vec::with_capacity(size);
    for payload in small {
        if copies.len() + payload.len() > size {
            break;
        }
        copies.extend_from_slice(payload);
    }
    copies.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_ones_share_a_buffer_and_large_ones_do_not() {
        let sizes = [100, 0, 2_000, 1_024, 1_024, 1_024, 1_024, 100_000, 1];
        let payloads = sizes.map(|size| Bytes::from(vec![7; size]));
        let copies: Vec<Bytes> = copy_all(&payloads).collect();
        assert_eq!(copies, payloads);
        let follows = |one: usize, other: usize| {
            copies[one].as_ptr_range().end == copies[other].as_ptr_range().start
        };
        assert!(follows(0, 3) && follows(3, 4), "side by side");
        assert!(!follows(0, 2) && !follows(6, 7));
        assert!(copies.iter().all(|copy| payloads.iter().all(|own| copy.as_ptr() != own.as_ptr())));
    }
}
