//! What is sent, echoed and checked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A call's input, and its output again; also an event.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) data: String,
}

/// How a call fails.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// The call got another call's answer.
    Mismatch,
    /// The caller got an error.
    Failed(String),
}

impl Message {
    pub(crate) fn new(id: u64, payload: u32) -> Self {
        Self { id, name: "benchmark".to_owned(), data: text(payload) }
    }

    /// Whether this is the answer to `call`. The data's length stands for the data: comparing
    /// 64 KiB would be measured with the call.
    pub(crate) fn check(&self, call: &Self) -> Result<(), Failure> {
        let is_answer = self.id == call.id && self.data.len() == call.data.len();
        if is_answer { Ok(()) } else { Err(Failure::Mismatch) }
    }

    /// The same, to the last byte.
    pub(crate) fn check_in_full(&self, call: &Self) -> Result<(), Failure> {
        if self == call { Ok(()) } else { Err(Failure::Mismatch) }
    }
}

impl Failure {
    pub(crate) fn of(error: &impl ToString) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Letters and digits that don't repeat soon, and that JSON needn't escape.
fn text(length: u32) -> String {
    let step = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from_digit(*state >> 27, 32)
    };
    std::iter::repeat_with({
        let mut state = length;
        move || step(&mut state).unwrap_or('0')
    })
    .take(length as usize)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_as_large_as_asked_for() {
        for payload in [0, 1, 64, 65_536] {
            assert_eq!(Message::new(1, payload).data.len(), payload as usize);
        }
    }

    #[test]
    fn an_answer_to_another_call_is_a_mismatch() {
        let call = Message::new(1, 64);
        assert_eq!(call.clone().check(&call), Ok(()));
        assert_eq!(Message::new(2, 64).check(&call), Err(Failure::Mismatch));
        assert_eq!(Message::new(1, 63).check(&call), Err(Failure::Mismatch));

        let mut changed = call.clone();
        changed.data.replace_range(..1, "-");
        assert_eq!(changed.check_in_full(&call), Err(Failure::Mismatch));
    }
}
