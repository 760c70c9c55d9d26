//! Mutual TLS between the processes of an experiment. What they need is in its folder: a CA, and a
//! certificate and a key for the hub and for each process of plugins, whose plugins are of one identity.

use std::path::{Path, PathBuf};

use brpc::auth::{Certificates, Identity};
use brpc_tls::{ClientTls, Clients, Roots, ServerTls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::record::FOLDER;

/// Set to the names of the processes of plugins where there is mutual TLS.
pub const MUTUAL: &str = "BRPC_LAB_MUTUAL";

const CA: &str = "ca";
const HUB: &str = "hub";

/// Makes all of it.
pub fn make(folder: &Path, plugins: &[&str]) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(certificate(folder, CA), ca.pem()).unwrap();
    for name in [&[HUB], plugins].concat() {
        let key = KeyPair::generate().unwrap();
        let of = if name == HUB { "127.0.0.1".to_owned() } else { host(name) };
        let own = CertificateParams::new([of]).unwrap().signed_by(&key, &ca).unwrap();
        std::fs::write(certificate(folder, name), own.pem()).unwrap();
        std::fs::write(self::key(folder, name), key.serialize_pem()).unwrap();
    }
}

/// What the hub demands, where there is mutual TLS, and whom it knows.
pub fn of_hub() -> Option<(ServerTls, Certificates)> {
    let plugins = std::env::var(MUTUAL).ok()?;
    let folder = folder();
    let roots = Roots::file(certificate(&folder, CA)).unwrap();
    let tls = ServerTls::files(certificate(&folder, HUB), key(&folder, HUB)).unwrap();
    let known = plugins.split(' ').fold(Certificates::new(), |known, name| {
        known.san(host(name), Identity::new(name).plug(format!("{name}*")))
    });
    Some((tls.clients(Clients::Demanded(roots)), known))
}

/// What the plugins of this process show, where there is mutual TLS.
pub fn of_plugins(name: &str) -> Option<ClientTls> {
    std::env::var_os(MUTUAL)?;
    let folder = folder();
    let tls = ClientTls::ca_file(certificate(&folder, CA)).unwrap();
    Some(tls.certificate_files(certificate(&folder, name), key(&folder, name)).unwrap())
}

/// What the certificate of these plugins is for.
fn host(name: &str) -> String {
    format!("{name}.example")
}

fn folder() -> PathBuf {
    std::env::var_os(FOLDER).unwrap().into()
}

fn certificate(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.pem"))
}

fn key(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.key"))
}
