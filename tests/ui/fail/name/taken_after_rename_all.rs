struct Greeter;

#[brpc::plugin(rename_all = "camelCase")]
impl Greeter {
    pub fn say_hello(&self) {}

    #[allow(non_snake_case)]
    pub fn sayHello(&self) {}
}

fn main() {}
