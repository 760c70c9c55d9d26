//! Places for connections that are not let in yet.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::config::Config;
use super::sources::{SourcePermit, Sources};
use crate::listener::Source;

/// The places that a hub has for connections that are not let in yet.
#[derive(Debug)]
pub(crate) struct Places {
    handshakes: Arc<Semaphore>,
    /// The same by source.
    sources: Arc<Sources>,
    /// Those among them that send more than a `Hello` has room for.
    introductions: Arc<Semaphore>,
}

/// The place of one connection, until it is let in or its stream is closed: so those who were refused
/// and don't go take up places and not descriptors.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// Its place among all of them; `None` if it came by other ways than a listener.
    _handshake: Option<OwnedSemaphorePermit>,
    /// Its place among those of the same source.
    source: Option<SourcePermit>,
    /// Its place among those that send a long introduction.
    introduction: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            handshakes: Arc::new(Semaphore::new(config.max_handshakes)),
            sources: Sources::new(config.max_handshakes_per_source),
            introductions: Arc::new(Semaphore::new(config.max_introductions)),
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

    /// Notes where a connection is from; false if too many are from there.
    pub(crate) fn admit(&self, place: &mut Place, source: Source) -> bool {
        match self.sources.admit(source) {
            Ok(permit) => {
                place.source = permit;
                true
            }
            Err(_) => false,
        }
    }

    /// A place for a long introduction; false if too many send one.
    pub(crate) fn admit_introduction(&self, place: &mut Place) -> bool {
        place.introduction = self.introductions.clone().try_acquire_owned().ok();
        place.introduction.is_some()
    }
}
