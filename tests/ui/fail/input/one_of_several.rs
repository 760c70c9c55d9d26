struct Greet;
struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, times: u32, req: Greet) {
        drop((times, req));
    }
}

fn main() {}
