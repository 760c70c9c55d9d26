struct Greeter<T>(T);

#[brpc::plugin]
impl<T: Send + Sync + 'static> Greeter<T> {
    pub fn greet(&self, name: T) {
        drop(name);
    }
}

fn main() {}
