//! The compiler itself says this twice, of each implementation of a trait that is `'static`.

use std::marker::PhantomData;

struct Greeter<T>(PhantomData<T>);

#[brpc::plugin]
impl<T: Send + Sync> Greeter<T> {
    pub fn greet(&self) {}
}

fn main() {}
