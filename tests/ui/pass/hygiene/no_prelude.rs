//! Without a prelude, with a client too.

#![no_implicit_prelude]

struct Greeter {
    hook: ::brpc::AsyncHook,
}

#[::brpc::plugin(client)]
impl Greeter {
    pub fn greet(&self, name: ::std::string::String) -> &'static str {
        ::std::mem::drop((name, ::std::clone::Clone::clone(&self.hook)));
        "hello"
    }

    pub async fn add(
        &self,
        _cx: &::brpc::Context,
        a: u8,
        b: u8,
    ) -> ::std::result::Result<u8, ::std::string::String> {
        ::std::result::Result::Ok(a + b)
    }

    #[brpc(blocking)]
    pub fn nothing(&self) {}

    #[brpc(hook)]
    fn keep(&mut self, hook: ::brpc::AsyncHook) {
        self.hook = hook;
    }
}

#[::std::prelude::v1::test]
fn is_needed() {
    let hub = <::brpc::Socket as ::std::default::Default>::default();
    let client = GreeterClient::new(&hub, "greeter");
    let _: ::brpc::Call<::std::string::String> = client.greet(::std::string::String::new());
    let _: ::brpc::Broadcast<u8> = GreeterClient::all(&hub).add(1, 2);
    ::std::mem::drop(client.nothing());
}
