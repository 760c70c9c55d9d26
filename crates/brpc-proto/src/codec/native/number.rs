//! The numbers of causes, codes and statuses, as `docs/protocol.md` lists them. None is ever reused.

use brpc_core::{RefusalCode, Status};

use crate::message::{DrainCause, Farewell};

/// The number of a status.
pub(crate) fn of_status(status: Status) -> u8 {
    match status {
        Status::Panicked => 2,
        Status::InvalidOutput => 3,
        Status::MethodNotFound => 4,
        Status::InvalidInput => 5,
        Status::Overloaded => 6,
        Status::Draining => 7,
        Status::Expired => 8,
        Status::Cancelled => 9,
        Status::Forbidden => 10,
        // `Unspecified` among them: forwarded, it is a method's error again, as on this side.
        _ => 1,
    }
}

/// The status of a number. An unknown one, of a later version, says only that the call failed.
pub(crate) fn status(number: u8) -> Status {
    match number {
        1 => Status::Method,
        2 => Status::Panicked,
        3 => Status::InvalidOutput,
        4 => Status::MethodNotFound,
        5 => Status::InvalidInput,
        6 => Status::Overloaded,
        7 => Status::Draining,
        8 => Status::Expired,
        9 => Status::Cancelled,
        10 => Status::Forbidden,
        _ => Status::Unspecified,
    }
}

/// The number of a refusal's code.
pub fn of_code(code: RefusalCode) -> u16 {
    match code {
        RefusalCode::Version => 1,
        RefusalCode::BadName => 2,
        RefusalCode::BadVersion => 3,
        RefusalCode::TooManyMethods => 4,
        RefusalCode::BadDescription => 5,
        RefusalCode::NameTaken => 6,
        RefusalCode::Full => 7,
        RefusalCode::ShuttingDown => 8,
        RefusalCode::HandshakeTimeout => 9,
        RefusalCode::Protocol => 10,
        RefusalCode::BadLabels => 11,
        RefusalCode::Wire => 12,
        RefusalCode::Unplugged => 13,
        RefusalCode::AuthRequired => 14,
        RefusalCode::AuthFailed => 15,
        RefusalCode::NameNotAllowed => 16,
        RefusalCode::TooManyAttempts => 17,
        RefusalCode::Other(number) => number,
        _ => 0,
    }
}

/// The code of a number.
pub fn code(number: u16) -> RefusalCode {
    match number {
        1 => RefusalCode::Version,
        2 => RefusalCode::BadName,
        3 => RefusalCode::BadVersion,
        4 => RefusalCode::TooManyMethods,
        5 => RefusalCode::BadDescription,
        6 => RefusalCode::NameTaken,
        7 => RefusalCode::Full,
        8 => RefusalCode::ShuttingDown,
        9 => RefusalCode::HandshakeTimeout,
        10 => RefusalCode::Protocol,
        11 => RefusalCode::BadLabels,
        12 => RefusalCode::Wire,
        13 => RefusalCode::Unplugged,
        14 => RefusalCode::AuthRequired,
        15 => RefusalCode::AuthFailed,
        16 => RefusalCode::NameNotAllowed,
        17 => RefusalCode::TooManyAttempts,
        number => RefusalCode::Other(number),
    }
}

/// The number of a drain's cause.
pub(crate) fn of_cause(cause: DrainCause) -> u8 {
    match cause {
        DrainCause::Unplug => 1,
        DrainCause::Shutdown => 2,
    }
}

/// The drain's cause of a number.
pub(crate) fn cause(number: u8) -> Option<DrainCause> {
    match number {
        1 => Some(DrainCause::Unplug),
        2 => Some(DrainCause::Shutdown),
        _ => None,
    }
}

/// The number of a farewell.
pub fn of_farewell(farewell: Farewell) -> u16 {
    match farewell {
        Farewell::Done => 1,
        Farewell::Unplugged => 2,
        Farewell::ShuttingDown => 3,
        Farewell::Protocol => 4,
        Farewell::TooSlow => 5,
        Farewell::Replaced => 6,
        Farewell::Silent(_) => SILENT,
        Farewell::Unresponsive => 8,
        Farewell::Revoked => 9,
        Farewell::Other(number) => number,
    }
}

/// The number of a farewell that says more than others.
pub(crate) const SILENT: u16 = 7;

/// The farewell of a number, other than that of silence.
pub fn farewell(number: u16) -> Farewell {
    match number {
        1 => Farewell::Done,
        2 => Farewell::Unplugged,
        3 => Farewell::ShuttingDown,
        4 => Farewell::Protocol,
        5 => Farewell::TooSlow,
        6 => Farewell::Replaced,
        8 => Farewell::Unresponsive,
        9 => Farewell::Revoked,
        number => Farewell::Other(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        assert!((1..=10).all(|number| of_status(status(number)) == number));
        assert!((0..=20).all(|number| of_code(code(number)) == number));
        assert!((0..=10).all(|number| of_farewell(farewell(number)) == number));
        assert!((1..=2).all(|number| cause(number).map(of_cause) == Some(number)));
    }

    #[test]
    fn what_a_later_version_says_is_a_failure_of_which_no_more_is_known() {
        assert!([0, 11, 255].iter().all(|&number| status(number) == Status::Unspecified));
    }
}
