//! Metadata of answers.

use std::collections::BTreeMap;

use brpc::{Context, MetadataError, MethodError, Plugin, Socket};

use crate::support::plug;

struct Cache;

#[brpc::plugin(client)]
impl Cache {
    pub fn get(&self, cx: &Context, key: String) -> Result<usize, MetadataError> {
        cx.add_response_metadata("key", &key)?;
        Ok(key.len())
    }

    pub async fn slow(&self, cx: &Context, key: String) -> Result<usize, MetadataError> {
        cx.add_response_metadata("key", &key)?;
        tokio::task::yield_now().await;
        cx.add_response_metadata("key", "again")?;
        Ok(key.len())
    }

    #[brpc(blocking)]
    pub fn block(&self, cx: &Context) -> Result<(), MetadataError> {
        cx.add_response_metadata("thread", "another")
    }

    pub fn miss(&self, cx: &Context) -> Result<(), MethodError> {
        cx.add_response_metadata("age", "7").expect("it fits");
        Err(MethodError::new("miss", "not there").with_data(1.into()))
    }

    pub fn fill(&self, cx: &Context) -> (usize, bool, bool) {
        let fits = (0..100).take_while(|_| cx.add_response_metadata("k", "").is_ok()).count();
        // A pair that doesn't fit is left out, and nothing else.
        (fits, cx.add_response_metadata("k", "").is_err(), cx.metadata().is_empty())
    }

    pub fn too_large(&self, cx: &Context) -> String {
        cx.add_response_metadata("a", "b").expect("it fits");
        cx.add_response_metadata("k", "v".repeat(8192)).expect_err("too large").to_string()
    }
}

#[tokio::test]
async fn it_arrives_with_an_output() {
    let hub = Socket::default();
    plug(&hub, &Plugin::new(Cache)).await;
    let response = hub.call::<usize>("cache", "get", "abc").response().await.unwrap();
    assert_eq!(response.output, 3);
    assert_eq!(response.metadata.iter().collect::<Vec<_>>(), [("key", "abc")]);
    let response = hub.call::<usize>("cache", "slow", "abc").response().await.unwrap();
    let pairs: Vec<_> = response.metadata.iter().collect();
    assert_eq!(pairs, [("key", "abc"), ("key", "again")]);
    assert_eq!(response.metadata.get("key"), Some("abc"));
    let response = hub.call::<()>("cache", "block", &()).response().await.unwrap();
    assert_eq!(response.metadata.get("thread"), Some("another"));
    // A caller that doesn't ask for it gets the output alone.
    assert_eq!(hub.call::<usize>("cache", "get", "abc").await, Ok(3));
}

#[tokio::test]
async fn it_arrives_with_an_error() {
    let hub = Socket::default();
    plug(&hub, &Plugin::new(Cache)).await;
    let error = hub.call::<()>("cache", "miss", &()).await.unwrap_err();
    let error = error.method_error().unwrap();
    assert_eq!((error.code(), error.data()), ("miss", Some(&1.into())));
    assert_eq!(error.metadata().get("age"), Some("7"));
}

#[tokio::test]
async fn it_is_bounded_where_it_is_added() {
    let hub = Socket::default();
    plug(&hub, &Plugin::new(Cache)).await;
    let response = hub.call::<(usize, bool, bool)>("cache", "fill", &()).response().await.unwrap();
    assert_eq!((response.output, response.metadata.len()), ((64, true, true), 64));
    let response = hub.call::<String>("cache", "too_large", &()).response().await.unwrap();
    assert!(response.output.contains("8192 bytes"), "{}", response.output);
    assert_eq!(response.metadata.iter().collect::<Vec<_>>(), [("a", "b")]);
}

#[tokio::test]
async fn each_call_gets_its_own() {
    let hub = Socket::default();
    plug(&hub, &Plugin::new(Cache)).await;
    let calls = (0..200).map(|number| {
        let (hub, key) = (hub.clone(), number.to_string());
        async move {
            let method = if number % 2 == 0 { "get" } else { "slow" };
            let response = hub.call::<usize>("cache", method, &key).response().await.unwrap();
            assert_eq!(response.metadata.get("key"), Some(&*key));
        }
    });
    futures_util::future::join_all(calls).await;
}

#[tokio::test]
async fn clients_and_broadcasts_have_it_too() {
    let hub = Socket::default();
    plug(&hub, &Plugin::new(Cache).name("a")).await;
    plug(&hub, &Plugin::new(Cache).name("b")).await;
    let cache = CacheClient::new(&hub, "a");
    let response = cache.get("abc".to_owned()).response().await.unwrap();
    assert_eq!((response.output, response.metadata.get("key")), (3, Some("abc")));
    let answers = CacheClient::all(&hub).get("x".to_owned()).response().collect().await;
    let keys: BTreeMap<_, _> = answers
        .into_iter()
        .map(|(name, answer)| (name, answer.unwrap().metadata.get("key").map(str::to_owned)))
        .collect();
    let x = Some("x".to_owned());
    assert_eq!(keys, BTreeMap::from([("a".to_owned(), x.clone()), ("b".to_owned(), x)]));
}
