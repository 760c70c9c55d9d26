struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, cx: &mut brpc::Context) -> bool {
        cx.is_cancelled()
    }
}

fn main() {}
