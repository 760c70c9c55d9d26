//! One thread for all runtimes of a process, which looks whether connections are held up.
//!
//! Within a runtime nobody might notice: one of its threads waits for sockets and timers, and when a
//! task blocks that one, tokio wakes no other in its place. A task that comes from outside wakes one.
//!
//! The thread runs as long as there is somebody to look after, and a second longer. It wakes once a
//! second, or twice an interval of heartbeats that is shorter, and no call has anything to do with it.

use std::mem;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, const_mutex};

use crate::foreign::contain;

/// What the lookout looks at.
pub(crate) trait Watched: Send {
    /// Looks, and returns how long not to look again; `None` if it is over.
    fn look(&mut self) -> Option<Duration>;
}

/// What the thread looks at.
struct Post {
    watched: Box<dyn Watched>,
    /// How long it isn't looked at, and when it is to be again. A look touches much of a connection,
    /// and there may be thousands.
    pause: Duration,
    next: Instant,
}

/// How long the thread sleeps at most.
const LONGEST: Duration = Duration::from_secs(1);

/// What the thread hasn't seen yet; `None` while there is no thread.
static ARRIVED: Mutex<Option<Vec<Post>>> = const_mutex(None);

/// Looks after this from now on, until it is over. Without a thread, which the system may refuse,
/// nobody does.
pub(crate) fn watch(watched: Box<dyn Watched>) {
    let post = Post { watched, pause: LONGEST, next: Instant::now() };
    let mut arrived = ARRIVED.lock();
    if let Some(arrived) = &mut *arrived {
        arrived.push(post);
        return;
    }
    // It waits for the lock before it does anything.
    let thread = thread::Builder::new().name("brpc-lookout".to_owned());
    if thread.spawn(keep_watch).is_ok() {
        *arrived = Some(vec![post]);
    }
}

fn keep_watch() {
    let (mut all, mut pause) = (Vec::new(), LONGEST);
    loop {
        thread::sleep(pause);
        let mut arrived = ARRIVED.lock();
        all.extend(arrived.as_mut().map(mem::take).unwrap_or_default());
        if all.is_empty() {
            *arrived = None;
            return;
        }
        drop(arrived);
        pause = LONGEST;
        let now = Instant::now();
        all.retain_mut(|post: &mut Post| {
            if post.next <= now {
                // It may be the last that has a stream of a user's, and drop it.
                let Ok(Some(next)) = contain(|| post.watched.look()) else { return false };
                (post.pause, post.next) = (next, now + next);
            }
            pause = pause.min(post.pause);
            true
        });
    }
}
