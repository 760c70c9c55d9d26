struct Greeter<T>(T);

#[brpc::plugin]
impl<T: Send + 'static> Greeter<T> {
    pub fn greet(&self) {}

    pub async fn wait(&self) {}
}

fn main() {}
