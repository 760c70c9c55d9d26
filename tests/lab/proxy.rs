//! A link over TCP that fails on request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

/// What is wrong with a link. *Up* is from whoever dialled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    /// Each piece takes so many milliseconds, and up to so many more.
    Delay(u64, u64),
    /// So many bytes a second.
    Throttle(usize),
    /// One byte at a time, one in two milliseconds.
    Drip,
    /// Nothing passes in these directions, and nothing ends.
    Stall {
        up: bool,
        down: bool,
    },
    /// After so many bytes in either direction: both streams are closed.
    Cut(usize),
    /// The same, but they are reset.
    Reset(usize),
    /// The same, but only this direction ends.
    HalfClose(usize),
    /// The same, but nothing passes any more, and nothing ends.
    Stop(usize),
    /// One bit of each piece is another.
    Flip,
}

impl Fault {
    /// As it is written in commands.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<_> = text.split_whitespace().collect();
        let number = |index: usize| words.get(index)?.parse().ok();
        let stall = |up, down| Self::Stall { up, down };
        Some(match *words.first().unwrap_or(&"none") {
            "none" => Self::None,
            "delay" => Self::Delay(number(1)? as u64, number(2).unwrap_or(0) as u64),
            "throttle" => Self::Throttle(number(1)?),
            "drip" => Self::Drip,
            "stall" => stall(true, true),
            "stall-up" => stall(true, false),
            "stall-down" => stall(false, true),
            "cut" => Self::Cut(number(1)?),
            "reset" => Self::Reset(number(1)?),
            "half-close" => Self::HalfClose(number(1)?),
            "stop" => Self::Stop(number(1)?),
            "flip" => Self::Flip,
            _ => return None,
        })
    }

    fn stalls(self, is_up: bool) -> bool {
        matches!(self, Self::Stall { up, down } if if is_up { up } else { down })
    }

    /// How many bytes pass at once, and how long they take.
    fn pace(self) -> (usize, Duration) {
        match self {
            Self::Drip => (1, Duration::from_millis(2)),
            Self::Throttle(rate) => (rate.div_ceil(50), Duration::from_millis(20)),
            Self::Delay(least, more) => {
                (PIECE, Duration::from_millis(least + u64::from(random()) * more / 255))
            }
            _ => (PIECE, Duration::ZERO),
        }
    }

    /// After how many bytes something ends.
    fn ends_after(self) -> Option<usize> {
        match self {
            Self::Cut(count) | Self::Reset(count) | Self::HalfClose(count) | Self::Stop(count) => {
                Some(count)
            }
            _ => None,
        }
    }
}

const PIECE: usize = 16 * 1024;

/// Something that differs enough.
fn random() -> u8 {
    std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos().to_le_bytes()[1]
}

/// Passes connections on to a target.
pub struct Proxy {
    pub address: SocketAddr,
    fault: watch::Sender<Fault>,
}

impl Proxy {
    pub async fn new(listen: &str, target: String) -> Self {
        let listener = TcpListener::bind(listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let fault = watch::Sender::new(Fault::None);
        let faults = fault.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (target, faults) = (target.clone(), faults.clone());
                tokio::spawn(async move {
                    if let Ok(far) = TcpStream::connect(target).await {
                        pass(near, far, &faults).await;
                    }
                });
            }
        });
        Self { address, fault }
    }

    /// Breaks all connections in this way, and those to come.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

/// `proxy LISTEN TARGET [FAULT]`; each line of the standard input is another fault.
pub async fn be(listen: &str, target: &str, fault: &str) {
    let parse = |text: &str| Fault::parse(text).unwrap_or_else(|| panic!("no such fault: {text}"));
    let proxy = Proxy::new(listen, target.to_owned()).await;
    proxy.set(parse(fault));
    println!("{} passes on to {target}", proxy.address);
    let mut line = String::new();
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin());
    while tokio::io::AsyncBufReadExt::read_line(&mut lines, &mut line).await.unwrap() > 0 {
        proxy.set(parse(line.trim()));
        line.clear();
    }
    std::future::pending::<()>().await;
}

async fn pass(near: TcpStream, far: TcpStream, faults: &watch::Sender<Fault>) {
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let ended = Arc::new(Notify::new());
    let up = carry(near_in, far_out, faults.subscribe(), true, &ended);
    let down = carry(far_in, near_out, faults.subscribe(), false, &ended);
    tokio::select! {
        ((), ()) = async { tokio::join!(up, down) } => {}
        () = ended.notified() => {}
    }
}

/// Carries bytes in one direction, until the link or either side ends.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut faults: watch::Receiver<Fault>,
    is_up: bool,
    ended: &Notify,
) {
    let mut bytes = vec![0; PIECE];
    let mut fault = Fault::None;
    // Since the fault began.
    let mut passed = 0;
    loop {
        let most = fault.pace().0.clamp(1, PIECE);
        let read = tokio::select! {
            read = from.read(&mut bytes[..most]) => read,
            changed = faults.changed() => {
                let Ok(()) = changed else { return };
                (fault, passed) = (*faults.borrow_and_update(), 0);
                continue;
            }
        };
        let Ok(count @ 1..) = read else { break };
        let piece = &mut bytes[..count];
        sleep(fault.pace().1).await;
        let Ok(now) = faults.wait_for(|fault| !fault.stalls(is_up)).await.map(|now| *now) else {
            return;
        };
        if now != fault {
            (fault, passed) = (now, 0);
        }
        if fault == Fault::Flip {
            piece[usize::from(random()) % count] ^= 1 << (random() % 8);
        }
        passed += count;
        if fault.ends_after().is_some_and(|most| passed > most) {
            match fault {
                Fault::HalfClose(_) => break,
                Fault::Stop(_) => std::future::pending().await,
                Fault::Reset(_) => {
                    let _ = from.as_ref().set_zero_linger();
                    let _ = to.as_ref().set_zero_linger();
                }
                _ => {}
            }
            return ended.notify_one();
        }
        if to.write_all(piece).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
    // Nothing of this side may be left unread, or closing it would reset it.
    while matches!(from.read(&mut bytes).await, Ok(1..)) {}
}
