//! How a call may end, and whether a retry is safe.
//!
//! ```console
//! $ cargo run --example errors_and_deadlines
//! ```

#[path = "support/report.rs"]
mod report;

use std::time::Duration;

use brpc::testing::plug;
use brpc::{CallError, Context, Execution, MethodError, Plugin, Socket};
use report::Report;
use serde_json::json;
use thiserror::Error;

/// What goes wrong in a bank.
#[derive(Debug, Error)]
enum BankError {
    #[error("there is no account {0}")]
    NoAccount(u32),
    #[error("{missing} is missing")]
    Short { missing: u64 },
}

/// With a code and data for programs; without this, only the text of `Display` would arrive.
impl From<BankError> for MethodError {
    fn from(error: BankError) -> Self {
        let message = error.to_string();
        match error {
            BankError::NoAccount(_) => Self::new("no-account", message),
            BankError::Short { missing } => {
                Self::new("short", message).with_data(json!({ "missing": missing }))
            }
        }
    }
}

struct Bank;

#[brpc::plugin(client)]
impl Bank {
    /// Pays from an account that has 100.
    pub fn pay(&self, account: u32, amount: u64) -> Result<u64, BankError> {
        match (account, 100_u64.checked_sub(amount)) {
            (1, Some(left)) => Ok(left),
            (1, None) => Err(BankError::Short { missing: amount - 100 }),
            _ => Err(BankError::NoAccount(account)),
        }
    }

    /// Runs until its deadline, which it can read.
    pub async fn audit(&self, cx: &Context) {
        println!("  the auditor has {:?}", cx.remaining().map(|left| left.as_millis() > 0));
        std::future::pending::<()>().await;
    }

    /// Never ends.
    pub fn rob(&self) {
        panic!("the alarm went off");
    }
}

#[tokio::main]
async fn main() -> Result<(), Report> {
    std::panic::set_hook(Box::new(|_| {})); // The panic below is meant.
    let hub = Socket::default();
    let _bank = plug(&hub, &Plugin::new(Bank)).await?;
    let bank = BankClient::new(&hub, "bank");

    println!("left: {}", bank.pay(1, 30).await?);
    say("too much", bank.pay(1, 130).await);
    say("unknown account", bank.pay(2, 1).await);
    say("too late", bank.audit().timeout(Duration::from_millis(50)).await);
    say("a panic", bank.rob().await);
    say("wrong input", hub.call::<u64>("bank", "pay", &json!({ "account": "one" })).await);
    say("no such method", hub.call::<()>("bank", "close", &()).await);
    say("nobody there", BankClient::new(&hub, "post").pay(1, 1).await);
    Ok(())
}

/// Prints the outcome of a call, and whether a retry is safe.
fn say<T>(what: &str, result: Result<T, CallError>) {
    let Err(error) = result else { return println!("{what}: fine") };
    println!("{what}: {error}");
    if let Some(error) = error.method_error() {
        println!("  code {}, data {}", error.code(), error.data().unwrap_or(&json!(null)));
    }
    println!(
        "  {}",
        match error.execution() {
            Execution::Never => "nothing was done: it can be made again",
            Execution::Unknown => "it may have been done: ask before it is made again",
            Execution::Completed => "it was carried out, and this is how it ended",
        }
    );
}
