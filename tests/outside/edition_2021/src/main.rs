//! Names that are keywords in a later edition than this crate's.

struct Dice;

#[brpc::plugin(client)]
impl Dice {
    pub fn gen(&self, sides: u8) -> u8 {
        sides
    }

    pub fn only(&self, gen: u8) -> u8 {
        gen
    }

    pub async fn both(&self, gen: u8, more: u8) -> u8 {
        gen + more
    }
}

/// The same, declared; and a type whose module has such a name.
#[brpc::client]
trait Rolls {
    fn gen(&self, sides: u8) -> u8;
    fn only(&self, gen: u8) -> gen::Rolled;
}

mod gen {
    #[derive(serde::Deserialize)]
    #[serde(transparent)]
    pub struct Rolled(pub u8);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let hub = brpc::Socket::default();
    let _dice = brpc::testing::plug(&hub, &brpc::Plugin::new(Dice)).await.unwrap();
    let dice = DiceClient::new(&hub, "dice");
    assert_eq!(dice.gen(6).await, Ok(6));
    assert_eq!(dice.only(5).await, Ok(5));
    assert_eq!(dice.both(6, 1).await, Ok(7));
    let rolls = RollsClient::new(&hub, "dice");
    assert_eq!(rolls.gen(4).await, Ok(4));
    assert_eq!(rolls.only(3).await.unwrap().0, 3);
    // What it depends on doesn't change the order of its own JSON.
    let sorted = serde_json::json!({"b": 1, "a": 2});
    assert_eq!(sorted.to_string(), r#"{"a":2,"b":1}"#);
    println!("rolled");
}
