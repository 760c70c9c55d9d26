struct Greet;
struct Greeting;
struct Rude;
struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, req: Greet) -> Result<Greeting, Rude> {
        drop(req);
        Err(Rude)
    }

    pub async fn part(&self, first: Greet, second: String) -> Greeting {
        drop((first, second));
        Greeting
    }
}

fn main() {}
