//! Where a method is called, its types must travel.

struct Greet;

struct Greeting;

#[brpc::client]
trait Greeter {
    fn greet(&self, req: Greet) -> u8;
    fn several(&self, a: u8, req: Greet);
    fn greeting(&self) -> Greeting;
}

fn main() {
    let hub = brpc::Socket::default();
    let greeter = GreeterClient::new(&hub, "greeter");
    drop(greeter.greet(Greet));
    drop(greeter.several(1, Greet));
    drop(greeter.greeting());
}
