//! Calls that outlive a connection.

use super::Connection;
use crate::message::{Features, Message, Recalled};
use crate::session::Session;

impl<T> Connection<T> {
    /// At a hub: offers plugins that their calls may go on over another connection. Its owner then
    /// handles [`Event::Suspended`] and [`Event::Resume`]. A plugin offers it in its Hello.
    ///
    /// [`Event::Suspended`]: crate::Event::Suspended
    /// [`Event::Resume`]: crate::Event::Resume
    #[must_use]
    pub fn with_resumption(mut self) -> Self {
        self.offers = self.offers | Features::RESUME;
        self
    }

    /// At a plugin, when it is welcomed: says what it knows of earlier connections. Does nothing if
    /// the hub doesn't have [`Features::RESUME`].
    pub fn resume(&mut self, recalled: Vec<Recalled>) {
        if self.session().is_some_and(Session::resumes) {
            for part in recalled {
                self.say(&Message::Resume(part));
            }
        }
    }

    /// At a hub, after the last part of [`Event::Resume`]: all calls that go on were submitted. The
    /// plugin forgets the others.
    ///
    /// [`Event::Resume`]: crate::Event::Resume
    pub fn resumed(&mut self) {
        if let Some(session) = self.session_mut() {
            session.resumed();
        }
    }
}
