//! A plugin with its tests. They need no network and no time: the hub is in memory, and the clock
//! advances by itself when nothing else can happen.
//!
//! ```console
//! $ cargo test --example testing_your_plugin
//! $ cargo run --example testing_your_plugin
//! ```

#[path = "support/report.rs"]
mod report;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use brpc::testing::plug;
use brpc::{Plugin, Socket};
use report::Report;

/// Stores texts by name.
#[derive(Default)]
struct Notes {
    texts: Mutex<HashMap<String, String>>,
}

#[brpc::plugin(client)]
impl Notes {
    /// Stores a text under a name, in place of an earlier one.
    pub fn write(&self, name: String, text: String) {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).insert(name, text);
    }

    /// The text that is stored under a name.
    pub fn read(&self, name: String) -> Result<String, String> {
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.get(&name).cloned().ok_or_else(|| format!("there is no `{name}`"))
    }

    /// Returns after so many seconds.
    pub async fn remind(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Report> {
    let hub = Socket::default();
    let _plugged = plug(&hub, &Plugin::new(Notes::default())).await?;
    let notes = NotesClient::new(&hub, "notes");
    notes.write("today".into(), "wash the car".into()).await?;
    println!("today: {}", notes.read("today".into()).await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use brpc::CallErrorKind;
    use brpc::testing::{Link, plug_through};

    use super::*;

    type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

    #[tokio::test(start_paused = true)]
    async fn what_is_written_can_be_read() -> Result {
        let hub = Socket::default();
        let _plugged = plug(&hub, &Plugin::new(Notes::default())).await?;
        let notes = NotesClient::new(&hub, "notes");
        notes.write("a".into(), "b".into()).await?;
        assert_eq!(notes.read("a".into()).await?, "b");
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_there_is_an_error() -> Result {
        let hub = Socket::default();
        let _plugged = plug(&hub, &Plugin::new(Notes::default())).await?;
        let notes = NotesClient::new(&hub, "notes");
        let error = notes.read("c".into()).await.unwrap_err();
        assert_eq!(error.method_error().unwrap().message(), "there is no `c`");
        Ok(())
    }

    /// An hour passes at once.
    #[tokio::test(start_paused = true)]
    async fn a_reminder_takes_its_time() -> Result {
        let hub = Socket::default();
        let _plugged = plug(&hub, &Plugin::new(Notes::default())).await?;
        let notes = NotesClient::new(&hub, "notes");
        let start = tokio::time::Instant::now();
        notes.remind(3_600).timeout(None).await?;
        assert_eq!(start.elapsed().as_secs(), 3_600);
        Ok(())
    }

    /// What was written outlives the connection.
    #[tokio::test(start_paused = true)]
    async fn notes_outlive_a_connection() -> Result {
        let (hub, link) = (Socket::default(), Link::new());
        let plugin = Plugin::new(Notes::default());
        let plugged = plug_through(&hub, &plugin, &link).await?;
        let notes = NotesClient::new(&hub, "notes");
        notes.write("a".into(), "b".into()).await?;
        link.cut();
        plugged.ended().await;

        let _plugged = plug(&hub, &plugin).await?;
        assert_eq!(notes.read("a".into()).await?, "b");
        Ok(())
    }
}
