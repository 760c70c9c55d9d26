//! Places for connections in their handshake.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::config::Config;
use super::sources::{SourcePermit, Sources};
use crate::listener::Source;

/// The places that a hub has for connections in their handshake.
#[derive(Debug)]
pub(crate) struct Places {
    handshakes: Arc<Semaphore>,
    /// The places by source.
    sources: Arc<Sources>,
    /// The places for those that send a large Hello.
    long_hellos: Arc<Semaphore>,
}

/// The place of one connection, until the plugin is registered or its stream is closed: so refused
/// plugins that don't close take up places and not descriptors.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// Its place among all of them; `None` if it didn't come from a listener.
    _handshake: Option<OwnedSemaphorePermit>,
    /// Its place among those of the same source.
    source: Option<SourcePermit>,
    /// Its place among those that send a large Hello.
    long_hello: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            handshakes: Arc::new(Semaphore::new(config.max_handshakes.min(Semaphore::MAX_PERMITS))),
            sources: Sources::new(config.max_handshakes_per_source),
            long_hellos: Arc::new(Semaphore::new(config.max_long_hellos)),
        }
    }

    /// A place for the next connection of a listener; waits until there is one.
    pub(crate) fn next(&self) -> impl Future<Output = Place> + use<> {
        let handshakes = self.handshakes.clone();
        async move {
            let handshake = handshakes.acquire_owned().await;
            let handshake = handshake.expect("nobody closes it");
            Place { _handshake: Some(handshake), ..Place::default() }
        }
    }

    /// Takes a place for the source of a connection; false if none is left.
    pub(crate) fn admit(&self, place: &mut Place, source: Source) -> bool {
        match self.sources.admit(source) {
            Ok(permit) => {
                place.source = permit;
                true
            }
            Err(_) => false,
        }
    }

    /// Takes a place for a large Hello; false if none is left.
    pub(crate) fn admit_long_hello(&self, place: &mut Place) -> bool {
        place.long_hello = self.long_hellos.clone().try_acquire_owned().ok();
        place.long_hello.is_some()
    }
}
