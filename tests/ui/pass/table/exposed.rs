//! What is exposed, and how it is run.

use brpc::__private::{Invoke, OnCancel};
use brpc::{Context, Receiver};

use crate::pass::calling;

#[derive(Default)]
struct DiskWatcher;

#[brpc::plugin]
impl DiskWatcher {
    pub const INTERVAL: u32 = 5;

    pub fn new() -> Self {
        Self
    }

    pub fn short(&self) {}

    #[brpc(blocking)]
    pub fn long(&self) {}

    pub async fn asynchronous(&self, _cx: &Context) {}

    #[brpc(no_cancel)]
    pub async fn to_the_end(self: &Self) {}

    #[brpc(skip)]
    pub fn skipped<T>(&mut self, _: &T) {}

    fn private(&self) {}

    pub(crate) fn of_the_crate(&self) {}

    pub(self) fn of_the_module(&self) {}
}

impl DiskWatcher {
    pub fn of_another_block(&self) {}
}

#[test]
fn are_the_public_methods() {
    let plugin = DiskWatcher::new();
    plugin.of_another_block();
    plugin.private();
    plugin.of_the_crate();
    plugin.of_the_module();

    assert_eq!(DiskWatcher::NAME, "disk_watcher");
    assert_eq!(DiskWatcher::VERSION, env!("CARGO_PKG_VERSION"));
    assert_eq!(calling::names::<DiskWatcher>(), ["short", "long", "asynchronous", "to_the_end"]);

    let row = calling::row::<DiskWatcher>;
    assert!(matches!(row("short").invoke, Invoke::Sync(_)));
    assert!(matches!(row("long").invoke, Invoke::Blocking(_)));
    assert!(matches!(row("asynchronous").invoke, Invoke::Async(_)));
    assert_eq!(row("asynchronous").on_cancel, OnCancel::Drop);
    assert!(matches!(row("to_the_end").invoke, Invoke::Async(_)));
    assert_eq!(row("to_the_end").on_cancel, OnCancel::Finish);
}
