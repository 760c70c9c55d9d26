//! Plugins that connect, are called and leave, one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;
use crate::flags::Setup;
use crate::load::{self, per};
use crate::meter::Processes;
use crate::process::PluginProcess;
use crate::progress::Progress;
use crate::report::{Churn, Report};
use crate::system::ChurnHub;
use crate::tally::Tally;

pub(super) async fn run<H: ChurnHub>(
    hub: H,
    setup: &Setup,
    progress: &Progress,
) -> Result<Report, Error> {
    let mut process = PluginProcess::start(&hub.address(), setup).await?;
    let processes = Processes::new(process.pid(), None);
    let (tally, lives) = (Arc::new(Tally::new()), Arc::new(AtomicU64::new(0)));
    let outliving = {
        let (setup, tally, lives) = (setup.clone(), tally.clone(), lives.clone());
        tokio::spawn(async move { hub.outlive(&setup, &tally, &lives).await })
    };
    process.dial().await?;
    let measured = load::measure(setup, &tally, &processes, progress).await?;
    outliving.await??;
    let lives = lives.load(Ordering::Relaxed);
    let report = Report::new(setup, &processes)?;
    // Before its end, which calls would report as errors.
    let mut report = report.with_calls(&tally, &measured).with_latencies(setup, &measured);
    process.stop().await?;
    let lives_per_s = per(lives, measured.time.as_secs_f64());
    report.churn = Some(Churn { lives, lives_per_s });
    Ok(report)
}
