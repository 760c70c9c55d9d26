//! Names that are taken, or that callers can't use.

#[brpc::client(rename_all = "nothing", client, client)]
trait Names {
    fn new(&self);
    fn all(&self) -> u8;
    fn select(&self);
    #[brpc(rename = "two")]
    fn one(&self);
    #[brpc(rename = "two")]
    fn other(&self);
    #[brpc(rename = "brpc.reserved")]
    fn reserved(&self);
    #[brpc(skip)]
    fn skipped(&self);
    #[brpc(blocking, hook)]
    fn blocking(&self);
}

struct Plugin;

#[brpc::plugin(client = "Other", client)]
impl Plugin {
    pub fn instance(&self) {}

    pub fn check_interface(&self) {}
}

fn main() {}
