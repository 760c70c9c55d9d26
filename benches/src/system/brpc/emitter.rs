//! A plugin that sends events.

use std::sync::Arc;

use brpc::AsyncHook;

use crate::echo::Message;

#[derive(Debug, Default)]
pub(super) struct Emitter {
    hook: AsyncHook,
}

#[brpc::plugin]
impl Emitter {
    /// Gives back what it gets.
    pub fn echo(&self, message: Message) -> Message {
        message
    }

    #[brpc(hook)]
    fn use_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }
}

impl Emitter {
    /// Sends events, one after the other, up to the end of the connection.
    pub(super) async fn emit(self: Arc<Self>, mut message: Message) {
        while self.hook.emit(&message).await.is_ok() {
            message.id += 1;
        }
    }
}
