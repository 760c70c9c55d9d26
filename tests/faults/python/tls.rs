//! The plugin in Python, over TLS.

use std::net::SocketAddr;
use std::path::PathBuf;

use brpc::auth::{AnyOf, Identity, Secrets, Tokens};
use brpc::{Secret, Socket};
use brpc_tls::ServerTls;
use tokio::process::Child;

use super::plugin::{answers, ended, metadata};
use super::{Seen, has_python, printed, python_with, refusal};
use crate::good::{LONG, serve};
use crate::scenario::scenario;

const TOKEN: (&str, &str) = ("TOKEN", "a-token-of-16-bytes-or-more");
const SECRET: (&str, &str) = ("SECRET", "edge-7:0123456789abcdef");

#[test]
fn a_plugin_in_another_language_is_let_in_over_tls_and_told_what_is_wrong() {
    if !has_python() {
        return;
    }
    scenario(async {
        let (tls, own) = certificate("own");
        let (_, another) = certificate("another");
        let (hub, address) = serve(Socket::builder().tls(tls).authenticator(known())).await;
        let plugin = |shown: &[_]| plugin(address, &own, shown);

        let mut seen = Seen::default();
        for shown in [TOKEN, SECRET] {
            let python = plugin(&[shown]);
            hub.wait_for("python", LONG).await.unwrap();
            answers(&hub).await;
            metadata(&hub).await;
            let left = ended(python).await;
            assert!(left.status.success());
            seen.note(&left.stdout);
        }
        assert!(seen.received.contains(&0x06) && seen.sent.contains(&0x07), "it was asked");

        for (shown, code, words) in [
            (("NOTHING", ""), 14, "a token, a secret or a client certificate"),
            (("TOKEN", "a-token-of-16-bytes-or-less"), 15, "the credentials are not valid"),
            (("SECRET", "edge-7:0123456789abcdeg"), 15, "the credentials are not valid"),
            (("SECRET", "nobody:0123456789abcdef"), 15, "the credentials are not valid"),
            (("TOKEN", "another-token-of-its-own"), 16, "may not have the name `python`"),
        ] {
            let (found, text) = refusal(plugin(&[shown])).await;
            assert_eq!(found, code, "{shown:?}: {text}");
            assert!(text.contains(words), "{shown:?}: {text}");
        }
        // In the clear it isn't even asked who it is.
        let python = python(address, &[TOKEN]);
        let (code, text) = refusal(python).await;
        assert_eq!(code, 12, "{text}");
        assert!(text.contains("over TLS only; dial it as brpcs://"), "{text}");

        let said = printed(self::plugin(address, &another, &[TOKEN])).await;
        assert!(said.contains("not over TLS:") && said.contains("self-signed"), "{said}");
        assert!(hub.connected().is_empty());
        hub.shutdown().await;
    });
}

#[test]
fn a_plugin_in_another_language_is_told_that_a_hub_has_no_tls() {
    if !has_python() {
        return;
    }
    scenario(async {
        let (_, own) = certificate("none");
        let (hub, address) = serve(Socket::builder()).await;
        let said = printed(plugin(address, &own, &[])).await;
        // What the alert of this hub says.
        assert!(said.contains("not over TLS:") && said.contains("protocol version"), "{said}");
        assert_eq!(hub.strangers().tls, 1);
        hub.shutdown().await;
    });
}

/// Who may be which plugin.
fn known() -> AnyOf {
    let python = || Identity::new("python").plug("python");
    let another = Identity::new("another").plug("another");
    let secret = Secret::new("0123456789abcdef").unwrap();
    AnyOf::new()
        .or(Tokens::text(TOKEN.1).unwrap().identity(python()))
        .or(Tokens::text("another-token-of-its-own").unwrap().identity(another))
        .or(Secrets::new().add("edge-7", secret, python()))
}

/// A certificate for this host, and a file with it.
fn certificate(name: &str) -> (ServerTls, File) {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let file = format!("brpc-python-{name}-{}.pem", std::process::id());
    let file = File(std::env::temp_dir().join(file));
    std::fs::write(&file.0, &certificate).unwrap();
    (ServerTls::pem(certificate.as_bytes(), key.as_bytes()).unwrap(), file)
}

/// A file that is gone with this.
struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Over TLS with a hub that has this certificate.
fn plugin(address: SocketAddr, certificate: &File, shown: &[(&str, &str)]) -> Child {
    python(address, &[&[("CA", certificate.0.to_str().unwrap())], shown].concat())
}

fn python(address: SocketAddr, variables: &[(&str, &str)]) -> Child {
    let port = address.port().to_string();
    python_with("plugin.py", &["127.0.0.1", &port, "python"], variables)
}
