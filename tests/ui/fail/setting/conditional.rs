struct Greeter;

#[brpc::plugin]
impl Greeter {
    #[cfg_attr(all(), brpc(rename = "hello"))]
    pub fn greet(&self) {}
}

fn main() {}
