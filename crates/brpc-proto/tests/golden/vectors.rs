//! The vectors in `tests/golden/` at the root of the workspace.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// The bytes of a vector.
pub(crate) fn vector(name: &str) -> Vec<u8> {
    let path = folder().join(name).with_extension("hex");
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    bytes(&text)
}

/// The bytes of annotated hex: what stands before the `#` of each line.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let code = |line: &str| line.split('#').next().unwrap_or_default().to_owned();
    let pairs = text.lines().map(code).collect::<Vec<_>>().join(" ");
    let byte = |pair: &str| u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{pair:?}"));
    pairs.split_whitespace().map(byte).collect()
}

/// A frame.
pub(crate) fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 1).unwrap().to_be_bytes();
    [&length[..], &[kind], body].concat()
}

/// The names of all vectors.
pub(crate) fn names() -> BTreeSet<String> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let vectors = files.filter(|path| path.extension().is_some_and(|it| it == "hex"));
    vectors.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "tests", "golden"].iter().collect()
}
