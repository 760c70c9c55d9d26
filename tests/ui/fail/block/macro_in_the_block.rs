macro_rules! greetings {
    () => {
        pub fn greet(&self) {}
    };
}

struct Greeter;

#[brpc::plugin]
impl Greeter {
    greetings!();

    pub fn part(&self) {}
}

fn main() {}
