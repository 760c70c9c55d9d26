//! A plugin with as many methods as real ones have, so that its description takes room.

use brpc::Plugin;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::echo::Message;

#[derive(Debug)]
pub(super) struct Described;

/// One of a hundred kinds of plugin, which describe themselves differently.
pub(super) fn plugin(number: u32) -> Plugin<Described> {
    const KINDS: u32 = 100;
    Plugin::new(Described).describe("describe", move |function| {
        function.description = format!("Says what a plugin of kind {} knows.", number % KINDS);
    })
}

/// What the other methods take and give.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(super) struct Item {
    /// What it is called.
    name: String,
    /// How many of it.
    count: u32,
    /// Where it is kept, from the widest to the narrowest.
    places: Vec<String>,
    /// What it weighs, in kilograms, if that is known.
    weight: Option<f64>,
}

#[brpc::plugin]
impl Described {
    /// Gives back what it gets.
    pub async fn echo(&self, message: Message) -> Message {
        message
    }

    /// Adds an item to the stock.
    pub fn add(&self, item: Item) -> Item {
        item
    }

    /// Removes an item from the stock.
    pub fn remove(&self, item: Item) -> Item {
        item
    }

    /// Changes the number of an item.
    pub fn count(&self, item: Item) -> Item {
        item
    }

    /// Changes the weight of an item.
    pub fn weigh(&self, item: Item) -> Item {
        item
    }

    /// Moves an item to other places.
    pub fn place(&self, item: Item) -> Item {
        item
    }

    /// Gives an item another name.
    pub fn name(&self, item: Item) -> Item {
        item
    }

    /// Says what is known of an item.
    pub fn describe(&self, item: Item) -> Item {
        item
    }

    /// Sends an item to a customer.
    pub fn send(&self, item: Item) -> Item {
        item
    }

    /// Takes an item back from a customer.
    pub fn take_back(&self, item: Item) -> Item {
        item
    }
}
