use std::rc::Rc;

struct Greeter;

async fn pause() {}

#[brpc::plugin]
impl Greeter {
    pub async fn greet(&self) -> String {
        let name = Rc::new(String::from("you"));
        pause().await;
        name.to_string()
    }
}

fn main() {}
