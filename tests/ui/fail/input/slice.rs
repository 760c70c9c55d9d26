struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn sum(&self, scale: i64, numbers: &[i64]) -> i64 {
        scale * numbers.iter().sum::<i64>()
    }
}

fn main() {}
