//! The end of a log file, and of nothing else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::fleet::TailFile;

/// However many lines are asked for, the answer fits into a frame.
const MAX_LINES: usize = 100;

/// Where the reading begins at the latest, counted from the end of the file.
const MAX_BYTES: u64 = 64 * 1024;

/// The last lines of a file in a directory. Of a file that ends in very long lines, fewer.
pub(crate) fn last_lines(directory: &Path, request: TailFile) -> io::Result<Vec<String>> {
    let TailFile { path, lines } = request;
    let mut file = open(directory, &path)?;
    let start = file.metadata()?.len().saturating_sub(MAX_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    // A log may grow while it is read.
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;

    // A log is not always text.
    let text = String::from_utf8_lossy(&bytes);
    // The first line has lost its beginning, unless it is the file's first.
    let whole: Vec<&str> = text.lines().skip(usize::from(start > 0)).collect();
    let last = whole.iter().skip(whole.len().saturating_sub(lines.min(MAX_LINES)));
    Ok(last.map(|&line| line.to_owned()).collect())
}

/// Opens a regular file in a directory or below it, wherever links lead.
fn open(directory: &Path, path: &str) -> io::Result<File> {
    let directory = fs::canonicalize(directory)?;
    // If the path is absolute, `join` gives it alone.
    let path = fs::canonicalize(directory.join(path))?;
    if !path.starts_with(directory) {
        return Err(forbidden("not in the log directory"));
    }
    // All links are resolved; one that takes the file's place now is not followed, and a pipe
    // doesn't block.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(forbidden("not a regular file"));
    }
    Ok(file)
}

fn forbidden(reason: &str) -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, reason)
}
