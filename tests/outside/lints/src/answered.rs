//! Lints that find something in signatures, and that their author has answered.

use std::collections::HashMap;

/// Rows of some table.
#[derive(Debug)]
pub struct Report;

#[brpc::plugin(client)]
#[expect(clippy::type_complexity, reason = "as the table is")]
impl Report {
    /// Takes a table.
    pub fn table(&self, rows: Vec<(String, HashMap<String, Vec<Option<(u8, String)>>>, Option<Box<(u8, Vec<u8>)>>)>) -> usize {
        rows.len()
    }

    /// Reads it.
    #[allow(clippy::wrong_self_convention)]
    pub fn from_disk(&self, key: String) -> String {
        key
    }
}

/// Has reports.
#[brpc::client]
#[allow(clippy::type_complexity)]
pub trait Reports {
    fn table(&self, rows: Vec<(String, HashMap<String, Vec<Option<(u8, String)>>>, Option<Box<(u8, Vec<u8>)>>)>) -> usize;

    #[cfg_attr(not(any(test, doc)), allow(clippy::wrong_self_convention))]
    fn from_disk(&self, key: String) -> String;
    #[allow(clippy::too_many_arguments)]
    fn many(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> u8;
}
