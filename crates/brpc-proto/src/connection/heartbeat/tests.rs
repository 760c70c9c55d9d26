use super::*;

const SECOND: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_secs(5);
/// How long a hub may have nothing to send.
const REST: Duration = Duration::from_millis(3_500);

/// A side with a clock, whose heartbeats somebody may lose.
struct Side {
    heartbeat: Heartbeat,
    now: Instant,
}

impl Side {
    fn new(role: Role) -> Self {
        let now = Instant::now();
        Self { heartbeat: Heartbeat::new(role, INTERVAL, now), now }
    }

    /// Waits; looks whenever it is to, twice as a driver does. The numbers of the Pings that it
    /// sends, and why it ends.
    fn wait(&mut self, time: Duration) -> (Vec<u64>, Option<DisconnectReason>) {
        let (end, mut pings) = (self.now + time, Vec::new());
        loop {
            pings.extend(self.sends().iter().filter(|it| it.0).map(|it| it.1));
            let look = self.heartbeat.poll_timeout();
            if look > end {
                self.now = end;
                return (pings, None);
            }
            self.now = self.now.max(look);
            if let Found::Silence(reason) = self.heartbeat.handle_timeout(0, self.now) {
                return (pings, Some(reason));
            }
        }
    }

    /// What it sends: whether it is a Ping, and the number.
    fn sends(&mut self) -> Vec<(bool, u64)> {
        let sent = self.heartbeat.transmit(0, self.now).into_iter().flatten();
        let told = sent.map(|message| match message {
            Message::Ping(beat) => (true, beat.number),
            Message::Pong(beat) => (false, beat.number),
            other => panic!("{other:?}"),
        });
        let told: Vec<_> = told.collect();
        if !told.is_empty() {
            self.heartbeat.note_sent(self.now);
        }
        told
    }

    fn hears(&mut self) -> bool {
        self.heartbeat.note_input(20, true, self.now)
    }
}

fn ping(number: u64) -> Beat {
    Beat { number, ..Beat::default() }
}

fn silence(silent: Duration) -> DisconnectReason {
    DisconnectReason::HeartbeatTimeout { side: brpc_core::Side::Peer, silent }
}

#[test]
fn a_silent_side_sends_a_ping_in_every_interval_and_gives_up_after_three() {
    let mut hub = Side::new(Role::Hub);
    assert_eq!(hub.wait(60 * SECOND), (vec![1, 2, 3, 4], Some(silence(15 * SECOND))));
    let mut plugin = Side::new(Role::Plugin);
    assert_eq!(plugin.wait(60 * SECOND), (vec![1, 2, 3], Some(silence(15 * SECOND))));
}

#[test]
fn l09_what_is_sent_is_no_life_and_spares_the_pings() {
    let mut hub = Side::new(Role::Hub);
    let mut pings = 0;
    for seconds in 1.. {
        hub.heartbeat.note_sent(hub.now);
        let (sent, end) = hub.wait(SECOND);
        pings += sent.len();
        if end.is_some() {
            assert_eq!((seconds, pings), (15, 0));
            return;
        }
    }
}

#[test]
fn on_an_idle_connection_only_the_hub_sends_pings() {
    let (mut hub, mut plugin) = (Side::new(Role::Hub), Side::new(Role::Plugin));
    let mut pings = 0;
    for _ in 0..8 * 3_600 {
        let (sent, end) = hub.wait(SECOND / 8);
        assert_eq!((plugin.wait(SECOND / 8), end), ((vec![], None), None));
        for number in sent {
            plugin.hears();
            plugin.heartbeat.handle_ping(&ping(number), plugin.now).unwrap();
            assert_eq!(plugin.sends(), [(false, number)]);
            hub.hears();
            hub.heartbeat.handle_pong(&ping(number), hub.now).unwrap();
            pings += 1;
        }
    }
    assert_eq!(pings, 3_600_000 / REST.as_millis());
}

/// Where a link fails in one direction, TCP delivers what is sent next in the other, and nothing after
/// it: a Ping, by which the peer judges from then on.
#[test]
fn one_that_is_heard_once_more_is_found_out_in_less_than_four_intervals() {
    for role in [Role::Hub, Role::Plugin] {
        let mut side = Side::new(role);
        let (start, look) = (side.now, side.heartbeat.poll_timeout());
        assert_eq!(side.wait(look - start).0, [1]);
        assert!(look - start + Limits::SILENT_INTERVALS * INTERVAL <= INTERVAL * 39 / 10);
    }
}

#[test]
fn a_part_of_a_frame_is_life_at_the_slowest_rate_and_a_trickle_is_not() {
    let lives = |bytes: u64| {
        let mut hub = Side::new(Role::Hub);
        let mut seconds = 0;
        while seconds < 600 && hub.wait(SECOND).1.is_none() {
            hub.heartbeat.note_input(bytes, false, hub.now);
            seconds += 1;
        }
        seconds
    };
    assert_eq!(lives(MIN_RATE), 600);
    assert!((25..35).contains(&lives(MIN_RATE / 2)));
    assert_eq!(lives(1), 15);
}

#[test]
fn a_side_that_was_stopped_judges_nobody_before_it_has_listened_again() {
    let mut hub = Side::new(Role::Hub);
    assert_eq!(hub.wait(3 * SECOND), (vec![], None));
    hub.now += 60 * SECOND;
    let found = hub.heartbeat.handle_timeout(0, hub.now);
    assert_eq!(found, Found::OwnStall);
    let (pings, end) = hub.wait(60 * SECOND);
    assert_eq!(
        (pings, end),
        (vec![1, 2, 3, 4, 5], Some(silence(78 * SECOND))),
        "three more intervals"
    );
    // As long as it was late, it could hear nothing.
    let mut hub = Side::new(Role::Hub);
    hub.hears();
    hub.now += 13 * SECOND;
    assert_eq!(hub.heartbeat.handle_timeout(0, hub.now), Found::Nothing);
    assert_eq!(hub.wait(60 * SECOND).1, Some(silence(Duration::from_millis(24_500))));
    // That is no excuse for what was before; but what has arrived is read first.
    let mut hub = Side::new(Role::Hub);
    assert_eq!(hub.wait(14 * SECOND).1, None);
    hub.now += 9 * SECOND;
    assert_eq!(hub.heartbeat.handle_timeout(0, hub.now), Found::Nothing);
    assert!(hub.heartbeat.poll_timeout() <= hub.now);
    let found = hub.heartbeat.handle_timeout(0, hub.now);
    assert_eq!(found, Found::Silence(silence(23 * SECOND)));
}

#[test]
fn f28_no_more_than_one_is_unsent() {
    let mut hub = Side::new(Role::Hub);
    for number in 1..=9 {
        hub.heartbeat.handle_ping(&ping(number), hub.now).unwrap();
    }
    for _ in 0..9 {
        hub.now += 2 * SECOND;
        hub.hears();
        assert_eq!(hub.heartbeat.handle_timeout(0, hub.now), Found::Nothing);
        assert!(hub.heartbeat.poll_timeout() > hub.now, "busy");
    }
    assert_eq!(hub.sends(), [(false, 9), (true, 1)]);
    assert!(!hub.heartbeat.is_due());
}

#[test]
fn the_round_trip_is_that_of_a_ping_that_was_answered_by_itself() {
    let mut hub = Side::new(Role::Hub);
    let pong = |hub: &mut Side, number| {
        hub.hears();
        hub.heartbeat.handle_pong(&ping(number), hub.now).unwrap();
        hub.heartbeat.round_trip()
    };
    hub.wait(REST);
    hub.now += SECOND / 10;
    assert_eq!(pong(&mut hub, 1), Some(SECOND / 10));
    // Two are under way, and the second is answered with the first.
    assert_eq!(hub.wait(8 * SECOND).0, [2, 3]);
    assert_eq!(pong(&mut hub, 3), Some(SECOND / 10));
    assert_eq!(pong(&mut hub, 2), Some(SECOND / 10), "nobody waits for it");
    assert_eq!(hub.wait(3 * SECOND).0, [4]);
    hub.now += SECOND;
    assert_eq!(pong(&mut hub, 9), Some(SECOND / 10), "it was never sent");
}

#[test]
fn a_probe_sends_a_ping_at_once_and_is_answered_once() {
    let mut hub = Side::new(Role::Hub);
    assert!(!hub.hears());
    hub.heartbeat.probe();
    assert_eq!(hub.sends(), [(true, 1)]);
    assert!(!hub.heartbeat.note_input(0, false, hub.now));
    assert!(hub.heartbeat.note_input(1, false, hub.now));
    assert!(!hub.hears());
}

#[test]
fn one_that_takes_much_says_so_though_it_sends() {
    let mut plugin = Side::new(Role::Plugin);
    let look = |received, plugin: &mut Side| {
        plugin.now = plugin.heartbeat.poll_timeout();
        plugin.hears();
        plugin.heartbeat.note_sent(plugin.now);
        plugin.heartbeat.handle_timeout(received, plugin.now);
        plugin.heartbeat.transmit(received, plugin.now).into_iter().flatten().next()
    };
    assert!(look(5_119, &mut plugin).is_none());
    let Some(Message::Ping(beat)) = look(5_120, &mut plugin) else { panic!() };
    assert_eq!(beat.received, 5_120);
    assert!(look(10_000, &mut plugin).is_none());
}

#[test]
fn f28_a_flood_of_heartbeats_is_a_breach() {
    let mut hub = Side::new(Role::Hub);
    let mut taken = 0;
    let flood = loop {
        if let Err(error) = hub.heartbeat.handle_ping(&ping(taken), hub.now) {
            break error;
        }
        taken += 1;
    };
    assert_eq!((taken, flood), (4_096, ProtocolError::TooManyHeartbeats));
    hub.now += SECOND;
    let more = (0..100).take_while(|_| hub.heartbeat.handle_pong(&ping(0), hub.now).is_ok());
    assert_eq!(more.count(), 9, "one is still owed");
}

/// When a segment arrives that is sent now, over a link that loses so many of a hundred: TCP
/// sends it again after 200 ms, twice as long and so on, and hands nothing on out of order.
fn arrival(sent: Instant, last: Instant, loss: u64, random: &mut u64) -> Instant {
    let (mut at, mut again) = (sent + SECOND / 20, SECOND / 5);
    loop {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if (*random >> 33) % 100 >= loss {
            return at.max(last);
        }
        at += again;
        again *= 2;
    }
}

/// For how long two sides that have nothing to say live over such a link, up to a day.
fn lives_with_loss(loss: u64, seed: u64) -> Duration {
    const DAY: Duration = Duration::from_hours(24);
    let (mut hub, mut plugin) = (Side::new(Role::Hub), Side::new(Role::Plugin));
    plugin.now = hub.now;
    plugin.heartbeat = Heartbeat::new(Role::Plugin, INTERVAL, hub.now);
    let (start, mut random) = (hub.now, seed);
    // Under way: when it arrives, whether at the hub, whether it is a Ping, and its number.
    let mut sent: Vec<(Instant, bool, bool, u64)> = Vec::new();
    let mut last = [start; 2];
    loop {
        for at_hub in [true, false] {
            let side = if at_hub { &mut plugin } else { &mut hub };
            for (is_ping, number) in side.sends() {
                let last = &mut last[usize::from(at_hub)];
                *last = arrival(side.now, *last, loss, &mut random);
                sent.push((*last, at_hub, is_ping, number));
            }
        }
        let looks = [&hub, &plugin].map(|side| side.heartbeat.poll_timeout());
        let arrives = sent.iter().map(|sent| sent.0).min();
        let now = arrives.into_iter().chain(looks).min().unwrap().max(hub.now);
        (hub.now, plugin.now) = (now, now);
        if now - start >= DAY {
            return DAY;
        }
        let is_there = |sent: &mut (Instant, bool, bool, u64)| sent.0 <= now;
        for (_, at_hub, is_ping, number) in sent.extract_if(.., is_there) {
            let side = if at_hub { &mut hub } else { &mut plugin };
            side.hears();
            let handled = if is_ping {
                side.heartbeat.handle_ping(&ping(number), now)
            } else {
                side.heartbeat.handle_pong(&ping(number), now)
            };
            handled.unwrap();
        }
        for side in [&mut hub, &mut plugin] {
            if matches!(side.heartbeat.handle_timeout(0, now), Found::Silence(_)) {
                return now - start;
            }
        }
    }
}

#[test]
fn l12_one_of_twenty_packets_may_be_lost_for_a_day() {
    for seed in 0..20 {
        assert_eq!(lives_with_loss(5, seed), Duration::from_hours(24), "seed {seed}");
    }
    // The link can lose too much.
    assert!(lives_with_loss(60, 0) < Duration::from_hours(1));
}
