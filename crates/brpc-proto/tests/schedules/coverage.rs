//! How often each outcome and stage was visited: a schedule that never gets somewhere proves
//! nothing about it.

/// Declares the places to visit, and what each is called in the table.
macro_rules! places {
    ($($place:ident $name:literal)*) => {
        /// A place to visit.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Place { $($place),* }
        const PLACES: &[(Place, &str)] = &[$((Place::$place, $name)),*];
    };
}

places! {
    Ok "outcome: Ok"
    Method "outcome: Method"
    Panicked "outcome: Panicked"
    InvalidOutput "outcome: InvalidOutput"
    MethodNotFound "outcome: MethodNotFound"
    InvalidInput "outcome: InvalidInput"
    InputTooLarge "outcome: InputTooLarge"
    OverloadedAtHub "outcome: Overloaded, before it was sent"
    OverloadedAtPlugin "outcome: Overloaded, says the plugin"
    Forbidden "outcome: Forbidden"
    DrainingAtStart "outcome: Draining, refused"
    DrainingWaiting "outcome: Draining, taken back before it was sent"
    DrainingSent "outcome: Draining, sent after the plugin's last"
    DrainingAtPlugin "outcome: Draining, says the plugin"
    ShuttingDown "outcome: ShuttingDown"
    DeadlineAtStart "outcome: DeadlineExceeded(Queued), refused"
    DeadlineQueued "outcome: DeadlineExceeded(Queued)"
    DeadlineExpired "outcome: DeadlineExceeded(Expired)"
    DeadlineAtPlugin "outcome: DeadlineExceeded(Sent), says the plugin"
    DeadlineSent "outcome: DeadlineExceeded(Sent)"
    CancelledQueued "outcome: Cancelled(Queued)"
    CancelledSent "outcome: Cancelled(Sent)"
    CancelledByPlugin "outcome: Cancelled(Sent), says the plugin"
    DisconnectedAtStart "outcome: Disconnected(Queued), refused"
    DisconnectedQueued "outcome: Disconnected(Queued)"
    DisconnectedSent "outcome: Disconnected(Sent)"
    Never "execution: Never"
    Unknown "execution: Unknown"
    Completed "execution: Completed"
    HubClean "hub's end: Clean"
    HubUnclean "hub's end: Unclean"
    HubReset "hub's end: Reset"
    HubMidFrame "hub's end: MidFrame"
    HubSlowConsumer "hub's end: SlowConsumer"
    HubSlowSender "hub's end: SlowSender"
    HubSilent "hub's end: HeartbeatTimeout of the plugin"
    HubUnheard "hub's end: HeartbeatTimeout of the hub"
    HubProtocol "hub's end: Protocol"
    HubRejected "hub's end: Rejected"
    HubRefused "hub's end: Refused"
    HubUnplugged "hub's end: Unplugged"
    HubShutdown "hub's end: Shutdown"
    HubShutdownForced "hub's end: ShutdownForced"
    HubUnresponsive "hub's end: Unresponsive"
    HubReplaced "hub's end: Replaced"
    HubRevoked "hub's end: Revoked"
    PluginClean "plugin's end: Clean"
    PluginUnclean "plugin's end: Unclean"
    PluginReset "plugin's end: Reset"
    PluginMidFrame "plugin's end: MidFrame"
    PluginSlowConsumer "plugin's end: SlowConsumer"
    PluginSlowSender "plugin's end: SlowSender"
    PluginSilent "plugin's end: HeartbeatTimeout of the hub"
    PluginUnheard "plugin's end: HeartbeatTimeout of the plugin"
    PluginProtocol "plugin's end: Protocol"
    PluginRejected "plugin's end: Rejected"
    PluginRefused "plugin's end: Refused"
    PluginUnplugged "plugin's end: Unplugged"
    PluginShutdownForced "plugin's end: ShutdownForced"
    PluginReplaced "plugin's end: Replaced"
    PluginRevoked "plugin's end: Revoked"
    BadPreface "breach: BadPreface"
    FrameTooLarge "breach: FrameTooLarge"
    EmptyFrame "breach: EmptyFrame"
    UnknownKind "breach: UnknownKind"
    Malformed "breach: Malformed"
    TrailingBytes "breach: TrailingBytes"
    Overlong "breach: Overlong"
    UnexpectedFrame "breach: UnexpectedFrame"
    UnknownCall "breach: UnknownCall"
    UnknownCancel "breach: UnknownCancel"
    CallIdOrder "breach: CallIdOrder"
    UnknownMethod "breach: UnknownMethod"
    TooManyCalls "breach: TooManyCalls"
    CreditExceeded "breach: CreditExceeded"
    CreditOverflow "breach: CreditOverflow"
    TooManyStrikes "breach: TooManyStrikes"
    Described "handshake: let in after a description"
    DescriptionKnown "handshake: let in without one"
    Proven "handshake: accepted after a proof"
    RefusedProof "handshake: refused after a wrong proof"
    RefusedHello "handshake: refused after the Hello"
    RefusedDescription "handshake: refused after the description"
    RefusedBadName "handshake: refused for the name"
    RefusedTimeout "handshake: took too long for the hub"
    PluginGaveUp "handshake: took too long for the plugin"
    Placed "stage: waited, then placed"
    InParts "stage: more calls than are handed to the transport at a time"
    Tombstone "stage: given up after it was sent"
    LateAnswer "stage: answered after it was given up"
    CancelHeard "stage: the handler learns of a cancel"
    CancelAtOnce "stage: a cancel in the same bytes as its call"
    CancelTooLate "stage: a cancel of an answered call"
    CalledWhileLeaving "stage: a call reaches a plugin that leaves"
    Strike "stage: a strike, and the session goes on"
    AnsweredAtLast "stage: answers a call after all were given up"
    AnsweredAgain "stage: a second answer"
    Burst "stage: many calls made and given up"
    Refilled "stage: credit ran out and came back"
    EventTooLarge "stage: an event that the hub wouldn't take"
    AnsweredWithMetadata "stage: an answer with metadata"
    OutputTooLarge "stage: an output that the hub wouldn't take"
    CutInCall "stage: cut inside the frame of a call"
    CutInAnswer "stage: cut inside the frame of an answer"
    DrainedInTime "stage: drained in time, with calls finished"
    DrainedByForce "stage: cut off with calls that ran"
    LeftWithCalls "stage: left with calls that ran"
    LeftAndDrained "stage: left and asked to leave at once"
    Ping "stage: a heartbeat"
    Pong "stage: a heartbeat that is answered"
    Alive "stage: a sign of life that somebody waited for"
    QuietEnd "stage: all quiet and still connected"
}

/// Counts of visits.
#[derive(Clone, Debug)]
pub(crate) struct Coverage([u64; PLACES.len()]);

impl Coverage {
    pub(crate) fn new() -> Self {
        Self([0; PLACES.len()])
    }

    pub(crate) fn visit(&mut self, place: Place) {
        self.0[place as usize] += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// Prints the table. Returns the places that were never visited.
    pub(crate) fn print(&self) -> Vec<&'static str> {
        for ((_, name), count) in PLACES.iter().zip(self.0) {
            println!("{count:>12}  {name}");
        }
        let unvisited = PLACES.iter().zip(self.0).filter(|(_, count)| *count == 0);
        unvisited.map(|((_, name), _)| *name).collect()
    }
}
