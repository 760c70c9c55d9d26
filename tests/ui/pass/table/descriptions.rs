//! Doc comments describe methods.

use crate::pass::calling;

struct Greeter;

/// The block's own comment isn't a method's.
#[brpc::plugin]
impl Greeter {
    /// Greets somebody.
    ///
    ///     by name
    #[doc = "Twice."]
    #[doc(alias = "hello")]
    pub fn greet(&self) {}

    /**
     A block.
     */
    pub fn block(&self) {}

    #[doc = concat!("not", "known")]
    pub fn none(&self) {}
}

#[test]
fn are_doc_comments() {
    let description = |name| calling::row::<Greeter>(name).description;
    assert_eq!(description("greet"), "Greets somebody.\n\n    by name\nTwice.");
    assert_eq!(description("block"), "A block.");
    assert_eq!(description("none"), "");
}
