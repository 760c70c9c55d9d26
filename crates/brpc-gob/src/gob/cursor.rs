//! Reads a message from front to back, and never beyond its end.

use super::number::{read_uint, to_signed};
use crate::GobError;

/// The rest of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    pub(crate) fn uint(&mut self) -> Result<u64, GobError> {
        let (value, size) = read_uint(self.0)?.ok_or(GobError::Truncated)?;
        self.0 = &self.0[size..];
        Ok(value)
    }

    pub(crate) fn int(&mut self) -> Result<i64, GobError> {
        self.uint().map(to_signed)
    }

    /// A text, or bytes: a length, and so many of them.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], GobError> {
        let size = self.count(1)?;
        let (bytes, rest) = self.0.split_at(size);
        self.0 = rest;
        Ok(bytes)
    }

    /// How many items follow, of at least so many bytes each. Never more than the message can hold.
    pub(crate) fn count(&mut self, least_size: usize) -> Result<usize, GobError> {
        let count = self.uint()?;
        let fits = |count: &usize| *count <= self.0.len() / least_size;
        usize::try_from(count).ok().filter(fits).ok_or(GobError::Truncated)
    }

    /// Which field of a struct comes next, and `None` at its end. `next` is the first that may come.
    pub(crate) fn field(&mut self, next: &mut usize) -> Result<Option<usize>, GobError> {
        let delta = self.uint()?;
        if delta == 0 {
            return Ok(None);
        }
        let field = usize::try_from(delta - 1).ok().and_then(|skipped| next.checked_add(skipped));
        // A struct with so many fields was never defined, so the number of the last one is free.
        let field = field.filter(|field| *field < usize::MAX).ok_or(NO_SUCH_FIELD)?;
        *next = field + 1;
        Ok(Some(field))
    }

    /// How many bytes are left.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Demands that nothing is left.
    pub(crate) fn finish(self) -> Result<(), GobError> {
        let trailing = GobError::Malformed { problem: "bytes behind the value of a message" };
        if self.0.is_empty() { Ok(()) } else { Err(trailing) }
    }
}

/// A field beyond those of its struct.
pub(crate) const NO_SUCH_FIELD: GobError =
    GobError::Malformed { problem: "a field beyond those of its struct" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_end_with_the_message() {
        assert_eq!(Cursor::new(b"\x03abc").bytes(), Ok(&b"abc"[..]));
        assert_eq!(Cursor::new(b"\x04abc").bytes(), Err(GobError::Truncated));
        let longest = [0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, b'a'];
        assert_eq!(Cursor::new(&longest).bytes(), Err(GobError::Truncated));
        assert_eq!(Cursor::new(b"").bytes(), Err(GobError::Truncated));
    }

    #[test]
    fn counts_end_with_the_message() {
        assert_eq!(Cursor::new(&[2, 0, 0, 0, 0]).count(2), Ok(2));
        assert_eq!(Cursor::new(&[3, 0, 0, 0, 0]).count(2), Err(GobError::Truncated));
        assert_eq!(Cursor::new(&[0]).count(2), Ok(0));
    }

    #[test]
    fn fields_add_up() {
        let (mut cursor, mut next) = (Cursor::new(&[1, 1, 3, 0, 9]), 0);
        let mut field = || cursor.field(&mut next);
        assert_eq!(
            [field(), field(), field(), field()].map(Result::unwrap),
            [Some(0), Some(1), Some(4), None]
        );
        assert!(cursor.finish().is_err());
    }

    #[test]
    fn fields_do_not_overflow() {
        let far = [0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        let mut next = 0;
        assert_eq!(Cursor::new(&far).field(&mut next), Ok(Some(usize::MAX - 1)));
        for start in [1, usize::MAX] {
            next = start;
            assert_eq!(Cursor::new(&far).field(&mut next), Err(NO_SUCH_FIELD));
            assert_eq!(next, start);
        }
    }
}
