//! One thread for all runtimes of a process, which looks whether connections are held up.
//!
//! Within a runtime nobody might notice: one of its threads waits for sockets and timers, and when a
//! task blocks that one, tokio wakes no other in its place. A task that comes from outside wakes one.
//!
//! The thread runs as long as there is somebody to look after, and a second longer. It wakes once a
//! second, or twice an interval of heartbeats that is shorter, and no call has anything to do with it.

use std::mem;
use std::thread;
use std::time::Duration;

use parking_lot::{Mutex, const_mutex};

use crate::foreign::contain;

/// What the lookout looks at.
pub(crate) trait Watched: Send {
    /// Looks, and returns when to do so again, at the latest; `None` if it is over.
    fn look(&mut self) -> Option<Duration>;
}

/// How long the thread sleeps at most.
const LONGEST: Duration = Duration::from_secs(1);

/// What the thread hasn't seen yet; `None` while there is no thread.
static ARRIVED: Mutex<Option<Vec<Box<dyn Watched>>>> = const_mutex(None);

/// Looks after this from now on, until it is over. Without a thread, which the system may refuse,
/// nobody does.
pub(crate) fn watch(watched: Box<dyn Watched>) {
    let mut arrived = ARRIVED.lock();
    if let Some(arrived) = &mut *arrived {
        arrived.push(watched);
        return;
    }
    // It waits for the lock before it does anything.
    let thread = thread::Builder::new().name("brpc-lookout".to_owned());
    if thread.spawn(keep_watch).is_ok() {
        *arrived = Some(vec![watched]);
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
        all.retain_mut(|watched: &mut Box<dyn Watched>| {
            // It may be the last that has a stream of a user's, and drop it.
            let Ok(Some(next)) = contain(|| watched.look()) else { return false };
            pause = pause.min(next);
            true
        });
    }
}
