//! What payloads hold, and how much.

use std::time::Duration;

use brpc::testing::plug;
use brpc::{CallErrorKind, Plugin, Socket};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

struct Files;

#[derive(Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
struct Chain {
    next: Option<Box<Chain>>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Sample {
    values: Vec<f64>,
}

#[brpc::plugin(client)]
impl Files {
    pub fn read(&self, size: usize) -> Vec<u8> {
        vec![7; size]
    }

    pub fn write(&self, bytes: Vec<u8>) -> usize {
        bytes.len()
    }

    pub fn append(&self, bytes: Vec<u8>, more: Vec<u8>) -> usize {
        bytes.len() + more.len()
    }

    pub fn keep(&self, chain: Chain) -> Chain {
        chain
    }

    pub fn count(&self, any: Value) -> usize {
        any.as_array().map_or(0, Vec::len)
    }

    pub fn divide(&self, by: f64) -> Sample {
        Sample { values: vec![1.0, 1.0 / by] }
    }

    pub fn measured(&self, samples: Vec<Sample>) -> usize {
        samples.len()
    }
}

#[tokio::test]
async fn types_of_their_own_are_limited_by_the_frame_alone() {
    let hub = Socket::default();
    let _files = plug(&hub, &Plugin::new(Files)).await.unwrap();
    let files = FilesClient::new(&hub, "files");
    assert_eq!(files.read(400_000).await.map(|bytes| bytes.len()), Ok(400_000));
    assert_eq!(files.write(vec![7; 400_000]).await, Ok(400_000));
    assert_eq!(files.append(vec![7; 150_000], vec![7; 150_000]).await, Ok(300_000));
    let chain = || (0..100).fold(Chain { next: None }, |next, _| Chain { next: Some(next.into()) });
    assert_eq!(files.keep(chain()).await, Ok(chain()));
}

#[tokio::test]
async fn values_of_any_shape_are_counted_and_the_error_says_so() {
    let hub = Socket::default();
    let _files = plug(&hub, &Plugin::new(Files)).await.unwrap();
    let files = FilesClient::new(&hub, "files");
    assert_eq!(files.count(vec![7; 99_999].into()).await, Ok(99_999));
    let error = files.count(vec![7; 100_000].into()).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::InvalidInput { .. }), "{error}");
    assert!(error.to_string().contains("more than 100000 values of any shape"), "{error}");
    let error = hub.call::<Value>("files", "read", &100_000).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::InvalidOutput { .. }), "{error}");
    assert!(error.to_string().contains("more than 100000 values of any shape"), "{error}");
}

#[tokio::test]
async fn a_number_that_json_does_not_have_is_an_error_with_its_path() {
    for plugin in [Plugin::new(Files), over_gob(Plugin::new(Files))] {
        let hub = Socket::default();
        let _files = plug(&hub, &plugin).await.unwrap();
        // A plugin of the Go package isn't told when it is registered.
        hub.wait_for("files", Duration::from_secs(5)).await.unwrap();
        let files = FilesClient::new(&hub, "files");
        assert_eq!(files.divide(2.0).await.map(|sample| sample.values), Ok(vec![1.0, 0.5]));
        let error = files.divide(0.0).await.unwrap_err();
        // The other wire carries an error's text alone.
        assert!(
            error.to_string().contains("at `values[1]`: JSON has no number for inf"),
            "{error}"
        );
        let sample = || Sample { values: vec![f64::NAN] };
        let error = files.measured(vec![sample()]).await.unwrap_err();
        let CallErrorKind::InvalidInput { path, .. } = error.kind() else { panic!("{error}") };
        assert_eq!(path, "[0].values[0]");
    }
}

/// The same plugin over the other wire, if there is one.
fn over_gob(plugin: Plugin<Files>) -> Plugin<Files> {
    #[cfg(feature = "gob")]
    let plugin = plugin.gob();
    plugin
}
