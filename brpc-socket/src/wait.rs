//! Waiting for plugins to connect.

use std::time::Duration;

use tokio::time::timeout;

use crate::WaitError;
use crate::hub::Hub;

/// Returns when all these plugins are connected at the same moment; at once if they are.
pub(crate) async fn wait_for_all(
    hub: &Hub,
    names: &[String],
    limit: Duration,
) -> Result<(), WaitError> {
    let missing = || {
        hub.with_registry(|registry| {
            let is_there = |name: &str| registry.plugin(name).is_some_and(|link| link.is_ready());
            let missing = names.iter().filter(|name| !is_there(name));
            missing.cloned().collect::<Vec<String>>()
        })
    };
    let all_there = async {
        // Subscribed before the first look, so that no plugin slips in between.
        let mut changes = hub.changes();
        loop {
            if missing().is_empty() {
                return Ok(());
            }
            if !hub.is_serving() || changes.changed().await.is_err() {
                return Err(WaitError::ShutDown);
            }
        }
    };
    match timeout(limit, all_there).await {
        Ok(result) => result,
        Err(_) => Err(WaitError::TimedOut { missing: missing() }),
    }
}
