//! Why a side may say that the connection ended.

use std::time::Instant;

use brpc_core::{DisconnectReason, ProtocolError, Side as Heard};
use brpc_proto::{DrainCause, Tally};

use super::Model;
use super::call::AtPlugin;
use crate::coverage::Place;
use crate::script::Side;

/// What a goodbye can say, by its number on the wire.
const UNPLUGGED: u64 = 2;
const SHUTTING_DOWN: u64 = 3;
const TOO_SLOW: u64 = 5;
const REPLACED: u64 = 6;
const SILENT: u64 = 7;
const UNRESPONSIVE: u64 = 8;
const REVOKED: u64 = 9;

impl Model {
    pub(super) fn hub_closed(&mut self, reason: DisconnectReason, tally: Tally, now: Instant) {
        self.trace.note(now, || format!("hub ends: {reason:?}, {tally:?}"));
        self.hub.end = Some(reason);
        // Nothing of what was left is to be said any more.
        self.cancels_owed.clear();
        self.drainings_owed = 0;
        for (index, call) in self.calls.iter().enumerate() {
            assert!(call.is_over(), "call {index} is left behind: {call:?}");
        }
        if !self.has_mischief {
            assert_eq!((tally.finished, tally.cut), (self.finished, self.cut), "{reason:?}");
            self.check_hub_end(reason, now);
        }
        self.visit_hub_end(reason);
    }

    fn check_hub_end(&mut self, reason: DisconnectReason, now: Instant) {
        if let Some(expected) = self.hub.must_end.take() {
            return assert_eq!(reason, expected);
        }
        let drain = self.drain.map(|(cause, _)| cause);
        let is_grace_over = matches!(self.drain, Some((_, Some(until))) if until <= now);
        let left = self.hub.goodbye.is_some();
        let halts = self.has_halts || !self.stops.is_empty();
        let is_allowed = match reason {
            DisconnectReason::Clean => left && drain.is_none(),
            DisconnectReason::Refused => self.hub.was_refused,
            DisconnectReason::Unplugged => {
                drain == Some(DrainCause::Unplug) && (left || is_grace_over)
            }
            DisconnectReason::Shutdown => drain == Some(DrainCause::Shutdown) && left,
            DisconnectReason::ShutdownForced => {
                drain == Some(DrainCause::Shutdown) && is_grace_over
            }
            DisconnectReason::Unresponsive => self.is_mute_for_long(now),
            DisconnectReason::SlowConsumer => halts,
            DisconnectReason::HeartbeatTimeout { side: Heard::Peer, .. } => {
                self.has_halts || self.stops.contains(&Some(Side::Plugin))
            }
            DisconnectReason::HeartbeatTimeout { side: Heard::This, .. } => {
                self.hub.goodbye == Some(SILENT)
            }
            // Or it has left and stays, for instance since it waits for credit.
            DisconnectReason::SlowSender => halts || (self.leave.is_some() && self.cut == 0),
            DisconnectReason::Rejected => self.hub.goodbye == Some(TOO_SLOW),
            _ => false,
        };
        assert!(is_allowed, "the hub ends for {reason:?}, drain {:?}", self.drain);
        if left && self.finished > 0 && drain.is_some() {
            self.cover.visit(Place::DrainedInTime);
        }
    }

    pub(super) fn plugin_closed(&mut self, reason: DisconnectReason) {
        self.plugin.end = Some(reason);
        if !self.has_mischief {
            if let Some(expected) = self.plugin.must_end.take() {
                assert_eq!(reason, expected);
            } else {
                let goodbye = self.plugin.goodbye;
                let halts = self.has_halts || !self.stops.is_empty();
                let is_allowed = match reason {
                    // It says goodbye itself when it has done what it was asked to.
                    DisconnectReason::Clean => {
                        self.plugin.is_done = self.plugin.is_in;
                        let mut called =
                            self.calls.iter().filter(|call| call.at_plugin != AtPlugin::Unknown);
                        called.all(|call| call.answer.is_some())
                    }
                    DisconnectReason::Refused => self.hub.was_refused,
                    DisconnectReason::Unplugged => goodbye == Some(UNPLUGGED),
                    DisconnectReason::ShutdownForced => goodbye == Some(SHUTTING_DOWN),
                    DisconnectReason::Rejected => {
                        matches!(goodbye, Some(TOO_SLOW | UNRESPONSIVE))
                    }
                    DisconnectReason::Replaced => goodbye == Some(REPLACED),
                    DisconnectReason::Revoked => goodbye == Some(REVOKED),
                    DisconnectReason::SlowConsumer => halts,
                    DisconnectReason::HeartbeatTimeout { side: Heard::Peer, .. } => {
                        self.has_halts || self.stops.contains(&Some(Side::Hub))
                    }
                    DisconnectReason::HeartbeatTimeout { side: Heard::This, .. } => {
                        goodbye == Some(SILENT)
                    }
                    DisconnectReason::SlowSender => halts || !self.plugin.is_in,
                    _ => false,
                };
                assert!(is_allowed, "the plugin ends for {reason:?}");
            }
        }
        self.visit_plugin_end(reason);
    }

    fn visit_hub_end(&mut self, reason: DisconnectReason) {
        let place = match reason {
            DisconnectReason::Clean => Place::HubClean,
            DisconnectReason::Unclean => Place::HubUnclean,
            DisconnectReason::Reset => Place::HubReset,
            DisconnectReason::MidFrame => Place::HubMidFrame,
            DisconnectReason::Unresponsive => Place::HubUnresponsive,
            DisconnectReason::SlowConsumer => Place::HubSlowConsumer,
            DisconnectReason::SlowSender => Place::HubSlowSender,
            DisconnectReason::HeartbeatTimeout { side: Heard::Peer, .. } => Place::HubSilent,
            DisconnectReason::HeartbeatTimeout { side: Heard::This, .. } => Place::HubUnheard,
            DisconnectReason::Protocol(error) => {
                self.visit_breach(error);
                Place::HubProtocol
            }
            DisconnectReason::Rejected => Place::HubRejected,
            DisconnectReason::Refused => Place::HubRefused,
            DisconnectReason::Unplugged => Place::HubUnplugged,
            DisconnectReason::Shutdown => Place::HubShutdown,
            DisconnectReason::ShutdownForced => Place::HubShutdownForced,
            DisconnectReason::Replaced => Place::HubReplaced,
            DisconnectReason::Revoked => Place::HubRevoked,
            other => panic!("a reason without a place: {other:?}"),
        };
        self.cover.visit(place);
    }

    fn visit_plugin_end(&mut self, reason: DisconnectReason) {
        let place = match reason {
            DisconnectReason::Clean => Place::PluginClean,
            DisconnectReason::Unclean => Place::PluginUnclean,
            DisconnectReason::Reset => Place::PluginReset,
            DisconnectReason::MidFrame => Place::PluginMidFrame,
            DisconnectReason::SlowConsumer => Place::PluginSlowConsumer,
            DisconnectReason::SlowSender if !self.plugin.is_in => Place::PluginGaveUp,
            DisconnectReason::SlowSender => Place::PluginSlowSender,
            DisconnectReason::HeartbeatTimeout { side: Heard::Peer, .. } => Place::PluginSilent,
            DisconnectReason::HeartbeatTimeout { side: Heard::This, .. } => Place::PluginUnheard,
            DisconnectReason::Protocol(error) => {
                self.visit_breach(error);
                Place::PluginProtocol
            }
            DisconnectReason::Rejected => Place::PluginRejected,
            DisconnectReason::Refused => Place::PluginRefused,
            DisconnectReason::Unplugged => Place::PluginUnplugged,
            DisconnectReason::ShutdownForced => Place::PluginShutdownForced,
            DisconnectReason::Replaced => Place::PluginReplaced,
            DisconnectReason::Revoked => Place::PluginRevoked,
            // A plugin is not told whether it left in time: it knows.
            other => panic!("a reason without a place: {other:?}"),
        };
        self.cover.visit(place);
    }

    fn visit_breach(&mut self, error: ProtocolError) {
        self.cover.visit(match error {
            ProtocolError::BadPreface => Place::BadPreface,
            ProtocolError::FrameTooLarge { .. } => Place::FrameTooLarge,
            ProtocolError::EmptyFrame => Place::EmptyFrame,
            ProtocolError::UnknownKind { .. } => Place::UnknownKind,
            ProtocolError::Malformed { .. } => Place::Malformed,
            ProtocolError::TrailingBytes { .. } => Place::TrailingBytes,
            ProtocolError::Overlong { .. } => Place::Overlong,
            ProtocolError::UnexpectedFrame { .. } => Place::UnexpectedFrame,
            ProtocolError::UnknownCall => Place::UnknownCall,
            ProtocolError::UnknownCancel => Place::UnknownCancel,
            ProtocolError::CallIdOrder => Place::CallIdOrder,
            ProtocolError::UnknownMethod => Place::UnknownMethod,
            ProtocolError::TooManyCalls => Place::TooManyCalls,
            ProtocolError::CreditExceeded => Place::CreditExceeded,
            ProtocolError::CreditOverflow => Place::CreditOverflow,
            ProtocolError::TooManyStrikes => Place::TooManyStrikes,
            // What is forged lies between whole frames, so versions and digests are what they are;
            // those two have tests of their own.
            other => panic!("a breach without a place: {other:?}"),
        });
    }
}
