//! Events of one plugin, to one reader that misses none.

use std::sync::Arc;

use super::Connected;
use crate::Error;
use crate::echo::{Failure, Message};
use crate::flags::Setup;
use crate::load;
use crate::progress::Progress;
use crate::report::Report;
use crate::system::EventHub;
use crate::tally::Tally;

pub(super) async fn run<H: EventHub>(
    hub: H,
    setup: &Setup,
    progress: &Progress,
) -> Result<Report, Error> {
    if setup.plugins() != 1 {
        return Err("events come from one plugin; ask for one connection".into());
    }
    let Connected { hub, process, processes, .. } = Connected::new(hub, setup, progress).await?;
    let tally = Arc::new(Tally::new());
    let reader = tokio::spawn(read(hub, Message::new(0, setup.payload), tally.clone()));
    let measured = load::measure(setup, &tally, &processes, progress).await?;
    load::finish(vec![reader], &tally).await;
    let report = Report::new(setup, &processes)?.with_calls(&tally, &measured);
    process.stop().await?;
    Ok(report)
}

/// Reads events until the time is over. Each must follow the last one.
async fn read(mut hub: impl EventHub, mut expected: Message, tally: Arc<Tally>) {
    while !tally.is_over() {
        match hub.next_event().await.and_then(|event| event.check(&expected)) {
            Ok(()) => tally.count(),
            Err(failure @ Failure::Mismatch) => tally.failed(failure),
            Err(failure @ Failure::Failed(_)) => return tally.failed(failure),
        }
        expected.id += 1;
    }
}
