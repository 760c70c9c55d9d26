//! What a connection costs that does nothing. Alone in its process, since all that allocates counts.

use brpc_tls::{ClientTls, Clients, Report, Roots, ServerTls};
use peak_alloc::PeakAlloc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[allow(clippy::unwrap_used, dead_code, reason = "it is for tests, and others use the rest")]
#[path = "../src/tests/authority.rs"]
mod authority;

use authority::Authority;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// With certificates of both sides, which are kept.
#[tokio::test]
async fn an_idle_connection_takes_at_most_32_kib_at_both_ends_together() {
    const CONNECTIONS: usize = 50;
    let authority = Authority::new("CA");
    let roots = Roots::pem(authority.pem()).unwrap();
    let (hub, plugin) = (authority.issue(&["hub"]), authority.issue(&["runner"]));
    let hub = ServerTls::pem(hub.certificate.as_bytes(), hub.key.as_bytes()).unwrap();
    let hub = hub.clients(Clients::Demanded(roots.clone()));
    let tls = ClientTls::roots(roots);
    let plugin = tls.certificate_pem(plugin.certificate.as_bytes(), plugin.key.as_bytes()).unwrap();
    let connected = async || {
        let (ours, theirs) = tokio::io::duplex(1024);
        let report = Report::new();
        let accepting = hub.accept(theirs, &report);
        let (accepted, dialled) =
            tokio::join!(accepting, Box::pin(plugin.connect("hub", ours, &report)));
        let (mut at_hub, mut at_plugin) = (accepted.unwrap(), dialled.unwrap());
        for _ in 0..10 {
            at_plugin.write_all(b"ping").await.unwrap();
            at_plugin.flush().await.unwrap();
            let _ = at_hub.read_exact(&mut [0; 4]).await.unwrap();
        }
        (at_hub, at_plugin)
    };
    // What is made once.
    let _first = connected().await;
    let before = ALLOCATED.current_usage();
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(connected().await);
    }
    let each = (ALLOCATED.current_usage() - before) / CONNECTIONS;
    println!("{each} bytes for both ends of an idle connection");
    assert!(each < 32 * 1024, "{each} bytes");
}
