//! A file that is read again when it changes, with the files that it names.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use brpc_rt::foreign::shielded;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::sleep;

/// What a file says, read again when it or a file that it names changes. A new file that can't be read,
/// or that makes no sense, changes nothing, and is logged.
pub(crate) struct Watched<T, E> {
    path: PathBuf,
    parse: Box<Parse<T, E>>,
    seen: Mutex<Seen>,
    /// What it said when it made sense last.
    current: watch::Sender<Arc<T>>,
}

/// Makes sense of a text, and notes the files that it names before it reads them.
type Parse<T, E> = dyn Fn(&str, &mut Files) -> Result<T, E> + Send + Sync;

/// How the files were found.
#[derive(Debug)]
struct Seen {
    /// When they were read last, whether or not that made sense.
    read: Files,
    /// When they were looked at last: a file that is still being written is not read.
    last: Files,
    /// Whether it is logged already that the file can't be read.
    has_failed: bool,
}

/// Files, and how each was found. `None` stands for one that isn't there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Files(Vec<(PathBuf, Option<Stamp>)>);

impl Files {
    /// Notes a file that is about to be read: what changes meanwhile is found later.
    pub(crate) fn note(&mut self, path: &Path) {
        if self.0.iter().all(|(known, _)| known != path) {
            self.0.push((path.to_owned(), Stamp::at(path)));
        }
    }

    /// The same files as they are now.
    fn now(&self) -> Self {
        Self(self.0.iter().map(|(path, _)| (path.clone(), Stamp::at(path))).collect())
    }
}

/// What tells a file from a changed one.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    /// Another file of that name has another number; and the time of its last change is set by the
    /// system alone, while a copy may keep the rest.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

impl Stamp {
    fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }

    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;
        Self {
            modified: metadata.modified().ok(),
            len: metadata.len(),
            #[cfg(unix)]
            inode: (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Why a file says nothing.
#[derive(Debug)]
pub(crate) enum ReadError<E> {
    Io(io::Error),
    Invalid(E),
}

/// How often it is looked at: four times within the second in which what was revoked must be gone.
const PAUSE: Duration = Duration::from_millis(250);

impl<T, E: fmt::Display> Watched<T, E>
where
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Reads a file.
    pub(crate) fn open(
        path: &Path,
        parse: impl Fn(&str, &mut Files) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, ReadError<E>> {
        let mut files = Files::default();
        files.note(path);
        let text = std::fs::read_to_string(path).map_err(ReadError::Io)?;
        let current = parse(&text, &mut files).map_err(ReadError::Invalid)?;
        Ok(Self {
            path: path.to_owned(),
            parse: Box::new(parse),
            seen: Mutex::new(Seen { read: files.clone(), last: files, has_failed: false }),
            current: watch::Sender::new(Arc::new(current)),
        })
    }

    /// What it says.
    pub(crate) fn current(&self) -> Arc<T> {
        self.current.borrow().clone()
    }

    /// Looks at the files now and then, until they say something new: here, or where somebody else looks.
    pub(crate) async fn changed(&self) {
        let mut news = self.current.subscribe();
        let looking = async {
            while !self.look() {
                sleep(PAUSE).await;
            }
        };
        tokio::select! {
            _ = shielded(news.changed()) => {}
            () = looking => {}
        }
    }

    /// Reads the file if it or one that it names has changed; whether it says something new.
    fn look(&self) -> bool {
        let mut seen = self.seen.lock();
        let found = seen.read.now();
        let is_settled = std::mem::replace(&mut seen.last, found.clone()) == found;
        if seen.read == found || !is_settled {
            return false;
        }
        let path = self.path.display();
        let mut files = Files::default();
        files.note(&self.path);
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) => {
                // It is tried again, and logged once.
                if !std::mem::replace(&mut seen.has_failed, true) {
                    tracing::error!(%path, %error, "a file can't be read; what it said before holds");
                }
                return false;
            }
        };
        let parsed = (self.parse)(&text, &mut files);
        (seen.last, seen.read, seen.has_failed) = (files.clone(), files, false);
        match parsed {
            Ok(new) => {
                tracing::info!(%path, "a file has changed, and is read again");
                self.current.send_replace(Arc::new(new));
                true
            }
            Err(error) => {
                tracing::error!(%path, %error, "a file makes no sense; what it said before holds");
                false
            }
        }
    }
}

impl<T, E> fmt::Debug for Watched<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watched").field(&self.path).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::time::{Instant, timeout};

    use super::*;

    /// A file of the test's own, which is gone with it.
    struct Own(PathBuf);

    impl Own {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("brpc-watched-{name}-{}", std::process::id())))
        }

        fn say(&self, text: &str) {
            std::fs::write(&self.0, text).unwrap();
        }

        fn watched(&self) -> Watched<String, String> {
            let parse = |text: &str, _: &mut Files| match text {
                "bad" => Err("it is bad".to_owned()),
                text => Ok(text.to_owned()),
            };
            Watched::open(&self.0, parse).unwrap()
        }
    }

    impl Drop for Own {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_file_says_is_known_within_half_a_second() {
        let file = Own::new("says");
        file.say("one");
        let watched = file.watched();
        assert_eq!(*watched.current(), "one");
        assert!(timeout(Duration::from_mins(1), watched.changed()).await.is_err());
        file.say("another");
        let start = Instant::now();
        watched.changed().await;
        assert!(start.elapsed() <= 2 * PAUSE);
        assert_eq!(*watched.current(), "another");
    }

    /// As `rsync --inplace -t` writes it: hashes of tokens all have the same length.
    #[tokio::test(start_paused = true)]
    async fn a_change_is_seen_also_if_it_has_the_length_and_the_time_of_the_old_one() {
        let file = Own::new("same");
        file.say("one");
        let modified = std::fs::metadata(&file.0).unwrap().modified().unwrap();
        let watched = file.watched();
        file.say("two");
        std::fs::File::options().write(true).open(&file.0).unwrap().set_modified(modified).unwrap();
        assert!(timeout(Duration::from_mins(1), watched.changed()).await.is_ok());
        assert_eq!(*watched.current(), "two");
    }

    #[tokio::test(start_paused = true)]
    async fn what_makes_no_sense_changes_nothing() {
        let file = Own::new("no-sense");
        file.say("one");
        let watched = file.watched();
        file.say("bad");
        assert!(timeout(Duration::from_mins(1), watched.changed()).await.is_err());
        std::fs::remove_file(&file.0).unwrap();
        assert!(timeout(Duration::from_mins(1), watched.changed()).await.is_err());
        assert_eq!(*watched.current(), "one");
        file.say("three");
        watched.changed().await;
        assert_eq!(*watched.current(), "three");
    }

    /// Of two hubs that wait for the same file, both learn of it, whichever looks.
    #[tokio::test(start_paused = true)]
    async fn all_that_wait_learn_of_it() {
        let file = Own::new("two");
        file.say("one");
        let watched = file.watched();
        let mut first = Box::pin(watched.changed());
        assert!(first.as_mut().now_or_never().is_none());
        file.say("another");
        watched.changed().await;
        assert!(first.now_or_never().is_some());
    }
}
