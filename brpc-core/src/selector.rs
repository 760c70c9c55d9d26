//! Selects some of many plugins.

use std::fmt;

use semver::{Version, VersionReq};

use crate::glob::Glob;
use crate::labels::Labels;

/// Selects the plugins that meet all its conditions.
///
/// ```
/// use brpc_core::Selector;
///
/// let edges = Selector::name("edge-*")
///     .label("region", "eu")
///     .version(">=1.2, <2")?
///     .method("greet");
/// assert_eq!(
///     edges.to_string(),
///     r#"name "edge-*" and label region="eu" and version ">=1.2, <2" and method "greet""#
/// );
/// # Ok::<(), brpc_core::VersionRangeError>(())
/// ```
///
/// Only a range of versions can be malformed. A selector with a name, a label or a method that no
/// plugin can have matches nothing.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Selector {
    /// What its name must be.
    name: Option<Name>,
    /// Keys and values of its labels, in the order in which they were given.
    labels: Vec<(String, String)>,
    /// The range of its version.
    version: Option<VersionReq>,
    /// Methods that it must have.
    methods: Vec<String>,
}

/// What a plugin's name must be.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Name {
    /// This.
    Is(String),
    /// One that the pattern matches.
    Like(Glob),
}

/// A text that is not a range of versions.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{range:?} is not a range of versions: {problem}")]
#[non_exhaustive]
pub struct VersionRangeError {
    /// The text.
    pub range: String,
    /// What is wrong with it, for people.
    pub problem: String,
}

impl Selector {
    /// All plugins.
    pub fn all() -> Self {
        Self::default()
    }

    /// The plugin of this name; or those whose names match it, where `*` matches any characters,
    /// also none, and `?` exactly one. No other character is special, and there is no escape: a
    /// name of the native wire contains neither of the two. For one of a Go plugin, which may, there
    /// is [`exactly`](Self::exactly).
    ///
    /// The name is the one under which the hub calls the plugin.
    pub fn name(pattern: impl Into<String>) -> Self {
        Self { name: Some(Name::Like(Glob::new(pattern.into()))), ..Self::default() }
    }

    /// The plugin of exactly this name, in which no character is special.
    pub fn exactly(name: impl Into<String>) -> Self {
        Self { name: Some(Name::Is(name.into())), ..Self::default() }
    }

    /// Only those that have this label with exactly this value. Given several times, all count.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// Only those whose version is in this range, written as Cargo writes requirements:
    /// `>=1.2, <2`, `^1.4`, `=2.0.1`, `1.*`. As there, `1.2` means `^1.2`, and a pre-release is
    /// only in a range that names a pre-release of the same version. Given several times, the last
    /// counts.
    ///
    /// A version text that doesn't follow [Semantic Versioning](https://semver.org) (`v1.2`, `7`,
    /// none at all) is in no range.
    ///
    /// # Errors
    /// If it is not a range.
    pub fn version(mut self, range: &str) -> Result<Self, VersionRangeError> {
        let parsed = VersionReq::parse(range).map_err(|error| VersionRangeError {
            range: range.to_owned(),
            problem: error.to_string(),
        })?;
        self.version = Some(parsed);
        Ok(self)
    }

    /// Only those that have a method of this name. Given several times, all count.
    #[must_use]
    pub fn method(mut self, name: impl Into<String>) -> Self {
        self.methods.push(name.into());
        self
    }

    /// Whether a plugin with this name, version and labels, and with the methods for which
    /// `has_method` is true, meets all conditions.
    pub fn matches(
        &self,
        name: &str,
        version: &str,
        labels: &Labels,
        has_method: impl Fn(&str) -> bool,
    ) -> bool {
        let has_label = |(key, value): &(String, String)| labels.get(key) == Some(value.as_str());
        let is_named = |wanted: &Name| match wanted {
            Name::Is(exactly) => exactly == name,
            Name::Like(pattern) => pattern.matches(name),
        };
        self.name.as_ref().is_none_or(is_named)
            && self.labels.iter().all(has_label)
            && self.methods.iter().all(|method| has_method(method))
            && self.version.as_ref().is_none_or(|range| {
                Version::parse(version).is_ok_and(|version| range.matches(&version))
            })
    }
}

/// Its conditions, for people.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.iter().map(|name| match name {
            Name::Is(name) => format!("name exactly {name:?}"),
            Name::Like(pattern) => format!("name {:?}", pattern.pattern()),
        });
        let labels = self.labels.iter().map(|(key, value)| format!("label {key}={value:?}"));
        let version = self.version.iter().map(|range| format!("version \"{range}\""));
        let methods = self.methods.iter().map(|method| format!("method {method:?}"));
        let conditions: Vec<String> = name.chain(labels).chain(version).chain(methods).collect();
        match &conditions[..] {
            [] => f.write_str("any plugin"),
            conditions => f.write_str(&conditions.join(" and ")),
        }
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selector({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_meant_of(version: &str, selector: &Selector) -> bool {
        let labels = Labels::new([("region", "eu"), ("tier", "")]).unwrap();
        selector.matches("edge-1", version, &labels, |name| ["greet", "files/read"].contains(&name))
    }

    fn is_meant(selector: &Selector) -> bool {
        is_meant_of("1.4.2", selector)
    }

    #[test]
    fn all_are_meant_by_no_condition() {
        assert!(is_meant(&Selector::all()));
    }

    #[test]
    fn a_name_can_be_said_as_it_is() {
        let is_meant =
            |selector: Selector, name| selector.matches(name, "", &Labels::default(), |_| false);
        assert!(is_meant(Selector::name("edge-*"), "edge-*"));
        assert!(is_meant(Selector::name("edge-*"), "edge-1"), "as are others");
        assert!(is_meant(Selector::exactly("edge-*"), "edge-*"));
        assert!(!is_meant(Selector::exactly("edge-*"), "edge-1"));
        assert!(!is_meant(Selector::exactly("edge-1?"), "edge-1"));
        assert!(!is_meant(Selector::exactly(""), "edge-1"));
        assert_eq!(Selector::exactly("a*").to_string(), r#"name exactly "a*""#);
    }

    #[test]
    fn each_condition_is_looked_at() {
        let right = || Selector::name("edge-*").label("region", "eu").method("greet");
        let right = || right().version(">=1.2, <2").unwrap().label("tier", "").method("files/read");
        assert!(is_meant(&right()));
        assert!(!is_meant(&Selector { name: Selector::name("edge").name, ..right() }));
        assert!(!is_meant(&right().label("region", "us")), "both can't be");
        assert!(!is_meant(&right().label("tier", "1")));
        assert!(!is_meant(&right().label("zone", "")), "an empty label is not one that is missing");
        assert!(!is_meant(&right().version(">=1.5").unwrap()));
        assert!(!is_meant(&right().method("greets")));
    }

    #[test]
    fn versions_are_in_a_range_or_not() {
        let is_in =
            |version, range: &str| is_meant_of(version, &Selector::all().version(range).unwrap());
        for range in ["*", "1.4", "^1", "~1.4.1", "=1.4.2", ">=1.2, <2", "1.*"] {
            assert!(is_in("1.4.2", range), "{range}");
        }
        for range in ["1.5", "^2", "~1.3", "=1.4.1", "<1.4.2", ">=1.2, <1.4"] {
            assert!(!is_in("1.4.2", range), "{range}");
        }
        assert!(!is_in("2.0.0-rc.1", ">=1"), "not one that is not released");
        assert!(is_in("2.0.0-rc.2", ">=2.0.0-rc.1"), "unless that is said");
        for version in ["", "1", "1.4", "v1.4.2", "1.4.2 ", "01.4.2", "99999999999999999999.0.0"] {
            assert!(!is_in(version, "*"), "{version:?} is none");
        }
    }

    #[test]
    fn a_range_that_is_none_is_found_where_it_is_made() {
        for bad in ["", "one", ">=", "1.2.3.4", ">=1 <2", "=>1"] {
            let error = Selector::all().version(bad).unwrap_err();
            assert_eq!(error.range, bad);
            assert!(!error.problem.is_empty());
        }
    }

    #[test]
    fn it_can_be_read() {
        assert_eq!(Selector::all().to_string(), "any plugin");
        let selector = Selector::name("a\n").label("k", "v").version("^1").unwrap().method("m");
        let text = r#"name "a\n" and label k="v" and version "^1" and method "m""#;
        assert_eq!(selector.to_string(), text);
        assert_eq!(format!("{selector:?}"), format!("Selector({text})"));
    }
}
