//! A caller that makes its next call when the last one is answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::echo::Message;
use crate::system::Plugin;
use crate::tally::Tally;

/// Calls until the time is over.
pub(super) async fn call<P: Plugin>(plugin: P, mut message: Message, tally: Arc<Tally>) {
    super::call_first(&plugin, &message, &tally).await;
    // The end of one call is the start of the next, which spares half of the looks at the clock.
    let mut start = Instant::now();
    while !tally.is_over() {
        message.id += 1;
        let answer = plugin.echo(&message).await;
        match answer.and_then(|answer| answer.check(&message)) {
            Ok(()) => {
                let end = Instant::now();
                tally.answered(end - start);
                start = end;
            }
            Err(failure) => {
                tally.failed(failure);
                // Otherwise calls that fail at once would keep the CPU from those that don't.
                tokio::time::sleep(Duration::from_millis(1)).await;
                start = Instant::now();
            }
        }
    }
}
