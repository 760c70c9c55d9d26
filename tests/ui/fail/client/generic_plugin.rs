//! Of a type with parameters no client is made.

struct Store<T>(Vec<T>);

#[brpc::plugin(client)]
impl<T: Send + Sync + 'static> Store<T> {
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

fn main() {}
