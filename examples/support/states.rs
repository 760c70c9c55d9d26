//! What a plugin that stays connected does, for whoever watches its program.

use brpc::{RunState, RunStates};

/// Prints the states, until the run has ended.
pub(crate) async fn print_states(mut states: RunStates) {
    while let Some(state) = states.next().await {
        match state {
            RunState::Connected { name, .. } => println!("connected as {name}"),
            RunState::Away { reason, .. } => println!("away: {reason}"),
            RunState::Connecting { attempt, after, .. } if !after.is_zero() => {
                println!("attempt {attempt} in {:.1} s", after.as_secs_f64());
            }
            _ => {}
        }
    }
}
