//! What a JWT says, and whether it holds here and now.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What a JWT says, when its signature was verified. It shows none of that.
pub struct JwtClaims(Map<String, Value>);

impl JwtClaims {
    pub(super) fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// A claim by its name; `None` if there is none, or if it is of another type.
    ///
    /// ```
    /// # fn example(claims: &brpc_socket::auth::JwtClaims) {
    /// let groups: Vec<String> = claims.get("groups").unwrap_or_default();
    /// # }
    /// ```
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.0.get(name)?).ok()
    }

    /// Whether a claim is a text, or several of which one is this text.
    pub(super) fn names(&self, name: &str, wanted: &str) -> bool {
        match self.0.get(name) {
            Some(Value::String(text)) => text == wanted,
            Some(Value::Array(texts)) => texts.iter().any(|text| text.as_str() == Some(wanted)),
            _ => false,
        }
    }

    /// A claim that is a date, as the time since 1970. The error is for one that is none.
    pub(super) fn date(&self, name: &str) -> Result<Option<Duration>, NoDate> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let whole = value.as_u64().map(Duration::from_secs);
        let date = whole.or_else(|| Duration::try_from_secs_f64(value.as_f64()?).ok());
        date.map(Some).ok_or(NoDate)
    }
}

/// Something else where a date was expected.
pub(super) struct NoDate;

impl fmt::Debug for JwtClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JwtClaims(..)")
    }
}
