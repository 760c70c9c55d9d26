struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, name: String, cx: &brpc::Context) -> String {
        name + cx.trace()
    }
}

fn main() {}
