//! Where a client is compared with its plugins, its types must describe themselves.

use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Greet;

#[derive(Deserialize)]
struct Greeting;

#[brpc::client]
trait Greeter {
    fn greet(&self, req: Greet) -> u8;
}

#[brpc::client]
trait Replier {
    fn several(&self, a: u8, b: u8) -> Option<Greeting>;
    #[cfg(all())]
    fn conditional(&self) -> Greeting;
}

fn main() {
    let hub = brpc::Socket::default();
    drop(GreeterClient::new(&hub, "greeter").check_interface());
    drop(ReplierClient::all(&hub).check_interface());
}
