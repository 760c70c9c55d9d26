struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    #[brpc(rename = "leave")]
    fn part(&self) {}

    #[brpc(skip)]
    pub(crate) fn wave(&self) {}
}

fn main() {}
