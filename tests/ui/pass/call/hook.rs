//! The method that is given the sender of events.

use std::sync::atomic::{AtomicBool, Ordering};

use brpc::{AsyncHook as Sender, Receiver};

use crate::pass::calling;

#[derive(Default)]
struct Exclusive {
    hook: Option<Sender>,
}

#[brpc::plugin]
impl Exclusive {
    pub fn has_hook(&self) -> bool {
        self.hook.is_some()
    }

    #[brpc(hook)]
    fn keep(&mut self, hook: Sender) -> () {
        self.hook = Some(hook);
    }
}

#[derive(Default)]
struct Shared {
    given: AtomicBool,
}

#[brpc::plugin]
impl Shared {
    pub fn has_hook(&self) -> bool {
        self.given.load(Ordering::Relaxed)
    }

    #[brpc(hook)]
    pub fn use_async_hook(&self, _: brpc::AsyncHook) {
        self.given.store(true, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Without;

#[brpc::plugin]
impl Without {
    pub fn has_hook(&self) -> bool {
        false
    }
}

fn attached<P: Receiver + Default>() -> P {
    let mut plugin = P::default();
    plugin.attach_hook(Sender::default());
    plugin
}

#[test]
fn is_given_to_its_method() {
    assert!(attached::<Exclusive>().has_hook());
    assert!(attached::<Shared>().has_hook());
    assert!(!attached::<Without>().has_hook());
    assert_eq!(calling::names::<Shared>(), ["has_hook"]);
}
