//! The limit of all limits that speak JSON: one task keeps all calls in flight, and no task waits
//! for its own answer.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::frame::{self, FrameReader};
use crate::Error;
use crate::echo::{Failure, Message};
use crate::flags::Setup;
use crate::load::{self, Measured};
use crate::meter::Processes;
use crate::progress::Progress;
use crate::system::dial;
use crate::system::secure::{self, Stream};
use crate::tally::Tally;

use super::Mode;
use super::hub::RawHub;
use super::outbox::write;

/// Measures as [`load::run`] does.
pub(crate) async fn run(
    setup: &Setup,
    streams: Vec<Stream>,
    processes: &Processes,
    progress: &Progress,
) -> Result<(Arc<Tally>, Measured), Error> {
    let tally = Arc::new(Tally::new());
    let room = Mode::new(setup).room;
    let keep = |stream| {
        tokio::spawn(keep_in_progress(stream, room, setup.inflight, setup.payload, tally.clone()))
    };
    let tasks = streams.into_iter().map(keep).collect();
    let measured = load::measure(setup, &tally, processes, progress).await?;
    load::finish(tasks, &tally).await;
    Ok((tally, measured))
}

impl RawHub {
    /// The connections themselves.
    pub(crate) async fn accept_streams(&self, setup: &Setup) -> Result<Vec<Stream>, Error> {
        let mut streams = Vec::new();
        for _ in 0..setup.plugins() {
            streams.push(secure::accepted(dial::accept(self.listener()).await?, setup).await?);
        }
        Ok(streams)
    }
}

/// Makes a call for each answer that comes.
async fn keep_in_progress(
    stream: Stream,
    room: usize,
    inflight: u32,
    payload: u32,
    tally: Arc<Tally>,
) {
    let (reading, mut writing) = secure::parted(stream);
    // Written in a task of its own, or both sides could wait for the other to read. Holds at most
    // all calls in progress.
    let (sender, mut batches) = mpsc::unbounded_channel::<Vec<u8>>();
    let (written, mut spare) = mpsc::unbounded_channel::<Vec<u8>>();
    let writer = tokio::spawn(async move {
        while let Some(mut batch) = batches.recv().await {
            if write(&mut writing, &batch).await.is_err() {
                return;
            }
            batch.clear();
            // Its memory is reused, if there is still somebody to do so.
            let _ = written.send(batch);
        }
    });

    let mut calls: Vec<Message> =
        (0..u64::from(inflight)).map(|call| Message::new(call << 32, payload)).collect();
    let mut starts = vec![Instant::now(); calls.len()];
    let mut batch = Vec::new();
    for (number, call) in (0..).zip(&calls) {
        frame::put(&mut batch, number, call);
    }
    let mut frames = FrameReader::new(reading, room);
    while !tally.is_over() && sender.send(std::mem::take(&mut batch)).is_ok() {
        if !frames.fill().await {
            tally.failed(Failure::Failed("the connection ended".to_owned()));
            break;
        }
        batch = spare.try_recv().unwrap_or_default();
        while let Some((number, answer)) = frames.next() {
            let index = usize::try_from(number).unwrap_or(usize::MAX);
            let Some((call, start)) = calls.get_mut(index).zip(starts.get_mut(index)) else {
                tally.failed(Failure::Mismatch);
                continue;
            };
            let answer = frame::decode(&answer).map_err(|error| Failure::of(&error));
            let end = Instant::now();
            match answer.and_then(|answer| answer.check(call)) {
                Ok(()) => tally.answered(end - *start),
                Err(failure) => tally.failed(failure),
            }
            *start = end;
            call.id += 1;
            frame::put(&mut batch, number, call);
        }
    }
    writer.abort();
}
