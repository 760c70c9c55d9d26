//! Places for connections in their handshake.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::link::PluginLink;
use super::network::{Counted, Network};
use super::sources::Sources;
use crate::listener::Source;

/// The places that a hub has for connections in their handshake. When all are taken, the connection
/// that has kept the hub waiting for longest makes room for the next.
#[derive(Debug)]
pub(crate) struct Places {
    /// Which sources have a limit of their own.
    counted: Counted,
    table: Mutex<Table<Arc<PluginLink>>>,
    /// Fires when a place is free, or a connection has gone on.
    changed: Notify,
}

/// The place of one connection, until the plugin is registered or its stream is closed: so refused
/// plugins that don't close take up places and not descriptors.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    number: u64,
    network: Option<Network>,
}

/// Which message of the plugin a connection waits for; the first in this order make room first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Awaited {
    /// Its Hello.
    Hello,
    /// Its description.
    Description,
}

impl Places {
    /// So many places, and so many for each source that is counted.
    pub(crate) fn new(limit: usize, by_source: usize, counted: Counted) -> Arc<Self> {
        let table = Mutex::new(Table::new(limit, Sources::new(by_source)));
        Arc::new(Self { counted, table, changed: Notify::new() })
    }

    /// A place for a connection. Waits until there is one; `None` if its source has too many, and
    /// none of them can make room.
    pub(crate) async fn next(self: &Arc<Self>, source: Source) -> Option<Place> {
        let network = self.counted.network(source);
        let mut asked = None;
        loop {
            let changed = self.changed.notified();
            let step = self.table.lock().next(network, asked);
            match step {
                Next::Taken(number) => {
                    return Some(Place { places: self.clone(), number, network });
                }
                Next::Ask(number, link) => {
                    asked = Some(number);
                    link.give_way();
                }
                Next::Wait => {}
                Next::Refused => return None,
            }
            changed.await;
        }
    }
}

impl Place {
    /// Notes that the connection waits for a message of the plugin, and can make room.
    pub(crate) fn awaits(&self, awaited: Awaited, link: &Arc<PluginLink>) {
        let Self { places, number, network } = self;
        places.table.lock().awaits(*number, *network, awaited, link.clone());
        places.changed.notify_waiters();
    }

    /// Notes that the hub is to decide, or that the connection is about to end.
    pub(crate) fn stays(&self) {
        // Without the lock: it may be the last reference.
        let link = self.places.table.lock().stays(self.number);
        drop(link);
        self.places.changed.notify_waiters();
    }
}

/// The place of a connection, in the hands of its driver and of whoever finds out who its plugin is;
/// none if it came from no listener, or when it is registered.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeldPlace(Option<Arc<Mutex<Option<Place>>>>);

impl HeldPlace {
    pub(crate) fn new(place: Option<Place>) -> Self {
        Self(place.map(|place| Arc::new(Mutex::new(Some(place)))))
    }

    /// As [`Place::awaits`].
    pub(crate) fn awaits(&self, awaited: Awaited, link: &Arc<PluginLink>) {
        if let Some(place) = &self.0
            && let Some(place) = &*place.lock()
        {
            place.awaits(awaited, link);
        }
    }

    /// As [`Place::stays`].
    pub(crate) fn stays(&self) {
        if let Some(place) = &self.0
            && let Some(place) = &*place.lock()
        {
            place.stays();
        }
    }

    /// Frees the place.
    pub(crate) fn free(&self) {
        let place = self.0.as_ref().and_then(|place| place.lock().take());
        // Without the lock: this may wake a listener.
        drop(place);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let link = self.places.table.lock().free(self.number, self.network);
        drop(link);
        self.places.changed.notify_waiters();
    }
}

/// What a connection without a place does next.
#[derive(Debug, Eq, PartialEq)]
enum Next<L> {
    /// It has a place, with this number.
    Taken(u64),
    /// It asks this connection, in the place with this number, to make room.
    Ask(u64, L),
    /// It waits for a change.
    Wait,
    /// It gets no place.
    Refused,
}

/// Which places are taken, by connections `L`.
#[derive(Debug)]
struct Table<L> {
    limit: usize,
    taken: usize,
    sources: Sources,
    /// The number of the place taken last; an older place has a lower number.
    last: u64,
    /// The connections that wait for their plugin, and can make room.
    waiting: BTreeMap<(Awaited, u64), (Option<Network>, L)>,
    /// The places whose connections were asked to make room and have neither done so nor gone on.
    asked: HashSet<u64>,
}

impl<L> Table<L> {
    fn new(limit: usize, sources: Sources) -> Self {
        let (waiting, asked) = (BTreeMap::new(), HashSet::new());
        Self { limit, taken: 0, sources, last: 0, waiting, asked }
    }

    /// The next step of a connection from this network, which has `asked` another one before.
    fn next(&mut self, network: Option<Network>, asked: Option<u64>) -> Next<L> {
        let is_source_full = network.is_some_and(|network| self.sources.is_full(network));
        if !is_source_full && self.taken < self.limit {
            (self.taken, self.last) = (self.taken + 1, self.last + 1);
            if let Some(network) = network {
                self.sources.add(network);
            }
            return Next::Taken(self.last);
        }
        if asked.is_some_and(|number| self.asked.contains(&number)) {
            return Next::Wait;
        }
        let mut waiting = self.waiting.iter();
        let first = waiting.find(|(_, (other, _))| !is_source_full || *other == network);
        match first.map(|(key, _)| *key) {
            Some(key) => {
                let (_, link) = self.waiting.remove(&key).expect("it was just found");
                self.asked.insert(key.1);
                Next::Ask(key.1, link)
            }
            None if is_source_full => Next::Refused,
            None => Next::Wait,
        }
    }

    fn awaits(&mut self, number: u64, network: Option<Network>, awaited: Awaited, link: L) {
        self.stays(number);
        self.waiting.insert((awaited, number), (network, link));
    }

    /// The connection can't make room; returns it, if it could before.
    fn stays(&mut self, number: u64) -> Option<L> {
        self.asked.remove(&number);
        let found = [Awaited::Hello, Awaited::Description]
            .into_iter()
            .find_map(|awaited| self.waiting.remove(&(awaited, number)));
        found.map(|(_, link)| link)
    }

    fn free(&mut self, number: u64, network: Option<Network>) -> Option<L> {
        self.taken -= 1;
        if let Some(network) = network {
            self.sources.remove(network);
        }
        self.stays(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Option<Network> = None;

    fn network(last: u8) -> Network {
        Network::V4([192, 0, 2, last])
    }

    /// A table of four places, two from an address.
    fn table() -> Table<&'static str> {
        Table::new(4, Sources::new(2))
    }

    /// Takes places for connections that are silent.
    fn fill(table: &mut Table<&'static str>, links: &[&'static str], network: Option<Network>) {
        for link in links {
            let Next::Taken(number) = table.next(network, None) else { panic!("no place") };
            table.awaits(number, network, Awaited::Hello, link);
        }
    }

    #[test]
    fn the_one_that_is_silent_for_longest_makes_room() {
        let mut table = table();
        fill(&mut table, &["a", "b", "c", "d"], HERE);
        // Two that wait ask one each, and once.
        assert_eq!(table.next(HERE, None), Next::Ask(1, "a"));
        assert_eq!(table.next(HERE, Some(1)), Next::Wait);
        assert_eq!(table.next(HERE, None), Next::Ask(2, "b"));
        table.free(1, HERE);
        assert_eq!(table.next(HERE, Some(1)), Next::Taken(5));
        // The second was no longer silent.
        table.awaits(2, HERE, Awaited::Description, "b");
        assert_eq!(table.next(HERE, Some(2)), Next::Ask(3, "c"));
    }

    #[test]
    fn those_that_have_said_hello_make_room_last_and_those_that_wait_for_the_hub_never() {
        let mut table = table();
        fill(&mut table, &["a", "b", "c", "d"], HERE);
        table.awaits(1, HERE, Awaited::Description, "a");
        table.stays(2);
        assert_eq!(table.next(HERE, None), Next::Ask(3, "c"));
        assert_eq!(table.next(HERE, None), Next::Ask(4, "d"));
        assert_eq!(table.next(HERE, None), Next::Ask(1, "a"));
        assert_eq!(table.next(HERE, None), Next::Wait);
    }

    #[test]
    fn an_address_makes_room_for_itself_and_for_nobody_else() {
        let mut table = table();
        fill(&mut table, &["a"], Some(network(1)));
        fill(&mut table, &["b", "c"], Some(network(2)));
        // There is a place left, but not for this address.
        assert_eq!(table.next(Some(network(2)), None), Next::Ask(2, "b"));
        table.stays(3);
        assert_eq!(table.next(Some(network(2)), None), Next::Refused);
        table.free(2, Some(network(2)));
        assert_eq!(table.next(Some(network(2)), None), Next::Taken(4));
        assert_eq!(table.next(Some(network(3)), None), Next::Taken(5));
        assert_eq!(table.next(Some(network(3)), None), Next::Ask(1, "a"));
    }

    #[test]
    fn nothing_is_left_of_those_that_are_gone() {
        let mut table = table();
        fill(&mut table, &["a", "b", "c", "d"], HERE);
        let Next::Ask(number, _) = table.next(HERE, None) else { panic!("nobody was asked") };
        for number in [number, 2, 3, 4] {
            table.free(number, HERE);
        }
        assert_eq!(table.taken, 0);
        assert!(table.waiting.is_empty() && table.asked.is_empty());
    }
}
