//! A plugin's side of a connection, in the hands of a test.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use brpc_core::{Answer, Function, Limits, Metadata};
use brpc_proto::codec::Native;
use brpc_proto::{Call, Connection, Description, Event, Hello, Role, WriteBuffer};
use brpc_socket::Socket;
use bytes::BytesMut;
use shuttle::rand::Rng as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

/// The only name here.
pub const NAME: &str = "worker";

/// How often each call was started, by its input.
pub type Journal = Arc<Mutex<HashMap<u64, u32>>>;

pub struct Peer {
    connection: Connection<()>,
    stream: DuplexStream,
    /// What was read, but for whole frames.
    input: BytesMut,
    now: std::time::Instant,
}

impl Peer {
    /// One that dials in to this hub.
    pub fn dial(hub: &Socket, instance: u8) -> Self {
        let (theirs, stream) = tokio::io::duplex(1 << 16);
        hub.attach(theirs);
        Self::new(stream, instance)
    }

    /// One that dials, says Hello and gives up, all before the hub finds the connection.
    pub async fn give_up(hub: &Socket, instance: u8) {
        let (theirs, stream) = tokio::io::duplex(1 << 16);
        Self::new(stream, instance).write().await;
        hub.attach(theirs);
    }

    fn new(stream: DuplexStream, instance: u8) -> Self {
        let now = std::time::Instant::now();
        let description = Description::new(&[Function::new("echo")]).unwrap();
        let hello = Hello { instance: [instance; 16], ..Hello::new(NAME, description.into()) };
        let codec = Box::new(Native::new(Role::Plugin));
        let connection = Connection::dialled(codec, hello, Limits::default(), now);
        Self { connection, stream, input: BytesMut::new(), now }
    }

    /// Waits until the hub has decided; whether it is welcome.
    pub async fn is_welcome(&mut self) -> bool {
        loop {
            match self.next().await {
                Some(Event::Welcomed(_)) => return true,
                Some(Event::Closed(..)) | None => return false,
                Some(_) => {}
            }
        }
    }

    /// Goes as far as the hub's answer to its Hello; its description is yet to be sent.
    pub async fn introduce(&mut self) {
        self.write().await;
        while !self.connection.wants_transmit() {
            self.read().await;
        }
    }

    /// The next event; `None` after the last one.
    pub async fn next(&mut self) -> Option<Event<()>> {
        loop {
            self.write().await;
            if let Some(event) = self.connection.poll_event() {
                return Some(event);
            }
            if self.connection.is_closed() {
                return None;
            }
            self.read().await;
        }
    }

    async fn read(&mut self) {
        match self.stream.read_buf(&mut self.input).await {
            Ok(1..) => self.connection.handle_input(&mut self.input, self.now),
            _ => self.connection.handle_end(brpc_proto::End::Eof),
        }
    }

    async fn write(&mut self) {
        let mut out = WriteBuffer::new();
        self.connection.poll_transmit(&mut out, self.now);
        // If the hub is gone, a read finds out.
        let _ = self.stream.write_all_buf(&mut out).await;
    }

    /// Answers calls with their input, until the hub ends the connection or `cut` is ready. Of every
    /// `one_in`, it answers only one.
    pub async fn serve(mut self, journal: Journal, one_in: u32, cut: impl Future<Output = ()>) {
        let mut cut = std::pin::pin!(cut);
        loop {
            let event = {
                let mut next = std::pin::pin!(self.next());
                std::future::poll_fn(|context| match cut.as_mut().poll(context) {
                    std::task::Poll::Ready(()) => std::task::Poll::Ready(None),
                    std::task::Poll::Pending => next.as_mut().poll(context),
                })
                .await
            };
            match event {
                Some(Event::Call { id, call: Call { payload, .. }, .. }) => {
                    let n = std::str::from_utf8(&payload).unwrap().parse().unwrap();
                    *journal.lock().unwrap().entry(n).or_default() += 1;
                    if shuttle::rand::thread_rng().gen_range(0..one_in) == 0 {
                        let answer: Answer = Ok(payload);
                        self.connection.answer(id, answer, Metadata::default());
                    }
                }
                Some(_) => {}
                None => return,
            }
        }
    }
}
