//! What else an interface's methods can't be.

#[brpc::client]
trait Greeter {
    extern "C" fn foreign(&self);
    fn conditional(&self, #[cfg(all())] name: String);
    fn of_any_type(&self, name: impl Into<String>);
    fn helped(&self, #[brpc(rename = "who")] name: String);
    #[brpc(rename = "here")]
    const NOT_A_METHOD: u8;
}

fn main() {}
