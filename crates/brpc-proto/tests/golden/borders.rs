//! What the page says about borders, where no breach and no vector shows it.

use brpc_core::limits::MAX_TRACE;
use brpc_proto::{DrainCause, Event};

use crate::pair::Pair;

#[test]
fn a_trace_of_a_drain_is_cut_by_the_sender() {
    for (trace, cut) in [("t".repeat(MAX_TRACE), MAX_TRACE), ("é".repeat(MAX_TRACE), MAX_TRACE)] {
        let mut pair = Pair::ready();
        pair.hub.drain(DrainCause::Unplug, &trace, None);
        let drain = pair.hub_sends();
        let events = pair.plugin_takes(&drain);
        let [Event::Drain(_, told)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((told.len(), trace.starts_with(told)), (cut, true));
    }
}
