#[brpc::client]
trait Counter {
    fn snapshot(&self) -> Self;
    fn merged(&self, others: Vec<Self>) -> u8;
}

fn main() {}
