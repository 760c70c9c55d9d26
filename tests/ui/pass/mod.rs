//! What must compile and work, a file a case.
//!
//! `hygiene/strict_lints.rs` isn't here: it is a crate of its own, see `Cargo.toml`.

mod calling;

mod call {
    mod errors;
    mod hook;
    mod inputs;
    mod outputs;
}

mod client {
    mod by_crate;
    mod hygiene;
    mod own_type;
    mod types_that_no_hub_could_use;
    mod what_is_borrowed;
    mod without_schemas;
}

mod hygiene {
    mod crate_path;
    mod generic;
    mod made_by_a_macro;
    mod names_of_inputs;
    mod no_prelude;
    mod plugin_crate;
    mod raw_identifiers;
    mod shadowed_prelude;
}

mod table {
    mod cfg;
    #[rustfmt::skip] // Which would move the text in a comment to the edge.
    mod descriptions;
    mod exposed;
    mod hidden;
    mod names;
}
