use brpc::Receiver;

struct Greeter;

#[brpc::plugin(nmae = "greeter", version = "1\n")]
impl Greeter {
    pub fn greet(&mut self, name: &str) {
        drop(name);
    }

    pub fn pair<T>(&self, first: T, second: impl Clone) {
        drop((first, second));
    }

    #[brpc(rename = "brpc.part", blocking)]
    pub async fn part(&self) {}

    #[brpc(hook)]
    async fn hook(&mut self) {}
}

fn is_a_plugin<P: Receiver>(_: P) {}

fn main() {
    is_a_plugin(Greeter);
}
