//! Which methods of a plugin may run twice for one call.

use brpc_core::Function;
use brpc_core::limits::MAX_METHODS;

/// The methods of a description that are idempotent, by their numbers. A set without a method
/// allocates nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Idempotent(Box<[u8]>);

impl Idempotent {
    /// Those of these functions, in the order in which they are described.
    pub(super) fn of(functions: &[Function]) -> Self {
        let mut bits = Vec::new();
        for (number, _) in functions.iter().enumerate().filter(|(_, it)| it.idempotent) {
            bits.resize(number / 8 + 1, 0);
            bits[number / 8] |= 1 << (number % 8);
        }
        Self(bits.into())
    }

    /// Whether the method with this number is one.
    pub fn contains(&self, method: u32) -> bool {
        self.0.get(method as usize / 8).is_some_and(|bits| bits >> (method % 8) & 1 == 1)
    }

    /// The extension of a `Hello` with them; `None` if there are none.
    pub(crate) fn encoded(&self) -> Option<&[u8]> {
        (!self.0.is_empty()).then_some(&*self.0)
    }

    /// Those of an extension; `None` if it has more bits than there may be methods.
    pub(crate) fn decode(encoded: &[u8]) -> Option<Self> {
        (encoded.len() <= MAX_METHODS.div_ceil(8)).then(|| Self(encoded.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_back() {
        let mut functions: Vec<_> = (0..20).map(|n| Function::new(format!("m{n}"))).collect();
        assert_eq!(Idempotent::of(&functions).encoded(), None);
        for number in [1, 8, 9] {
            functions[number].idempotent = true;
        }
        let set = Idempotent::of(&functions);
        assert_eq!(set.encoded(), Some(&[2, 3][..]));
        assert_eq!(Idempotent::decode(&[2, 3]), Some(set.clone()));
        let numbers: Vec<_> = (0..2_000).filter(|number| set.contains(*number)).collect();
        assert_eq!(numbers, [1, 8, 9]);
    }

    #[test]
    fn there_are_no_more_than_methods() {
        assert!(Idempotent::decode(&[0xFF; 128]).is_some());
        assert!(Idempotent::decode(&[0; 129]).is_none());
    }
}
