//! Help for tests of hubs and plugins: connections in memory, plugins that follow a script, and
//! links that fail.
//!
//! Everything runs in the runtime of the test. With `#[tokio::test(start_paused = true)]`, which
//! needs tokio's feature `test-util`, time passes only when nothing else can happen: a timeout of
//! 30 s is over at once, and tests don't depend on a machine's speed.
//!
//! # A plugin under test
//!
//! [`plug`] connects a plugin to a hub and runs it:
//!
//! ```
//! use brpc::testing::plug;
//! use brpc::{Plugin, Socket};
//!
//! struct Divider;
//!
//! #[brpc::plugin(client)]
//! impl Divider {
//!     pub fn divide(&self, a: i64, b: i64) -> Result<i64, String> {
//!         a.checked_div(b).ok_or_else(|| "division by zero".to_owned())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let hub = Socket::default();
//! let _plugged = plug(&hub, &Plugin::new(Divider)).await?;
//! let divider = DividerClient::new(&hub, "divider");
//!
//! assert_eq!(divider.divide(7, 2).await?, 3);
//! let error = divider.divide(7, 0).await.unwrap_err();
//! assert_eq!(error.method_error().unwrap().message(), "division by zero");
//! # Ok(())
//! # }
//! ```
//!
//! # A hub under test
//!
//! A [`Script`] stands in for a plugin that others write:
//!
//! ```
//! use std::time::Duration;
//!
//! use brpc::testing::{Reply, Script};
//! use brpc::{MethodError, Socket};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let hub = Socket::default();
//! let disk = Script::new("disk")
//!     .on("free", Reply::value(&json!({ "bytes": 1024 })))
//!     .on("check", Reply::error(MethodError::new("busy", "ask later")))
//!     .on("check", Reply::value(&json!("fine")).after(Duration::from_secs(60)))
//!     .plug(&hub)
//!     .await?;
//!
//! // The code under test, which calls the plugin:
//! assert!(hub.call::<String>("disk", "check", &json!({ "deep": true })).await.is_err());
//! let check = hub.call::<String>("disk", "check", &json!({ "deep": false }));
//! assert_eq!(check.timeout(None).await?, "fine");
//!
//! disk.assert_received("check", &json!({ "deep": true }));
//! assert_eq!(disk.received("check").len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # A link that fails
//!
//! A [`Link`] carries connections, and stalls, delays or cuts them on request: [`plug_through`],
//! [`Script::plug_through`], and [`run_through`] for a plugin that comes back.

mod link;
mod plugged;
mod reply;
mod script;
mod scripted;

pub use self::link::Link;
pub use self::plugged::{Plugged, plug, plug_through, run_through};
pub use self::reply::Reply;
pub use self::script::Script;
pub use self::scripted::{Received, Scripted};

/// How many bytes a connection in memory holds in each direction.
const ROOM: usize = 64 * 1024;
