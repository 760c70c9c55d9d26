//! A method that is configured out isn't in the table.

use brpc::AsyncHook;

use crate::pass::calling;

#[derive(Default)]
struct Greeter {
    hook: Option<AsyncHook>,
}

#[brpc::plugin(client)]
impl Greeter {
    #[cfg(not(any()))]
    pub fn present(&self) -> u8 {
        1
    }

    #[cfg(any())]
    pub fn absent(&self, missing: Missing) -> Missing {
        missing
    }

    #[cfg_attr(all(), cfg(any()), allow(unused))]
    pub fn absent_by_attribute(&self) {}

    #[cfg_attr(all(), inline, cfg(all()))]
    pub fn present_by_attribute(&self) {}

    #[cfg(any())]
    pub async fn either(&self) {}

    #[cfg(not(any()))]
    #[brpc(rename = "either")]
    pub fn or_this(&self) {}

    #[cfg(any())]
    #[brpc(hook)]
    fn no_hook(&mut self, hook: Missing) {}

    #[cfg(not(any()))]
    #[brpc(hook)]
    fn keep(&mut self, hook: AsyncHook) {
        self.hook = Some(hook);
    }
}

#[test]
fn counts() {
    assert_eq!(calling::names::<Greeter>(), ["present", "present_by_attribute", "either"]);
    let mut plugin = Greeter::default();
    brpc::Receiver::attach_hook(&mut plugin, AsyncHook::default());
    assert!(plugin.hook.is_some());

    let hub = brpc::Socket::default();
    let client = GreeterClient::new(&hub, "greeter");
    drop((client.present(), client.present_by_attribute(), client.or_this()));
}
