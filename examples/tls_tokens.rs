//! A fleet with tokens over TLS: the usual case. A hub that anybody may reach, and who gets in.
//!
//! ```console
//! $ cargo run --features tls-ring --example tls_tokens
//! ```
//!
//! Hub and plugins are in one program here, so that one command shows it. The certificate is made on
//! the spot; elsewhere, give `ServerTls::files` those of your host.

use anyhow::bail;
use brpc::auth::{AnyOf, Identity, Tokens};
use brpc::tls::{ClientTls, ServerTls};
use brpc::{Plugin, Socket, Token};
use tokio::net::TcpListener;

struct Runner;

#[brpc::plugin]
impl Runner {
    /// What it runs on.
    pub fn system(&self) -> String {
        std::env::consts::OS.to_owned()
    }
}

/// As `openssl rand -hex 32` makes them. A hub needs only their hashes, `TokenHash::of`.
const OF_RUNNERS: &str = "8d1c1a0c7f6e4b53a2f1e09d8c7b6a5948372615";
const OF_SENSORS: &str = "1f2e3d4c5b6a798897a6b5c4d3e2f1009f8e7d6c";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // The hub.
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let tls = ServerTls::pem(certificate.as_bytes(), key.as_bytes())?;
    let runners = Tokens::text(OF_RUNNERS)?.identity(Identity::new("runners").plug("runner-*"));
    let sensors = Tokens::text(OF_SENSORS)?.identity(Identity::new("sensors").plug("sensor-*"));
    let hub =
        Socket::builder().tls(tls).authenticator(AnyOf::new().or(runners).or(sensors)).build();
    let listener = TcpListener::bind("localhost:0").await?;
    let address = format!("brpcs://localhost:{}", listener.local_addr()?.port());
    hub.serve(listener);
    println!("the hub is at {address}");

    // A plugin: whom it trusts, and how the hub knows it.
    let tls = ClientTls::ca_pem(certificate.as_bytes())?;
    let plugin = |name: &str, token: &str| {
        Plugin::new(Runner).name(name).tls(tls.clone()).token(Token::text(token))
    };
    let session = plugin("runner-1", OF_RUNNERS).connect(&address).await?;
    tokio::spawn(session.run());
    let system: String = hub.call("runner-1", "system", &()).await?;
    for plugin in hub.connected() {
        let identity = plugin.identity().map_or("nobody", |identity| identity.name());
        println!("{} is of {identity}, and runs on {system}", plugin.name());
    }

    // Those that don't get in.
    for (what, name, token) in [
        ("a wrong token", "runner-2", "not-a-token-of-this-hub"),
        ("the token of another identity", "runner-2", OF_SENSORS),
    ] {
        match plugin(name, token).connect(&address).await {
            Ok(_) => bail!("{name} got in with {what}"),
            Err(error) => println!("{name} with {what}: {error}"),
        }
    }
    let in_the_clear = address.replace("brpcs://", "brpc://");
    match Plugin::new(Runner).name("runner-2").connect(&in_the_clear).await {
        Ok(_) => bail!("runner-2 got in without TLS"),
        Err(error) => println!("runner-2 without TLS: {error}"),
    }
    hub.shutdown().await;
    Ok(())
}
