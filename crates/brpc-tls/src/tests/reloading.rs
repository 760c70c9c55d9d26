//! Files that change.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::authority::{Authority, Issued, self_signed};
use super::peers::connected;
use super::{HOST, ask, hub, meet, plugin, showing};
use crate::{ClientTls, Clients, Roots, ServerTls, TlsFault};

/// A directory that is removed when the test is over.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("brpc-tls-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Puts a file in its place at once, as a tool does that renews certificates.
    fn put(&self, name: &str, content: &str) {
        let new = self.path("new");
        fs::write(&new, content).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    fn put_both(&self, issued: &Issued) {
        self.put("pem", &issued.certificate);
        self.put("key", &issued.key);
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Until the hub looks at its files again.
async fn a_second() {
    tokio::time::advance(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_is_shown_and_open_connections_go_on() {
    let files = Files::new();
    let (one, two) = (self_signed(&[HOST]), self_signed(&[HOST]));
    let pinned = |issued| ClientTls::pinned(&hub(issued).pin()).unwrap();
    let (first, second) = (pinned(&one), pinned(&two));
    files.put_both(&one);
    let hub = ServerTls::files(files.path("pem"), files.path("key")).unwrap();
    let mut old = connected(&hub, &first).await;

    files.put_both(&two);
    // It was looked at within this second.
    assert!(meet(&hub, &first, HOST).await.is_answered);
    a_second().await;
    let mut new = connected(&hub, &second).await;
    assert!(!meet(&hub, &first, HOST).await.is_answered);
    assert_eq!(hub.pin(), hub.clone().pin());

    // What can't be used changes nothing: half of a pair, garbage, nothing.
    for (name, content) in [("pem", &*one.certificate), ("pem", "garbage"), ("key", "")] {
        files.put(name, content);
        a_second().await;
        assert!(meet(&hub, &second, HOST).await.is_answered, "{name}: {content:?}");
    }
    fs::remove_file(files.path("pem")).unwrap();
    a_second().await;
    assert!(meet(&hub, &second, HOST).await.is_answered);

    files.put_both(&one);
    a_second().await;
    assert!(meet(&hub, &first, HOST).await.is_answered);
    ask(&mut old).await.unwrap();
    ask(&mut new).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a14_a_new_revocation_holds_for_the_next_handshake_and_stays() {
    let files = Files::new();
    let authority = Authority::new("CA");
    files.put("ca", std::str::from_utf8(authority.pem()).unwrap());
    files.put("crl", &authority.revoke(&[]));
    let roots = Roots::file(files.path("ca")).unwrap().crl_file(files.path("crl")).unwrap();
    let hub = hub(&authority.issue(&[HOST])).clients(Clients::Demanded(roots));
    let shown =
        authority.issue_with(&["runner"], |params| params.serial_number = Some(7_u64.into()));
    let plugin = showing(plugin(&authority), &shown);
    assert!(meet(&hub, &plugin, HOST).await.is_answered);
    files.put("crl", "garbage");
    a_second().await;
    assert!(meet(&hub, &plugin, HOST).await.is_answered);
    files.put("crl", &authority.revoke(&[7]));
    a_second().await;
    assert_eq!(meet(&hub, &plugin, HOST).await.hub.unwrap().fault(), &TlsFault::Revoked);
    // A list that can't be read revokes nobody, and takes back nothing.
    for wrong in ["garbage", ""] {
        files.put("crl", wrong);
        a_second().await;
        assert_eq!(meet(&hub, &plugin, HOST).await.hub.unwrap().fault(), &TlsFault::Revoked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_reads_its_certificate_again_for_each_attempt() {
    let files = Files::new();
    let authority = Authority::new("CA");
    let roots = Roots::pem(authority.pem()).unwrap();
    let hub = hub(&authority.issue(&[HOST])).clients(Clients::Demanded(roots));
    files.put_both(&authority.issue(&["one"]));
    let plugin = plugin(&authority);
    let plugin = plugin.certificate_files(files.path("pem"), files.path("key")).unwrap();
    for name in ["one", "two"] {
        files.put_both(&authority.issue(&[name]));
        let met = meet(&hub, &plugin, HOST).await;
        assert_eq!(met.certificate.unwrap().dns_names(), [name]);
    }
}
