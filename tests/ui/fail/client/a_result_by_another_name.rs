//! Only the spelling tells what a caller gets.

type Outcome = std::result::Result<u8, String>;

mod mine {
    #[derive(schemars::JsonSchema, serde::Serialize)]
    pub struct Result<T>(pub T);
}

struct Plugin;

#[brpc::plugin(client)]
impl Plugin {
    pub fn alias(&self) -> Outcome {
        Ok(1)
    }

    pub fn namesake(&self) -> mine::Result<u8> {
        mine::Result(1)
    }
}

fn main() {}
