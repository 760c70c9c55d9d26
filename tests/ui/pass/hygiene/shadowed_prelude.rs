//! What the generated code names can't be taken from it.

#[allow(dead_code, non_camel_case_types, unused_macros)]
mod shadows {
    pub struct Option;
    pub struct Result;
    pub struct Vec;
    pub struct Box;
    pub struct Arc;
    pub struct String;
    pub struct Send;
    pub struct Sync;
    pub struct Clone;
    pub struct Debug;
    pub struct Into;
    pub struct Caller;
    pub struct One;
    pub struct All;
    pub struct Calls;
    pub struct Argument;
    pub struct Selector;
    pub struct str;
    pub struct Some;
    pub struct Ok;
    pub struct Err;
    pub struct Method;
    pub struct Receiver;
    pub struct Invoke;
    pub struct Context;
    pub struct AsyncHook;
    pub struct Returns;
    pub struct Takes;
    pub fn drop() {}
    pub fn answer() {}
    pub mod std {}
    pub mod core {}
    pub mod alloc {}
    pub mod brpc {}
    pub trait Future {}
    macro_rules! env {
        ($($any:tt)*) => {
            compile_error!("not this one")
        };
    }

    /// Everything has the methods that generated code calls.
    pub trait Meddler {
        fn schema(&self) {}
        fn decode(&self) {}
        fn take(&self) {}
        fn answer(&self) {}
    }
    impl<T> Meddler for T {}

    pub struct Greeter;

    #[::brpc::plugin(client)]
    impl Greeter {
        pub fn greet(&self, name: ::std::string::String) -> ::std::string::String {
            name
        }

        pub async fn add(
            &self,
            _cx: &::brpc::Context,
            a: u8,
            b: u8,
        ) -> ::std::result::Result<u8, ::std::string::String> {
            ::std::result::Result::Ok(a + b)
        }

        #[brpc(hook)]
        fn keep(&mut self, _: ::brpc::AsyncHook) {}
    }

    #[::brpc::client]
    pub trait Interface {
        fn add(&self, a: u8, b: u8) -> ::std::result::Result<u8, ()>;
    }
}

#[test]
fn is_not_used() {
    assert_eq!(shadows::Greeter.greet("you".to_owned()), "you");
    assert_eq!(<shadows::Greeter as brpc::Receiver>::NAME, "greeter");
    let hub = brpc::Socket::default();
    drop(shadows::GreeterClient::new(&hub, "greeter").add(1, 2));
    drop(shadows::InterfaceClient::new(&hub, "interface").add(1, 2));
}
