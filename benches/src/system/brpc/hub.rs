//! The hub's side of brpc.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brpc::{Event, Events, Socket};
use tokio::task::JoinSet;

use super::plugin;
use crate::Error;
use crate::echo::{Failure, Message};
use crate::flags::{Scenario, Setup, System};
use crate::system::{ChurnHub, EventHub, Hub, Plugin, call_in_life, dial, finish_lives};
use crate::tally::Tally;

#[derive(Debug)]
pub(crate) struct BrpcHub {
    socket: Socket,
    address: String,
    /// The name of what its plugins are called for.
    method: &'static str,
    /// Who comes and goes, and what plugins send.
    events: Events,
}

/// A plugin, by its name.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    socket: Socket,
    name: Arc<str>,
    method: &'static str,
}

/// How many that came and went need not have been looked at yet.
const ARRIVALS: usize = 1 << 16;

impl BrpcHub {
    pub(crate) fn serve(setup: &Setup) -> Result<Self, Error> {
        let (socket, listener) = (super::socket(setup)?, dial::listen()?);
        let address = dial::address(&listener);
        let events = match setup.scenario {
            Scenario::Events => socket.events().wait(),
            // No plugin may be missed.
            _ => socket.events().capacity(ARRIVALS.max(setup.plugins() as usize)),
        };
        socket.serve(listener);
        let method = match setup.system {
            // As in Go: names that others may call begin with a capital letter.
            System::GoPlugin => "Echo",
            _ => "echo",
        };
        Ok(Self { socket, address, method, events })
    }

    fn plugin(&self, name: &str) -> Named {
        Named { socket: self.socket.clone(), name: name.into(), method: self.method }
    }
}

impl Hub for BrpcHub {
    type Plugin = Named;

    fn address(&self) -> String {
        self.address.clone()
    }

    async fn accept(&mut self, setup: &Setup) -> Result<Vec<Named>, Error> {
        // Counted, since looking for 10,000 names whenever one comes would slow their coming.
        for _ in 0..setup.plugins() {
            match self.events.next().await {
                Some(Event::Connected(_)) => {}
                other => return Err(format!("a plugin was to connect, but: {other:?}").into()),
            }
        }
        Ok((0..setup.plugins()).map(|number| self.plugin(&plugin::name(number))).collect())
    }

    async fn broadcast(&self, _: &[Named], message: &Message) -> usize {
        let mut answers = self.socket.broadcast::<Message>(self.method, message);
        let mut right = 0;
        while let Some((_, answer)) = answers.next().await {
            right += usize::from(answer.is_ok_and(|answer| answer.check(message).is_ok()));
        }
        right
    }
}

impl EventHub for BrpcHub {
    async fn next_event(&mut self) -> Result<Message, Failure> {
        loop {
            match self.events.next().await {
                Some(Event::Message(message)) => {
                    return message.decode().map_err(|error| Failure::of(&error));
                }
                Some(Event::Connected(_)) => {}
                other => return Err(Failure::Failed(format!("no event, but: {other:?}"))),
            }
        }
    }
}

impl ChurnHub for BrpcHub {
    async fn outlive(
        mut self,
        setup: &Setup,
        tally: &Arc<Tally>,
        lives: &Arc<AtomicU64>,
    ) -> Result<(), Error> {
        let (mut number, mut calls) = (0, JoinSet::new());
        while !tally.is_over() {
            match self.events.next().await {
                Some(Event::Connected(plugin)) => {
                    let (plugin, setup, tally) =
                        (self.plugin(plugin.name()), setup.clone(), tally.clone());
                    calls.spawn(async move { call_in_life(&plugin, number, &setup, &tally).await });
                    number += 1;
                }
                Some(Event::Disconnected(..)) if tally.is_measuring() => {
                    lives.fetch_add(1, Ordering::Relaxed);
                }
                Some(Event::Disconnected(..)) => {}
                other => return Err(format!("a plugin was to come or go, but: {other:?}").into()),
            }
            while calls.try_join_next().is_some() {}
        }
        finish_lives(calls, tally).await;
        Ok(())
    }
}

impl Plugin for Named {
    async fn echo(&self, message: &Message) -> Result<Message, Failure> {
        let answer = self.socket.call(&self.name, self.method, message).await;
        answer.map_err(|error| Failure::of(&error))
    }
}
