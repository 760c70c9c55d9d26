//! A plugin that is generic itself.

use std::marker::PhantomData;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::pass::calling;

struct Store<T, const N: usize>
where
    T: Send,
{
    values: Vec<T>,
}

#[brpc::plugin]
impl<T: Clone + Sync + 'static, const N: usize> Store<T, N>
where
    T: Serialize + DeserializeOwned + JsonSchema + Send,
{
    pub fn size(&self) -> usize {
        N
    }

    pub fn values(&self) -> &[T] {
        &self.values
    }

    pub async fn with(&self, value: T, more: Option<T>) -> Result<Vec<T>, String> {
        let mut values = self.values.clone();
        values.push(value);
        values.extend(more);
        Ok(values)
    }
}

struct Marked<T>(PhantomData<fn() -> T>);

#[brpc::plugin(name = "marked")]
impl<T: 'static> Marked<T> {
    pub async fn name(&self) -> &'static str {
        std::any::type_name::<T>()
    }
}

#[test]
fn plugin_answers() {
    let store = Arc::new(Store::<u8, 4> { values: vec![1] });
    assert_eq!(calling::call(&store, "size", "").unwrap(), "4");
    assert_eq!(calling::call(&store, "values", "").unwrap(), "[1]");
    assert_eq!(calling::call(&store, "with", r#"{"value":2,"more":3}"#).unwrap(), "[1,2,3]");
    assert_eq!(<Store<u8, 4> as brpc::Receiver>::NAME, "store");
    let marked = Arc::new(Marked::<u8>(PhantomData));
    assert_eq!(calling::call(&marked, "name", "").unwrap(), r#""u8""#);
}
