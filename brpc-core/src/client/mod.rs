//! The parts of typed clients. `#[plugin(client)]` and `#[client]` generate a struct around one of
//! the bindings here, with a method for each of the plugin's.

#[cfg(feature = "schemas")]
mod interface;

use std::fmt;

use serde::de::DeserializeOwned;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

#[cfg(feature = "schemas")]
pub use self::interface::{Checks, Describes, MakeSchema, wanted};
use crate::Selector;
use crate::caller::{Caller, Target};

/// A client that calls one plugin; its methods return a call.
#[derive(Clone)]
pub struct One<C: Caller> {
    caller: C,
    plugin: Target<C::Plugin>,
}

/// A client that calls many plugins at once; its methods return a stream of outcomes.
#[derive(Clone, Debug)]
pub struct All<C> {
    caller: C,
    /// Which plugins.
    plugins: Selector,
}

impl<C: Caller> One<C> {
    /// Calls the plugin that has this name when a call is made.
    pub fn name(caller: &C, name: impl AsRef<str>) -> Self {
        Self { caller: caller.clone(), plugin: Target::Name(name.as_ref().into()) }
    }

    /// Calls this plugin on its connection, and no later plugin of the same name.
    pub fn instance(caller: &C, plugin: &C::Plugin) -> Self {
        Self { caller: caller.clone(), plugin: Target::Instance(plugin.clone()) }
    }
}

impl<C: Caller> All<C> {
    /// Calls every plugin that is connected and matches the selector when a call is made.
    pub fn new(caller: &C, plugins: Selector) -> Self {
        Self { caller: caller.clone(), plugins }
    }
}

impl<C> fmt::Debug for One<C>
where
    C: Caller + fmt::Debug,
    C::Plugin: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("One").field("caller", &self.caller).field("plugin", &self.plugin).finish()
    }
}

/// Which plugins a client calls.
pub trait Binding {
    /// What a method returns: a call, or a stream of outcomes. It has no bound on `T`: with one,
    /// the compiler would report a method whose output doesn't decode as missing, and not as one
    /// with an unmet bound.
    type Call<T>;
}

impl<C: Caller> Binding for One<C> {
    type Call<T> = C::Call<T>;
}

impl<C: Caller> Binding for All<C> {
    type Call<T> = C::Broadcast<T>;
}

/// A binding that can call a method with the input `I` and the output `T`.
///
/// Generated methods require this of their binding, and so require nothing of `I` and `T` until
/// they are called: a plugin whose types no hub could use is still a plugin.
pub trait Calls<I, T>: Binding {
    /// Calls a method.
    fn call(&self, method: &str, input: &I) -> Self::Call<T>;
}

impl<C: Caller, I: Serialize, T: DeserializeOwned> Calls<I, T> for One<C> {
    fn call(&self, method: &str, input: &I) -> Self::Call<T> {
        self.caller.call(&self.plugin, method, input)
    }
}

impl<C: Caller, I: Serialize, T: DeserializeOwned> Calls<I, T> for All<C> {
    fn call(&self, method: &str, input: &I) -> Self::Call<T> {
        self.caller.broadcast(&self.plugins, method, input)
    }
}

/// One of several inputs, and the inputs after it. They travel as one JSON object, keyed by name.
#[derive(Clone, Copy, Debug)]
pub struct Argument<T, Rest = ()> {
    /// Its name.
    pub name: &'static str,
    /// The input.
    pub value: T,
    /// The inputs after it; `()` after the last.
    pub rest: Rest,
}

impl<T: Serialize, Rest: Arguments> Serialize for Argument<T, Rest> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(Self::COUNT))?;
        self.serialize_into::<S>(&mut object)?;
        object.end()
    }
}

/// Any number of inputs, as members of an object.
pub trait Arguments {
    /// How many there are.
    const COUNT: usize;

    /// Adds them to the object.
    ///
    /// # Errors
    /// Those of the serializer.
    fn serialize_into<S: Serializer>(&self, object: &mut S::SerializeMap) -> Result<(), S::Error>;
}

impl Arguments for () {
    const COUNT: usize = 0;

    fn serialize_into<S: Serializer>(&self, _: &mut S::SerializeMap) -> Result<(), S::Error> {
        Ok(())
    }
}

impl<T: Serialize, Rest: Arguments> Arguments for Argument<T, Rest> {
    const COUNT: usize = 1 + Rest::COUNT;

    fn serialize_into<S: Serializer>(&self, object: &mut S::SerializeMap) -> Result<(), S::Error> {
        object.serialize_entry(self.name, &self.value)?;
        self.rest.serialize_into::<S>(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_inputs_are_one_object() {
        let inputs =
            Argument { name: "a", value: 1, rest: Argument { name: "b", value: "x", rest: () } };
        assert_eq!(serde_json::to_string(&inputs).unwrap(), r#"{"a":1,"b":"x"}"#);
    }
}
