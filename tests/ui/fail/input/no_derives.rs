struct Greet;
struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub async fn greet(&self, req: Greet) {
        drop(req);
    }
}

fn main() {}
