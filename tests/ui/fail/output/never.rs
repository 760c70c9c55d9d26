struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) -> ! {
        std::process::exit(1)
    }
}

fn main() {}
