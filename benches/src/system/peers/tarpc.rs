//! tarpc over TCP, with bincode. Its client sits in the hub, on a connection that was accepted; its
//! server sits in the plugin, on one that was dialled.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tarpc::server::{BaseChannel, Channel as _};
use tarpc::tokio_util::codec::{Framed, LengthDelimitedCodec};
use tarpc::{client, context, serde_transport};
use tokio::net::{TcpListener, TcpStream};
use tokio_serde::formats::Bincode;

use crate::Error;
use crate::echo::{Failure, Message};
use crate::flags::Setup;
use crate::system::{Hub, Plugin, call_each, dial};

#[tarpc::service]
pub(crate) trait Echo {
    /// Gives back what it gets.
    async fn echo(message: Message) -> Message;
}

#[derive(Clone)]
struct Server;

impl Echo for Server {
    async fn echo(self, _: context::Context, message: Message) -> Message {
        message
    }
}

#[derive(Debug)]
pub(crate) struct TarpcHub {
    listener: TcpListener,
}

impl TarpcHub {
    pub(crate) fn listen() -> Result<Self, Error> {
        Ok(Self { listener: dial::listen()? })
    }
}

impl Hub for TarpcHub {
    type Plugin = EchoClient;

    fn address(&self) -> String {
        dial::address(&self.listener)
    }

    async fn accept(&mut self, setup: &Setup) -> Result<Vec<EchoClient>, Error> {
        let mut config = client::Config::default();
        config.max_in_flight_requests = config.max_in_flight_requests.max(setup.inflight as usize);
        let mut clients = Vec::new();
        for _ in 0..setup.plugins() {
            let framed = framed(dial::accept(&self.listener).await?);
            let transport = serde_transport::new(framed, Bincode::default());
            clients.push(EchoClient::new(config.clone(), transport).spawn());
        }
        Ok(clients)
    }

    async fn broadcast(&self, plugins: &[EchoClient], message: &Message) -> usize {
        call_each(plugins, message).await
    }
}

impl Plugin for EchoClient {
    async fn echo(&self, message: &Message) -> Result<Message, Failure> {
        /// As long as a call of brpc may take by default.
        const TIMEOUT: Duration = Duration::from_secs(30);
        let mut context = context::current();
        context.deadline = Instant::now() + TIMEOUT;
        // The generated method, which has the name of this one.
        let answer = EchoClient::echo(self, context, message.clone()).await;
        answer.map_err(|error| Failure::of(&error))
    }
}

/// Connects all plugins, and answers their calls from then on.
pub(crate) async fn dial(setup: &Setup) -> Result<(), Error> {
    let hub = setup.hub.clone();
    dial::connect_all(setup, move |_| {
        let hub = hub.clone();
        async move {
            let framed = framed(dial::connect(&hub).await?);
            let channel =
                BaseChannel::with_defaults(serde_transport::new(framed, Bincode::default()));
            let calls = channel.execute(Server.serve());
            tokio::spawn(calls.for_each(|call| async {
                tokio::spawn(call);
            }));
            Ok(())
        }
    })
    .await
}

fn framed(stream: TcpStream) -> Framed<TcpStream, LengthDelimitedCodec> {
    LengthDelimitedCodec::builder().new_framed(stream)
}
