//! The CAs that the system trusts. A process may name others for itself, so the tests have one of their
//! own for each.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // All of this is a test.

use std::path::PathBuf;
use std::process::Command;

use brpc_tls::{ClientTls, Report, ServerTls, TlsFault, TlsSettingsError};
use rcgen::{CertificateParams, DnType, KeyPair};

const HOST: &str = "hub.example";

#[test]
fn a_plugin_trusts_the_hubs_that_its_system_trusts() {
    let own = Own::new();
    for (roots, expected) in
        [("hub.pem", "trusted"), ("other.pem", "unknown"), ("none.pem", "no roots")]
    {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--ignored", "--exact", "of_its_own", "--nocapture"]);
        child.env("SSL_CERT_FILE", own.0.join(roots)).env_remove("SSL_CERT_DIR");
        child.env("BRPC_HUB", &own.0);
        let said = child.output().unwrap();
        let words = [said.stdout, said.stderr].concat();
        let said = String::from_utf8_lossy(&words).into_owned();
        assert!(said.contains(&format!("it is {expected}\n")), "{roots}: {said}");
    }
}

#[tokio::test]
#[ignore = "the other test runs it in a process of its own"]
async fn of_its_own() {
    let own = PathBuf::from(std::env::var_os("BRPC_HUB").unwrap());
    let plugin = match ClientTls::system_roots() {
        Ok(plugin) => plugin,
        Err(error @ TlsSettingsError::SystemRoots { .. }) => {
            assert!(error.to_string().contains("`ClientTls::ca_file`"), "{error}");
            return println!("it is no roots");
        }
        Err(error) => panic!("{error}"),
    };
    let hub = ServerTls::files(own.join("hub.pem"), own.join("hub.key")).unwrap();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (at_hub, at_plugin) = (Report::new(), Report::new());
    let (accepted, connected) =
        tokio::join!(hub.accept(theirs, &at_hub), plugin.connect(HOST, ours, &at_plugin));
    match connected {
        Ok(_) => assert!(accepted.is_ok()),
        Err(error) => assert_eq!(error.fault(), &TlsFault::UnknownCa, "{error}"),
    }
    println!("it is {}", if at_plugin.is_secured() { "trusted" } else { "unknown" });
}

/// A directory with the certificates, which is gone with this.
struct Own(PathBuf);

impl Own {
    fn new() -> Self {
        let own = Self(std::env::temp_dir().join(format!("brpc-roots-{}", std::process::id())));
        std::fs::create_dir_all(&own.0).unwrap();
        let (hub, key) = issue("hub");
        let (other, _) = issue("other");
        let files = [("hub.pem", hub), ("hub.key", key), ("other.pem", other)];
        for (file, text) in files.into_iter().chain([("none.pem", String::new())]) {
            std::fs::write(own.0.join(file), text).unwrap();
        }
        own
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certificate for the host by an issuer of this name, which it is itself; and its key.
fn issue(issuer: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, issuer);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}
