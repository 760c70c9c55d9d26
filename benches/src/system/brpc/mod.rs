//! brpc itself.

mod churn;
mod described;
mod emitter;
mod hub;
mod plugin;

pub(crate) use hub::BrpcHub;
#[cfg(feature = "go")]
pub(crate) use plugin::name;
pub(crate) use plugin::{Described, dial};

use std::sync::OnceLock;

use brpc::tls::{ClientTls, ServerTls};
use brpc::{Limits, Plugin, Receiver, Socket};

use crate::Error;
use crate::flags::Setup;
use crate::system::secure::{Own, made};

/// A hub with the defaults, and the limits that the flags need.
fn socket(setup: &Setup) -> Result<Socket, Error> {
    let message = setup.payload as usize + OTHERS;
    let in_progress = setup.connections as usize * setup.inflight as usize * message;
    let hub = Socket::builder().limits(limits(setup));
    let hub = hub.max_held_bytes(in_progress.max(256 << 20));
    if !setup.tls {
        return Ok(hub.build());
    }
    let Own { certificate, key } = Own::get();
    Ok(hub.tls(ServerTls::pem(certificate.as_bytes(), key.as_bytes())?).build())
}

/// The same plugin, which trusts the hub if that speaks TLS.
fn trusting<R: Receiver>(plugin: Plugin<R>, setup: &Setup) -> Result<Plugin<R>, Error> {
    /// Read once, as by a plugin that dials again.
    static TLS: OnceLock<ClientTls> = OnceLock::new();
    if !setup.tls {
        return Ok(plugin);
    }
    let tls = made(&TLS, || Ok(ClientTls::ca_pem(setup.trusted.as_bytes())?))?;
    Ok(plugin.tls(tls.clone()))
}

/// The default limits, and places for as many calls as the flags want in flight.
fn limits(setup: &Setup) -> Limits {
    let (inflight, message) = (setup.inflight as usize, setup.payload as usize + OTHERS);
    let mut limits = Limits::default();
    limits.max_calls = limits.max_calls.max(inflight);
    limits.queue_calls = limits.queue_calls.max(inflight);
    limits.queue_bytes = limits.queue_bytes.max(inflight * message);
    limits.max_frame = limits.max_frame.max(message);
    limits
}

/// More than a message has beside its data.
const OTHERS: usize = 1 << 10;
