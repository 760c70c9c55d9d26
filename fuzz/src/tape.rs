//! The fuzzer's input.

/// The fuzzer's input: what the peer says is taken from the front, and what is done from the back.
/// So a byte more or less of the one doesn't shift the other.
#[derive(Clone, Copy, Debug)]
pub struct Tape<'a>(&'a [u8]);

impl<'a> Tape<'a> {
    /// All of an input.
    pub fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// What is to be done next; `None` at the end.
    pub fn next_choice(&mut self) -> Option<u8> {
        let (choice, rest) = self.0.split_last()?;
        self.0 = rest;
        Some(*choice)
    }

    /// More of what is to be done; 0 at the end.
    pub fn choice(&mut self) -> u8 {
        self.next_choice().unwrap_or(0)
    }

    /// What the peer says next, at most so many bytes.
    pub fn said(&mut self, most: usize) -> &'a [u8] {
        let (said, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        said
    }

    /// What the peer says next, over and over, so that a short input says much.
    pub(crate) fn said_often(&mut self, choice: u8) -> Vec<u8> {
        let pattern = match self.said(1 + usize::from(choice / 64)) {
            [] => b" ",
            pattern => pattern,
        };
        pattern.iter().copied().cycle().take(MUCH).collect()
    }
}

/// More than a plugin may say of itself unasked, and than an error's text may have. It is not cut in
/// a character, whatever its size.
const MUCH: usize = 5_040;
