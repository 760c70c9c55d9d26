//! The plugin in Python, on a hub that lets in only those that it knows.

use std::net::SocketAddr;

use brpc::auth::{AnyOf, Identity, Secrets, Tokens};
use brpc::{Secret, Socket};
use serde_json::{Value, json};

use super::plugin::ended;
use super::{Seen, has_python, python_with, refusal};
use crate::good::{LONG, serve};
use crate::scenario::scenario;

const TOKEN: &str = "a-token-of-16-bytes-or-more";
const SECRET: &str = "0123456789abcdef";

#[test]
fn a_plugin_in_another_language_shows_who_it_is() {
    if !has_python() {
        return;
    }
    scenario(async {
        let tokens = Tokens::text(TOKEN).unwrap();
        let secrets = Secrets::new().add(
            "edge-7",
            Secret::new(SECRET).unwrap(),
            Identity::new("edge").plug("edge-*"),
        );
        let any =
            AnyOf::new().or(tokens.identity(Identity::new("token").plug("edge-*"))).or(secrets);
        let (hub, address) = serve(Socket::builder().authenticator(any)).await;
        let mut seen = Seen::default();
        let secret = format!("edge-7:{SECRET}");

        for shown in [("TOKEN", TOKEN), ("SECRET", &*secret)] {
            let plugin = plugin(address, "edge-1", shown);
            hub.wait_for("edge-1", LONG).await.unwrap();
            assert_eq!(hub.call::<Value>("edge-1", "echo", &1).await, Ok(json!(1)));
            let left = ended(plugin).await;
            assert!(left.status.success());
            seen.note(&left.stdout);
        }
        assert!(seen.received.contains(&0x06) && seen.sent.contains(&0x07), "it was asked");

        let mut words = Vec::new();
        for (shown, name, code) in [
            (("NOTHING", ""), "edge-1", 14),
            (("TOKEN", "a-token-of-16-bytes-or-less"), "edge-1", 15),
            (("SECRET", "edge-7:0123456789abcdeg"), "edge-1", 15),
            (("SECRET", "nobody:0123456789abcdef"), "edge-1", 15),
            (("TOKEN", TOKEN), "another", 16),
        ] {
            let (found, text) = refusal(plugin(address, name, shown)).await;
            assert_eq!(found, code, "{shown:?}: {text}");
            assert!(text.len() > 10, "in words: {text}");
            if code == 15 {
                words.push(text);
            }
        }
        assert!(words.iter().all(|text| *text == words[0]), "one text: {words:?}");
        hub.shutdown().await;
    });
}

fn plugin(address: SocketAddr, name: &str, shown: (&str, &str)) -> tokio::process::Child {
    python_with("plugin.py", &["127.0.0.1", &address.port().to_string(), name], &[shown])
}
