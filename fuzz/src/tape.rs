//! The fuzzer's input.

/// The fuzzer's input: the peer's bytes are taken from the front, the steps from the back. So a
/// byte more or less in one doesn't shift the other.
#[derive(Clone, Copy, Debug)]
pub struct Tape<'a>(&'a [u8]);

impl<'a> Tape<'a> {
    /// All of an input.
    pub fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// The next step; `None` at the end.
    pub fn next_choice(&mut self) -> Option<u8> {
        let (choice, rest) = self.0.split_last()?;
        self.0 = rest;
        Some(*choice)
    }

    /// A parameter of the step; 0 at the end.
    pub fn choice(&mut self) -> u8 {
        self.next_choice().unwrap_or(0)
    }

    /// The size of something, seldom large: that takes time.
    pub(crate) fn size(&mut self) -> usize {
        match self.choice().into() {
            small @ 0..240 => small,
            large => (large - 239) * 1_600,
        }
    }

    /// The peer's next bytes, at most so many.
    pub fn said(&mut self, most: usize) -> &'a [u8] {
        let (said, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        said
    }

    /// The peer's next bytes, repeated, so that a short input sends much.
    pub(crate) fn said_often(&mut self, choice: u8) -> Vec<u8> {
        let pattern = match self.said(1 + usize::from(choice / 64)) {
            [] => b" ",
            pattern => pattern,
        };
        pattern.repeat(MUCH / pattern.len())
    }
}

/// More than a plugin's Hello may have without asking, and than an error's text may have. A multiple
/// of every pattern's length.
const MUCH: usize = 5_040;
