//! The hub's owner: lets the plugin in, or not, and consumes its events, sooner or later.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use brpc_core::{Refusal, RefusalCode};
use brpc_proto::{Connection, Description, Event};

use crate::coverage::Place;
use crate::model::Model;
use crate::pair::GENERATION;
use crate::rng::Rng;
use crate::script::{Challenge, Consumer, Known, WelcomePlan, Word};

#[derive(Debug)]
pub(crate) struct HubSide {
    welcome: WelcomePlan,
    /// The plugin's description, and another.
    descriptions: [Arc<Description>; 2],
    consumer: Consumer,
    /// What is to be done when.
    steps: BinaryHeap<Reverse<(Instant, Step)>>,
    /// Sizes of events that are not consumed before the end.
    unconsumed: Vec<usize>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Step {
    Challenge,
    AnswerHello,
    RefuseHello,
    AnswerDescription,
    /// Consume an event of this size.
    Consume(usize),
}

impl HubSide {
    pub(crate) fn new(
        welcome: WelcomePlan,
        consumer: Consumer,
        descriptions: [Arc<Description>; 2],
    ) -> Self {
        let (steps, unconsumed) = (BinaryHeap::new(), Vec::new());
        Self { welcome, descriptions, consumer, steps, unconsumed }
    }

    /// Takes note of what the connection tells.
    pub(crate) fn handle_event(
        &mut self,
        event: Event<usize>,
        model: &mut Model,
        now: Instant,
        rng: &mut Rng,
    ) {
        model.hub_event(&event, now);
        let soon = now + rng.micros(self.welcome.delay);
        match event {
            Event::Hello(_) => {
                let is_asked =
                    matches!(self.welcome.challenge, Challenge::Right | Challenge::Wrong);
                let step = if is_asked { Step::Challenge } else { Step::AnswerHello };
                self.steps.push(Reverse((soon, step)));
            }
            Event::Proof(proof) => {
                let is_right = proof.is_made_with(&Challenge::known_secret());
                assert_eq!(is_right, self.welcome.challenge == Challenge::Right, "a wrong proof");
                let step = if is_right { Step::AnswerHello } else { Step::RefuseHello };
                self.steps.push(Reverse((soon, step)));
            }
            Event::Described(_) => self.steps.push(Reverse((soon, Step::AnswerDescription))),
            Event::Message(event) => match self.consumer {
                Consumer::AtTheEnd => self.unconsumed.push(event.len()),
                Consumer::AtOnce => {
                    self.steps.push(Reverse((now, Step::Consume(event.len()))));
                }
                Consumer::Later(most) => {
                    let at = now + rng.micros(most);
                    self.steps.push(Reverse((at, Step::Consume(event.len()))));
                }
            },
            Event::Alive => model.beats.hub.is_told(&mut model.cover),
            Event::Refused(refusal) => model.cover.visit(match refusal.code {
                RefusalCode::BadName => Place::RefusedBadName,
                RefusalCode::HandshakeTimeout => Place::RefusedTimeout,
                _ => return,
            }),
            _ => {}
        }
    }

    /// When the next step is due.
    pub(crate) fn next_step(&self) -> Option<Instant> {
        self.steps.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes a step that is due; false if none is.
    pub(crate) fn step(
        &mut self,
        connection: &mut Connection<usize>,
        model: &mut Model,
        now: Instant,
        rng: &mut Rng,
    ) -> bool {
        let Some(&Reverse((at, step))) = self.steps.peek() else { return false };
        if at > now {
            return false;
        }
        self.steps.pop();
        match step {
            Step::Consume(size) => connection.return_credit(1, size as u64),
            Step::Challenge => {
                // The connection may be over, but is never asked too early.
                let is_said = connection.challenge(rng.bytes());
                assert_eq!(is_said, !connection.is_closed());
                assert!(!connection.challenge([0; 32]), "asked twice");
                // Not before the proof.
                connection.accept(self.known());
                connection.welcome("plugin", GENERATION, [7; 16], now);
                assert!(connection.terms().is_none(), "let in before the proof");
            }
            Step::RefuseHello => {
                let was_open = !connection.is_closed();
                connection.refuse(Refusal::new(RefusalCode::AuthFailed, "not let in"));
                if was_open {
                    model.cover.visit(Place::RefusedProof);
                }
            }
            Step::AnswerHello => match self.welcome.hello {
                Some(Word::Yes) => {
                    connection.accept(self.known());
                    if self.welcome.challenge == Challenge::Right && !connection.is_closed() {
                        model.cover.visit(Place::Proven);
                    }
                }
                word => refuse(word, Place::RefusedHello, connection, model),
            },
            Step::AnswerDescription => match self.welcome.described {
                Some(Word::Yes) => {
                    connection.welcome("plugin", GENERATION, [7; 16], now);
                    if connection.terms().is_some() {
                        model.hub_welcomed();
                        model.cover.visit(match self.welcome.known {
                            Known::This => Place::DescriptionKnown,
                            Known::Nothing | Known::Another => Place::Described,
                        });
                    }
                }
                word => refuse(word, Place::RefusedDescription, connection, model),
            },
        }
        true
    }

    /// Consumes what was left for the end, and all that comes later; true if something was left.
    pub(crate) fn consume_rest(&mut self, connection: &mut Connection<usize>) -> bool {
        self.consumer = Consumer::Later(0);
        let had_some = !self.unconsumed.is_empty();
        for size in self.unconsumed.drain(..) {
            connection.return_credit(1, size as u64);
        }
        had_some
    }

    fn known(&self) -> Option<Arc<Description>> {
        let [this, another] = &self.descriptions;
        match self.welcome.known {
            Known::Nothing => None,
            Known::This => Some(this.clone()),
            Known::Another => Some(another.clone()),
        }
    }
}

/// Does not let the plugin in, or says nothing at all.
fn refuse(word: Option<Word>, place: Place, connection: &mut Connection<usize>, model: &mut Model) {
    let refusal = Refusal::new(RefusalCode::NameTaken, "taken");
    match word {
        None => return,
        Some(Word::RefuseForNow) => connection.refuse(refusal.retry_after(Duration::MAX)),
        Some(Word::Refuse | Word::Yes) => connection.refuse(refusal),
    }
    model.cover.visit(place);
}
