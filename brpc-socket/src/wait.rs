//! Waiting for plugins to connect.

use std::time::Duration;

use tokio::time::timeout;

use crate::WaitError;
use crate::hub::Hub;
use crate::registry::Registry;

/// Returns when all these plugins are connected at the same moment; at once if they are.
pub(crate) async fn wait_for_all(
    hub: &Hub,
    names: &[String],
    limit: Duration,
) -> Result<(), WaitError> {
    let is_there = |registry: &Registry, name: &String| {
        registry.plugin(name).is_some_and(|link| link.is_ready())
    };
    let all_there = async {
        // Subscribed before the first look, so that no plugin slips in between.
        let mut changes = hub.changes();
        // One that is not there yet. Each look begins with it, since a look through thousands of
        // names whenever one of them comes would slow their coming.
        let mut awaited = 0;
        loop {
            let (before, after) = names.split_at(awaited);
            let missing = hub.with_registry(|registry| {
                after.iter().chain(before).position(|name| !is_there(registry, name))
            });
            let Some(missing) = missing else { return Ok(()) };
            awaited = (awaited + missing) % names.len();
            if !hub.is_serving() || changes.changed().await.is_err() {
                return Err(WaitError::ShutDown);
            }
        }
    };
    if let Ok(result) = timeout(limit, all_there).await {
        return result;
    }
    let missing = hub.with_registry(|registry| {
        names.iter().filter(|name| !is_there(registry, name)).cloned().collect()
    });
    Err(WaitError::TimedOut { missing })
}
