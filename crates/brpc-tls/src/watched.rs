//! What is read from files, and read again when they change.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::error::TlsSettingsError;
use crate::source::Source;

/// Something that is read from files. There is neither a task nor a timer: who uses it looks.
pub(crate) struct Watched<T> {
    files: Vec<PathBuf>,
    load: Box<Load<T>>,
    state: Mutex<State<T>>,
}

type Load<T> = dyn Fn() -> Result<T, TlsSettingsError> + Send + Sync;

struct State<T> {
    value: Arc<T>,
    /// The files as they were just before they were last read, whatever came of that.
    stamps: Vec<Option<Stamp>>,
    /// When the files were last looked at.
    looked: Instant,
}

/// What changes with a file's content. The length helps where two writes have the same time, the rest
/// where a file is replaced by an older one.
#[derive(Debug, Eq, PartialEq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

impl<T> Watched<T> {
    /// Loads it from these sources.
    pub(crate) fn new(
        sources: &[&Source],
        load: impl Fn() -> Result<T, TlsSettingsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsSettingsError> {
        let files: Vec<_> =
            sources.iter().filter_map(|source| source.path()).map(PathBuf::from).collect();
        // Before it is read: a change while it is read is seen by the next look.
        let stamps = stamps(&files);
        let value = Arc::new(load()?);
        let state = Mutex::new(State { value, stamps, looked: Instant::now() });
        Ok(Self { files, load: Box::new(load), state })
    }

    /// Whether there are files, so that it may change.
    pub(crate) fn is_of_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// It as it is now. The files are looked at if that wasn't done for so long, and are read if they
    /// have changed. If what they hold is no good, the old value stays, and the log says so once.
    pub(crate) fn current(&self, unseen: Duration) -> Arc<T> {
        let mut state = self.state.lock();
        if self.files.is_empty() || state.looked.elapsed() < unseen {
            return state.value.clone();
        }
        state.looked = Instant::now();
        drop(state);
        // Without the lock: a slow disk holds up one handshake, and the others go on with what there is.
        let found = stamps(&self.files);
        let mut state = self.state.lock();
        if state.stamps == found {
            return state.value.clone();
        }
        state.stamps = found;
        drop(state);
        let loaded = (self.load)();
        let mut state = self.state.lock();
        match loaded {
            Ok(value) => {
                tracing::info!(files = ?self.files, "reloaded");
                state.value = Arc::new(value);
            }
            Err(error) => {
                let files = &self.files;
                tracing::error!(?files, %error, "can't reload: what was read before stays in use");
            }
        }
        state.value.clone()
    }
}

/// The files as they are; `None` for one that can't be looked at.
fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |file: &PathBuf| {
        let metadata = fs::metadata(file).ok()?;
        Some(Stamp {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            #[cfg(unix)]
            inode: {
                use std::os::unix::fs::MetadataExt as _;
                (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
            },
        })
    };
    files.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_change_is_read_once_also_if_it_is_no_good() {
        let path = std::env::temp_dir().join(format!("brpc-watched-{}", std::process::id()));
        fs::write(&path, "good").unwrap();
        let (source, loads) = (Source::file(&path), Arc::new(AtomicU32::new(0)));
        let (inner, counted) = (source.clone(), loads.clone());
        let watched = Watched::new(&[&source], move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let read = inner.read()?;
            if read.starts_with(b"good") {
                Ok(read.len())
            } else {
                Err(inner.malformed("good", ""))
            }
        })
        .unwrap();
        for (content, value, count) in [("bad", 4, 2), ("good again", 10, 3)] {
            fs::write(&path, content).unwrap();
            for _ in 0..3 {
                assert_eq!(*watched.current(Duration::ZERO), value);
            }
            assert_eq!(loads.load(Ordering::Relaxed), count, "{content}");
        }
        fs::remove_file(&path).unwrap();
    }
}
