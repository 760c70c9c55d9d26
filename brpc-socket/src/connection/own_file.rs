//! The path of a listener.

use std::fs::{Metadata, remove_file, symlink_metadata};
use std::path::PathBuf;

/// A file that is removed when this is dropped, unless there is another one at its path by then.
#[derive(Debug)]
pub(super) struct OwnFile {
    path: PathBuf,
    metadata: Metadata,
}

impl OwnFile {
    /// The file that is there now; `None` if there is none.
    pub(super) fn new(path: PathBuf) -> Option<Self> {
        let metadata = symlink_metadata(&path).ok()?;
        Some(Self { path, metadata })
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        let found = symlink_metadata(&self.path);
        if found.is_ok_and(|found| is_same(&found, &self.metadata))
            && let Err(error) = remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "can't remove a listener's path");
        }
    }
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// There are no listeners with a path.
#[cfg(not(unix))]
fn is_same(_one: &Metadata, _other: &Metadata) -> bool {
    false
}
