struct Greeter;

#[brpc::plugin]
impl Greeter {
    #[brpc(rename = "")]
    pub fn greet(&self) {}

    pub fn grüße(&self) {}
}

fn main() {}
