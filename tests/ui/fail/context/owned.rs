struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, cx: brpc::Context) -> String {
        cx.trace().to_owned()
    }
}

fn main() {}
