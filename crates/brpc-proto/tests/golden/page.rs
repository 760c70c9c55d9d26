//! What stands in `docs/protocol.md`.

use std::fs;

use crate::vectors;

/// The page.
pub(crate) fn text() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol.md")).unwrap()
}

/// The rows of the table with this head, cell by cell.
pub(crate) fn table(head: &str) -> Vec<Vec<String>> {
    let text = text();
    let mut lines = text.lines().skip_while(|line| *line != head);
    assert!(lines.next().is_some(), "no table {head:?}");
    let cells = |line: &str| {
        let line = line.trim_matches('|').replace('`', "");
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    lines.skip(1).take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// Who sends a part of the conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sender {
    Plugin,
    Hub,
}

/// The parts of the conversation at the end of the page.
pub(crate) fn conversation() -> Vec<(Sender, Vec<u8>)> {
    let text = text();
    let blocks = text.split("```hex\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let part = |(index, block): (usize, &str)| {
        let head = block.lines().next().unwrap();
        let sender = match head.strip_prefix(&format!("# {}: ", index + 1)) {
            Some("plugin to hub") => Sender::Plugin,
            Some("hub to plugin") => Sender::Hub,
            _ => panic!("{head:?}"),
        };
        (sender, vectors::bytes(block))
    };
    blocks.enumerate().map(part).collect()
}
