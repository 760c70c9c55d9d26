//! Types without a schema still make a client that can call, and inside of a function as well.

use brpc::{Call, Socket};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Greet;

#[derive(Deserialize)]
struct Greeting;

#[brpc::client]
trait Greeter {
    fn greet(&self, req: Greet) -> Greeting;
}

#[test]
fn can_call() {
    #![deny(warnings)]

    struct Private;

    #[brpc::client]
    trait Local {
        fn check(&self, times: u8) -> bool;
        #[cfg(any())]
        fn configured_out(&self, input: Unknown) -> Unknown;
        #[cfg(not(any()))]
        fn private(&self, input: Private);
    }

    #[brpc::client]
    pub trait Checked {
        fn check(&self, times: u8) -> bool;
        #[cfg(not(any()))]
        #[cfg_attr(all(), cfg(any()))]
        fn configured_out(&self, input: Unknown) -> Unknown;
        #[cfg(not(any()))]
        fn text(&self, text: String) -> String;
    }

    let hub = Socket::default();
    let _: Call<Greeting> = GreeterClient::new(&hub, "greeter").greet(Greet);
    let _: Call<bool> = LocalClient::new(&hub, "local").check(1);
    assert!(CheckedClient::new(&hub, "checked").check_interface().is_err());
}
