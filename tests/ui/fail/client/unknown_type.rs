//! A type that isn't there is reported once, where it is written.

#[brpc::client]
trait Interface {
    fn greet(&self, req: Greet) -> Greeting;
}

struct Plugin;

#[brpc::plugin(client)]
impl Plugin {
    pub fn greet(&self, req: Request, times: u8) {
        drop((req, times));
    }
}

fn main() {}
