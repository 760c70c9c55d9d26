//! The hub's side of the limits: callers that each wait for their own answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::Mode;
use super::events::Emitter;
use super::frame::{self, FrameReader};
use super::outbox::Outbox;
use crate::Error;
use crate::echo::{Failure, Message};
use crate::flags::{Scenario, Setup};
use crate::system::secure::{self, Reading, Stream};
use crate::system::{ChurnHub, EventHub, Hub, Plugin, call_each, call_in_life, dial, finish_lives};
use crate::tally::Tally;

#[derive(Debug)]
pub(crate) struct RawHub {
    listener: TcpListener,
    /// The plugin that sends events, once it is connected.
    emitter: Option<Emitter>,
}

/// A connection, shared by all who call over it. A cheap clone.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    outbox: Outbox,
    pending: Arc<Pending>,
}

/// Calls that are not yet answered.
#[derive(Debug, Default)]
struct Pending {
    /// The number of the next call.
    next: AtomicU64,
    calls: Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
}

impl RawHub {
    pub(crate) fn listen() -> Result<Self, Error> {
        Ok(Self { listener: dial::listen()?, emitter: None })
    }

    pub(crate) fn listener(&self) -> &TcpListener {
        &self.listener
    }
}

impl Hub for RawHub {
    type Plugin = Connection;

    fn address(&self) -> String {
        dial::address(&self.listener)
    }

    async fn accept(&mut self, setup: &Setup) -> Result<Vec<Connection>, Error> {
        let mode = Mode::new(setup);
        if setup.scenario == Scenario::Events {
            let stream = secure::accepted(dial::accept(&self.listener).await?, setup).await?;
            let emitter = if mode.spawns { Emitter::queue } else { Emitter::stream };
            self.emitter = Some(emitter(stream));
            return Ok(Vec::new());
        }
        // As a handshake would: a plugin counts when a message went each way.
        let is_greeted = setup.scenario == Scenario::Idle && mode.spawns;
        let (mut connections, mut opening) = (Vec::new(), JoinSet::new());
        for _ in 0..setup.plugins() {
            let stream = dial::accept(&self.listener).await?;
            if !setup.tls && !is_greeted {
                connections.push(Connection::new(Stream::Left(stream), mode));
                continue;
            }
            let setup = setup.clone();
            opening.spawn(async move {
                let connection = Connection::new(secure::accepted(stream, &setup).await?, mode);
                if is_greeted {
                    let greeted = connection.echo(&Message::new(0, setup.payload)).await;
                    greeted.map_err(|failure| format!("a plugin was not greeted: {failure:?}"))?;
                }
                Ok::<_, Error>(connection)
            });
        }
        while let Some(opened) = opening.join_next().await {
            connections.push(opened??);
        }
        Ok(connections)
    }

    async fn broadcast(&self, plugins: &[Connection], message: &Message) -> usize {
        call_each(plugins, message).await
    }
}

impl EventHub for RawHub {
    async fn next_event(&mut self) -> Result<Message, Failure> {
        match &mut self.emitter {
            Some(emitter) => emitter.next().await,
            None => Err(Failure::Failed("no plugin is connected".to_owned())),
        }
    }
}

impl ChurnHub for RawHub {
    async fn outlive(
        self,
        setup: &Setup,
        tally: &Arc<Tally>,
        lives: &Arc<AtomicU64>,
    ) -> Result<(), Error> {
        let mode = Mode::new(setup);
        let (mut number, mut calls) = (0, JoinSet::new());
        while !tally.is_over() {
            let stream = dial::accept(&self.listener).await?;
            let (setup, tally, lives) = (setup.clone(), tally.clone(), lives.clone());
            calls.spawn(async move {
                let stream = match secure::accepted(stream, &setup).await {
                    Ok(stream) => stream,
                    Err(error) => return tally.failed(Failure::of(&error)),
                };
                let connection = Connection::new(stream, mode);
                call_in_life(&connection, number, &setup, &tally).await;
                connection.outbox.close();
                if tally.is_measuring() {
                    lives.fetch_add(1, Ordering::Relaxed);
                }
            });
            number += 1;
            while calls.try_join_next().is_some() {}
        }
        finish_lives(calls, tally).await;
        Ok(())
    }
}

impl Connection {
    fn new(stream: Stream, mode: Mode) -> Self {
        let (reading, writing) = secure::parted(stream);
        let outbox = Outbox::new(mode.outbox, writing);
        let connection = Self { outbox, pending: Arc::default() };
        let frames = FrameReader::new(reading, mode.room);
        tokio::spawn(read(frames, connection.pending.clone()));
        connection
    }
}

impl Plugin for Connection {
    async fn echo(&self, message: &Message) -> Result<Message, Failure> {
        let (sender, answer) = oneshot::channel();
        let number = self.pending.insert(sender);
        self.outbox.send(number, message).await;
        let answer = answer.await.map_err(|error| Failure::of(&error))?;
        frame::decode(&answer).map_err(|error| Failure::of(&error))
    }
}

impl Pending {
    fn insert(&self, sender: oneshot::Sender<Bytes>) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).insert(number, sender);
        number
    }

    fn take(&self, number: u64) -> Option<oneshot::Sender<Bytes>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).remove(&number)
    }

    /// Tells all callers that no answer follows.
    fn clear(&self) {
        let calls = std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner));
        drop(calls);
    }
}

/// Passes each answer on to its caller, as it came.
async fn read(mut frames: FrameReader<Reading>, pending: Arc<Pending>) {
    while frames.fill().await {
        while let Some((number, answer)) = frames.next() {
            if let Some(caller) = pending.take(number) {
                // A caller that is gone wants no answer.
                let _ = caller.send(answer);
            }
        }
    }
    pending.clear();
}
