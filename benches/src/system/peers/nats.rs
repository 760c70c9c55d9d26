//! Request and reply over NATS, with JSON: hub and plugins are clients of a server, which is a third
//! process.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Subscriber};
use futures_util::StreamExt as _;
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::Error;
use crate::echo::{Failure, Message};
use crate::flags::{Scenario, Setup};
use crate::system::{Hub, Plugin, dial};

#[derive(Debug)]
pub(crate) struct NatsHub {
    client: Client,
    server: Server,
}

/// A plugin, by the subject that it listens to.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    client: Client,
    subject: Arc<str>,
}

/// What all plugins listen to.
const ALL: &str = "plugins";
/// How long anything may take, as a call of brpc by default.
const TIMEOUT: Duration = Duration::from_secs(30);

impl NatsHub {
    /// Starts a server.
    pub(crate) async fn start(setup: &Setup) -> Result<Self, Error> {
        let server = Server::start(setup).await?;
        Ok(Self { client: connect(&server.address).await?, server })
    }
}

impl Hub for NatsHub {
    type Plugin = Subject;

    fn address(&self) -> String {
        self.server.address.clone()
    }

    fn broker(&self) -> Option<Pid> {
        Some(self.server.pid)
    }

    async fn accept(&mut self, setup: &Setup) -> Result<Vec<Subject>, Error> {
        // Each plugin itself tells the server; nobody tells the hub.
        let named =
            |number| Subject { client: self.client.clone(), subject: subject(number).into() };
        Ok((0..setup.plugins()).map(named).collect())
    }

    async fn broadcast(&self, plugins: &[Subject], message: &Message) -> usize {
        let answers = async {
            let inbox = self.client.new_inbox();
            let mut answers = self.client.subscribe(inbox.clone()).await.ok()?;
            let encoded = serde_json::to_vec(message).ok()?;
            self.client.publish_with_reply(ALL, inbox, encoded.into()).await.ok()?;
            let mut right = 0;
            for _ in plugins {
                let answer = tokio::time::timeout(TIMEOUT, answers.next()).await.ok()??;
                let answer = serde_json::from_slice::<Message>(&answer.payload).ok()?;
                right += usize::from(answer.check(message).is_ok());
            }
            Some(right)
        };
        answers.await.unwrap_or(0)
    }
}

impl Plugin for Subject {
    async fn echo(&self, message: &Message) -> Result<Message, Failure> {
        let encoded = serde_json::to_vec(message).map_err(|error| Failure::of(&error))?;
        let answer = self.client.request(self.subject.to_string(), encoded.into()).await;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        serde_json::from_slice(&answer.payload).map_err(|error| Failure::of(&error))
    }
}

/// Connects all plugins, and answers their calls from then on.
pub(crate) async fn dial(setup: &Setup) -> Result<(), Error> {
    let (address, hears_all) = (setup.hub.clone(), setup.scenario != Scenario::Call);
    dial::connect_all(setup, move |number| {
        let address = address.clone();
        async move {
            let client = connect(&address).await?;
            let own = client.subscribe(subject(number)).await?;
            tokio::spawn(answer(client.clone(), own));
            if hears_all {
                let all = client.subscribe(ALL).await?;
                tokio::spawn(answer(client.clone(), all));
            }
            // When the server has answered, it knows the subscriptions.
            client.flush().await?;
            Ok(())
        }
    })
    .await
}

async fn answer(client: Client, mut calls: Subscriber) {
    while let Some(call) = calls.next().await {
        let message = serde_json::from_slice::<Message>(&call.payload);
        let (Some(reply), Ok(message)) = (call.reply, message) else { continue };
        let Ok(encoded) = serde_json::to_vec(&message) else { continue };
        if client.publish(reply, encoded.into()).await.is_err() {
            return;
        }
    }
}

async fn connect(address: &str) -> Result<Client, Error> {
    let options = ConnectOptions::new().request_timeout(Some(TIMEOUT)).connection_timeout(TIMEOUT);
    Ok(options.connect(address).await?)
}

fn subject(number: u32) -> String {
    format!("plugin.{number}")
}

/// A server of our own, which ends when this is dropped.
#[derive(Debug)]
struct Server {
    process: Child,
    pid: Pid,
    address: String,
}

impl Server {
    /// It stays on the plugins' CPU, if they are to stay on one: as it belongs to the other side.
    async fn start(setup: &Setup) -> Result<Self, Error> {
        // It doesn't say which port it took, so one is chosen that was free a moment ago.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new("nats-server");
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let process = command.spawn().map_err(|error| no_server(&error))?;
        let pid = Pid::from_raw(i32::try_from(process.id().ok_or("nats-server has ended")?)?);
        if let Some(cpu) = setup.callee_cpu {
            crate::process::keep_on(pid, cpu)?;
        }
        let server = Self { process, pid, address };
        server.wait().await?;
        Ok(server)
    }

    /// Returns when it can be connected to.
    async fn wait(&self) -> Result<(), Error> {
        const PAUSE: Duration = Duration::from_millis(10);
        let connected = async {
            while dial::connect(&self.address).await.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let connected = tokio::time::timeout(TIMEOUT, connected).await;
        connected.map_err(|_| "nats-server doesn't listen".into())
    }
}

impl Drop for Server {
    /// Waits for its end, so that the time it used is known to be ours.
    fn drop(&mut self) {
        const PAUSE: Duration = Duration::from_millis(1);
        const TIMES: u32 = 1_000;
        let _ = self.process.start_kill();
        for _ in 0..TIMES {
            if !matches!(self.process.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

fn no_server(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        "nats-server is not on the PATH; Debian has it in the package nats-server".into()
    } else {
        format!("nats-server doesn't start: {error}").into()
    }
}
