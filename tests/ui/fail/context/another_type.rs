struct Context;
struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub async fn greet(&self, _cx: &Context, name: String) -> String {
        name
    }
}

fn main() {}
