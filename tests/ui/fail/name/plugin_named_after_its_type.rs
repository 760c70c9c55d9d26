struct Grüßer;

#[brpc::plugin]
impl Grüßer {
    pub fn greet(&self) {}
}

fn main() {}
