struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, cx: &'static brpc::Context) -> String {
        cx.trace().to_owned()
    }
}

fn main() {}
