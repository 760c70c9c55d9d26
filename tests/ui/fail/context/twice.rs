use brpc::Context;

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, first: &Context, second: &Context) -> bool {
        first.trace() == second.trace()
    }
}

fn main() {}
