//! A port that is open to everybody: ten thousand connections that mean no good, from two processes,
//! before any of them is let in; and a plugin that is to be let in meanwhile, by a token over TLS.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use brpc::auth::{Identity, Tokens};
use brpc::{Encryption, Listener, Plugin, Socket, Source, Token};
use brpc_tls::{ClientTls, ServerTls};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;

use crate::bench::{BACK, busy, folder};
use crate::process::{COUNT, Growth, HUB, NAME, Process, say};
use crate::record::FOLDER;

struct Guest;

#[brpc::plugin]
impl Guest {
    /// Does nothing.
    #[allow(clippy::unused_self)] // Without `&self`, a method is not exposed.
    pub fn rest(&self) {}
}

/// What the hub knows.
const TOKEN: &str = "a-token-that-this-hub-knows-0123456789";

/// Where the hub's certificate is.
const CERTIFICATE: &str = "hub.pem";

/// Each address of this host is as one of another host, so that all limits apply.
struct Far(TcpListener);

impl Listener for Far {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Source)> {
        let (stream, source) = Listener::accept(&mut self.0).await?;
        let Source::Address(SocketAddr::V4(address)) = source else { return Ok((stream, source)) };
        let [_, _, network, host] = address.ip().octets();
        // A network for measurements.
        let address = SocketAddr::from(([198, 18, network, host], address.port()));
        Ok((stream, Source::Address(address)))
    }
}

/// The hub, with its usual limits.
pub async fn be_guarded() {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let folder = std::env::var(FOLDER).unwrap();
    std::fs::write(format!("{folder}/{CERTIFICATE}"), own.cert.pem()).unwrap();
    let key = own.signing_key.serialize_pem();
    let tls = ServerTls::pem(own.cert.pem().as_bytes(), key.as_bytes()).unwrap();
    let good = Tokens::text(TOKEN).unwrap().identity(Identity::new("good").plug("good-*"));
    let hub = Socket::builder().tls(tls).authenticator(good).build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _serving = hub.serve(Far(listener).with_encryption(Encryption::Allowed));
    say(&format!("listening {address}"));
    let mut growth = Growth::begin();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        match &*line {
            "begin" => growth = Growth::begin(),
            "grown" => {
                let (refused, strangers) = (hub.refusals(), hub.strangers());
                say(&format!("grown {} {refused:?} {strangers:?}", growth.so_far()));
            }
            _ => panic!("no such order: {line}"),
        }
    }
}

/// Hostile connections: so many, each again two seconds after it is closed.
pub async fn be_hostile() {
    let hub: SocketAddr = std::env::var(HUB).unwrap().parse().unwrap();
    let count: u32 = std::env::var(COUNT).unwrap().parse().unwrap();
    let which: u8 = std::env::var(NAME).unwrap().parse().unwrap();
    for number in 0..count {
        // From 200 addresses.
        let from = Ipv4Addr::new(127, 0, which, u8::try_from(number % 200).unwrap() + 2);
        tokio::spawn(async move {
            loop {
                if let Ok(stream) = dial(from, hub).await {
                    let _ = attack(number % 6, stream).await;
                }
                sleep(Duration::from_secs(2)).await;
            }
        });
    }
    say("attacking");
    std::future::pending::<()>().await;
}

async fn dial(from: Ipv4Addr, hub: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(hub).await
}

/// What one connection does, until it is closed.
async fn attack(kind: u32, mut stream: TcpStream) -> io::Result<()> {
    /// The beginning of a `ClientHello` of 512 bytes.
    const HALF: [u8; 11] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3];
    match kind {
        // Says nothing.
        0 => {}
        // A byte now and then.
        1 => {
            for byte in b"\xB2brpc\n\x01\x00\x80\x01\x01" {
                stream.write_all(&[*byte]).await?;
                sleep(Duration::from_millis(400)).await;
            }
        }
        // Garbage, and some that begins like TLS.
        2 => stream.write_all(&[0xA5; 4096]).await?,
        3 => stream.write_all(&[&HALF[..5], &[0xA5; 4096]].concat()).await?,
        // Half of what begins TLS.
        4 => stream.write_all(&HALF).await?,
        // A plugin with a token that is wrong.
        _ => {
            let wrong = Token::text("a-token-that-nobody-knows-0123456789");
            let plugin = Plugin::new(Guest).name("good-0").token(wrong);
            let _ = plugin.serve(stream).await;
            return Ok(());
        }
    }
    stream.read_to_end(&mut Vec::new()).await.map(|_| ())
}

pub async fn all(is_long: bool) -> bool {
    let (count, plugins) = if is_long { (10_000, 100) } else { (2_000, 20) };
    let folder = folder("hostile");
    let mut hub = Process::start("guarded", None, &folder, &[]);
    let listening = hub.says(0, "listening", 1, BACK).await.swap_remove(0).1;
    let address: SocketAddr = listening.strip_prefix("listening ").unwrap().parse().unwrap();
    let certificate = std::fs::read(folder.join(CERTIFICATE)).unwrap();
    let tls = ClientTls::ca_pem(&certificate).unwrap();
    // Once without anybody else, so that all that is made once is made.
    let alone = let_in(&tls, address, 0).await;
    hub.order("begin").await;
    let half = (count / 2).to_string();
    let mut attackers = Vec::new();
    for which in ["1", "2"] {
        let with = [(HUB, &*address.to_string()), (COUNT, &half), (NAME, which)];
        attackers.push(Process::start("hostile", None, &folder, &with));
    }
    for attacker in &attackers {
        attacker.says(0, "attacking", 1, BACK).await;
    }
    sleep(Duration::from_secs(3)).await;
    let mut times = Vec::new();
    for number in 0..plugins {
        times.push(let_in(&tls, address, number).await);
        sleep(Duration::from_millis(100)).await;
    }
    times.sort_unstable();
    let (half, nearly_all) = (times[times.len() / 2], times[times.len() * 99 / 100 - 1]);
    let most = times[times.len() - 1];
    let grown = hub.ask("grown", "grown", BACK).await;
    for attacker in attackers {
        attacker.kill().await;
    }
    sleep(Duration::from_secs(1)).await;
    let after = let_in(&tls, address, 0).await;
    println!(
        "{count} hostile connections: a plugin was in after {half:.0?}, 99 of 100 after {nearly_all:.0?}, at most after {most:.0?}; alone \
         {alone:.0?}, afterwards {after:.0?}; the hub: {grown}"
    );
    let grown: usize = grown.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(grown <= 32 << 10, "{grown} KiB");
    // Where the system drops the first packet of a dial, it sends the next one after a second.
    assert!(nearly_all <= Duration::from_secs(1) + busy(), "{nearly_all:?}");
    hub.kill().await;
    std::fs::remove_dir_all(folder).unwrap();
    true
}

/// How long a plugin takes to be let in.
async fn let_in(tls: &ClientTls, hub: SocketAddr, number: usize) -> Duration {
    let plugin = Plugin::new(Guest).name(format!("good-{number}"));
    let plugin = plugin.tls(tls.clone()).token(Token::text(TOKEN));
    let began = Instant::now();
    let session = plugin.connect(format!("brpcs://{hub}")).await.unwrap();
    let took = began.elapsed();
    session.handle().stop(Duration::ZERO);
    session.run().await;
    took
}
