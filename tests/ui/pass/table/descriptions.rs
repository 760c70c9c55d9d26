//! Doc comments describe methods.

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

    /**
     * A block
     *
     *     with stars.
     */
    pub fn starred(&self) {}

    /// Is
    #[cfg_attr(test, doc = "a test,")]
    #[cfg_attr(not(test), doc = "no test,")]
    #[cfg_attr(test, cfg_attr(not(test), doc = "neither,"))]
    #[doc = concat!("and ", "more.")]
    pub fn later(&self) {}

    pub fn none(&self) {}
}

#[test]
fn are_doc_comments() {
    let functions = brpc::Plugin::new(Greeter).functions().unwrap();
    let description = |name| {
        let found = functions.iter().find(|function| function.name == name).unwrap();
        found.description.as_str()
    };
    assert_eq!(description("greet"), "Greets somebody.\n\n    by name\nTwice.");
    assert_eq!(description("block"), "A block.");
    assert_eq!(description("starred"), "A block\n\n    with stars.");
    assert_eq!(description("later"), "Is\na test,\nand more.");
    assert_eq!(description("none"), "");
}
