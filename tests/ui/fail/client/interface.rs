//! What an interface can't be.

struct Unsized<'a>(&'a str);

#[brpc::client]
unsafe trait Generic<T>: Send
where
    T: Copy,
{
    const NAME: &'static str;
    type Other;
    fn fine(&self) -> u8;
    fn with_a_body(&self) {
        todo!()
    }
}

#[brpc::client]
trait Methods {
    fn no_self(a: u8);
    fn mutable(&mut self);
    fn by_value(self);
    fn generic<T>(&self, input: T);
    unsafe fn dangerous(&self);
    fn pattern(&self, (a, b): (u8, u8));
    fn borrows(&self, name: &str, names: &[String]);
    fn holds(&self, name: Unsized<'_>) -> Unsized<'_>;
    fn gives(&self) -> &str;
    fn hidden(&self) -> impl Send;
    fn never(&self) -> !;
}

#[brpc::client]
trait Empty {}

fn main() {
    let hub = brpc::Socket::default();
    // What is right of it can be used, so that nothing is reported twice.
    drop(GenericClient::new(&hub, "name").fine());
}
