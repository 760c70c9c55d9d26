//! What the schedules have visited.

use std::collections::BTreeMap;

/// What must be visited by some schedule.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Place {
    /// A call was lost with its link before anything of it was sent.
    SuspendedUnsent,
    /// After it was sent.
    SuspendedSent,
    /// It was suspended again.
    SuspendedAgain,
    /// Its handler ran on, and the call went on.
    Continued,
    /// Its answer was held.
    Replayed,
    /// The plugin had not received it.
    SentAgain,
    /// Others were held back, or had to wait for a place, when it went on.
    OthersWait,
    /// A call was refused for lack of a place.
    Refused,
    /// It ended, since the plugin didn't have it any more.
    LostOnReturn,
    /// It ended while it was suspended.
    CancelledWhileSuspended,
    LateWhileSuspended,
    WindowOver,
    /// The plugin gave a call up while it was away.
    KeptTooLong,
    /// The plugin kept what the hub didn't want any more.
    Unwanted,
    /// Answers were too many to be held.
    AnswerDropped,
    /// Ended with its own answer.
    Ok,
    /// The old connection was replaced by the plugin's new one.
    Replaced,
    /// Another hub, or another plugin.
    Restarted,
    OtherInstance,
    /// A peer without the feature.
    OldPeer,
    Drained,
}

const ALL: &[Place] = &[
    Place::SuspendedUnsent,
    Place::SuspendedSent,
    Place::SuspendedAgain,
    Place::Continued,
    Place::Replayed,
    Place::SentAgain,
    Place::OthersWait,
    Place::Refused,
    Place::LostOnReturn,
    Place::CancelledWhileSuspended,
    Place::LateWhileSuspended,
    Place::WindowOver,
    Place::KeptTooLong,
    Place::Unwanted,
    Place::AnswerDropped,
    Place::Ok,
    Place::Replaced,
    Place::Restarted,
    Place::OtherInstance,
    Place::OldPeer,
    Place::Drained,
];

#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage(BTreeMap<Place, u64>);

impl Coverage {
    pub(crate) fn visit(&mut self, place: Place) {
        *self.0.entry(place).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (place, count) in &other.0 {
            *self.0.entry(*place).or_default() += count;
        }
    }

    /// Prints the table; returns what was never visited.
    pub(crate) fn print(&self) -> Vec<Place> {
        for place in ALL {
            println!("{:>10}  {place:?}", self.0.get(place).unwrap_or(&0));
        }
        ALL.iter().copied().filter(|place| !self.0.contains_key(place)).collect()
    }
}
