//! Mutual TLS with a CA of one's own: hub and plugins show each other certificates, and nothing secret
//! is ever sent. A plugin may have the name that its certificate is for, and no other.
//!
//! ```console
//! $ cargo run --features tls-ring --example mutual_tls
//! ```
//!
//! Hub and plugins are in one program here, and the certificates are made on the spot; elsewhere they
//! are files.

use anyhow::bail;
use brpc::auth::{Certificates, Identity};
use brpc::tls::{ClientTls, Clients, Roots, ServerTls};
use brpc::{Plugin, Socket};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;

struct Runner;

#[brpc::plugin]
impl Runner {
    /// What it runs on.
    pub fn system(&self) -> String {
        std::env::consts::OS.to_owned()
    }
}

/// Signs certificates.
struct Ca(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
struct Own {
    certificate: String,
    key: String,
}

impl Ca {
    fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// A certificate for this name.
    fn sign(&self, name: &str) -> anyhow::Result<Own> {
        let key = KeyPair::generate()?;
        let signed = CertificateParams::new([name.to_owned()])?.signed_by(&key, &self.0)?;
        Ok(Own { certificate: signed.pem(), key: key.serialize_pem() })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (ca, other_ca) = (Ca::new()?, Ca::new()?);

    // The hub: its own certificate, and whose it demands of plugins.
    let own = ca.sign("localhost")?;
    let tls = ServerTls::pem(own.certificate.as_bytes(), own.key.as_bytes())?
        .clients(Clients::Demanded(Roots::pem(ca.0.pem().as_bytes())?));
    let known = ["runner-1", "runner-2"].into_iter().fold(Certificates::new(), |known, name| {
        known.san(format!("{name}.example"), Identity::new(name).plug(name))
    });
    let hub = Socket::builder().tls(tls).authenticator(known).build();
    let listener = TcpListener::bind("localhost:0").await?;
    let address = format!("brpcs://localhost:{}", listener.local_addr()?.port());
    hub.serve(listener);
    println!("the hub is at {address}");

    // A plugin: whom it trusts, and its own certificate.
    let trusted = ClientTls::ca_pem(ca.0.pem().as_bytes())?;
    let tls_of =
        |own: &Own| trusted.clone().certificate_pem(own.certificate.as_bytes(), own.key.as_bytes());
    let one = ca.sign("runner-1.example")?;
    let plugin = Plugin::new(Runner).name("runner-1").tls(tls_of(&one)?);
    tokio::spawn(plugin.connect(&address).await?.run());
    let system: String = hub.call("runner-1", "system", &()).await?;
    println!("runner-1 got in, and runs on {system}");

    // Those that don't get in.
    let (stranger, impostor) = (ca.sign("stranger.example")?, other_ca.sign("runner-2.example")?);
    for (what, tls) in [
        ("the certificate of runner-1", tls_of(&one)?),
        ("the certificate of nobody known", tls_of(&stranger)?),
        ("a certificate of another CA", tls_of(&impostor)?),
        ("no certificate", trusted.clone()),
    ] {
        match Plugin::new(Runner).name("runner-2").tls(tls).connect(&address).await {
            Ok(_) => bail!("runner-2 got in with {what}"),
            Err(error) => println!("runner-2 with {what}: {error}"),
        }
    }
    hub.shutdown().await;
    Ok(())
}
