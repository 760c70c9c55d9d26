//! Labels of plugins.

use brpc::{ConnectError, LabelError, PluginInfo, Socket};
use serde_json::json;

use crate::support::peer::{Hello, Peer, Writer, kind, refusal};
use crate::support::worker::worker;
use crate::support::{open, plug};

/// The number of the extension.
const LABELS: u64 = 1;

/// Labels as they travel.
fn encoded(labels: &[(&str, &str)]) -> Vec<u8> {
    let start = Writer::default().number(labels.len() as u64);
    labels.iter().fold(start, |writer, (key, value)| writer.text(key).text(value)).0
}

#[tokio::test(start_paused = true)]
async fn labels_are_seen_on_the_hub() {
    let hub = Socket::default();
    plug(&hub, &worker("plain").0).await;
    let labelled = worker("labelled").0.label("zone", "b").label("region", "us");
    plug(&hub, &labelled.label("region", "eu").label("empty", "")).await;
    let plugins = hub.connected();
    let [labelled, plain] = &plugins[..] else { panic!("{plugins:?}") };
    assert_eq!(labelled.label("region"), Some("eu"), "the last value counts");
    assert_eq!(labelled.label("empty"), Some(""));
    assert_eq!(labelled.label("rack"), None);
    let listed: Vec<_> = labelled.labels().collect();
    assert_eq!(listed, [("empty", ""), ("region", "eu"), ("zone", "b")]);
    assert_eq!((plain.label("region"), plain.labels().len()), (None, 0));
    let info = hub.plugin_info("labelled").unwrap();
    assert_eq!(info.labels.get("region").map(String::as_str), Some("eu"));
    let text = serde_json::to_value(&info).unwrap();
    assert_eq!(text["labels"], json!({"empty": "", "region": "eu", "zone": "b"}));
    assert_eq!(serde_json::from_value::<PluginInfo>(text).unwrap(), info);
    let text = serde_json::to_value(hub.plugin_info("plain").unwrap()).unwrap();
    assert_eq!(text.get("labels"), None);
}

#[tokio::test(start_paused = true)]
async fn labels_belong_to_a_plugin_and_not_to_its_description() {
    let hub = Socket::default();
    for region in ["eu", "us"] {
        plug(&hub, &worker(region).0.label("region", region)).await;
    }
    for plugin in hub.connected() {
        assert_eq!(plugin.label("region"), Some(plugin.name()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_largest_labels_fit_with_the_longest_name_and_version() {
    let hub = Socket::default();
    let (name, version) = ("n".repeat(128), "1".repeat(64));
    let mut plugin = worker(&name).0.version(version);
    for number in 0..32 {
        plugin = plugin.label(format!("key-{number:03}"), "v".repeat(57));
    }
    plug(&hub, &plugin).await;
    assert_eq!(
        hub.connected()[0].labels().map(|(key, value)| key.len() + value.len()).sum::<usize>(),
        2_048
    );
    let one = worker("one").0.label("k".repeat(64), "~ ".repeat(64));
    plug(&hub, &one).await;
}

/// The error of a plugin that has these labels and does not dial.
async fn mistake(labels: &[(&str, &str)]) -> LabelError {
    let hub = Socket::default();
    let mut plugin = worker("worker").0;
    for &(key, value) in labels {
        plugin = plugin.label(key, value);
    }
    match open(&hub, &plugin).await {
        Err(ConnectError::BadLabels(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn mistakes_are_found_before_the_plugin_dials() {
    for key in ["", ".a", "a b", "a=b", "a\n", "brpc.zone", "\u{430}", &"k".repeat(65)] {
        let error = mistake(&[("fine", ""), (key, "x")]).await;
        assert!(matches!(error, LabelError::BadKey { .. }), "{key:?}: {error:?}");
    }
    for value in ["\u{e4}", "a\tb", "\u{1b}[31m", &"v".repeat(129)] {
        let error = mistake(&[("key", value)]).await;
        assert_eq!(error, LabelError::BadValue { key: "key".to_owned() });
    }
    let keys: Vec<String> = (0..33).map(|number| format!("k{number}")).collect();
    let many: Vec<_> = keys.iter().map(|key| (&**key, "")).collect();
    assert_eq!(mistake(&many).await, LabelError::TooMany);
    let value = "v".repeat(128);
    let large: Vec<_> = keys[..16].iter().map(|key| (&**key, &*value)).collect();
    assert!(matches!(mistake(&large).await, LabelError::TooLarge { size: 2_086 }));
}

/// The hub's answer to a plugin that sends these extensions.
async fn refused(extensions: Vec<(u64, Vec<u8>)>) -> (u64, String) {
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub);
    peer.say_hello(&Hello { extensions, ..Hello::new("peer") }).await;
    peer.hear_preface().await;
    let refused = peer.expect(kind::REFUSED).await;
    assert_eq!(peer.frame().await, None);
    assert!(hub.connected().is_empty());
    let mut fields = refused.fields();
    (fields.number(), fields.text())
}

#[tokio::test(start_paused = true)]
async fn a_hub_refuses_labels_that_break_a_rule() {
    let keys: Vec<String> = (0..33).map(|number| format!("k{number:02}")).collect();
    let many: Vec<_> = keys.iter().map(|key| (&**key, "")).collect();
    let value = "v".repeat(126);
    let large: Vec<_> = keys[..16].iter().map(|key| (&**key, &*value)).collect();
    let fine = encoded(&[("a", "1")]);
    for (what, labels, told) in [
        ("too many", encoded(&many), "32"),
        ("a count of 2^32 - 1", vec![0xFF, 0xFF, 0xFF, 0xFF, 0x0F], "32"),
        ("too large", encoded(&large), "2048"),
        ("no key", encoded(&[("", "x")]), "number 0: a label's key is 1 to 64"),
        ("a long key", encoded(&[("a", ""), (&"k".repeat(65), "x")]), "number 1"),
        ("a bad key", encoded(&[("a\u{1b}", "x")]), "number 0"),
        ("a reserved key", encoded(&[("brpc.x", "x")]), "brpc."),
        (
            "a long value",
            encoded(&[("a", &"v".repeat(129))]),
            "`a`: a label's value is at most 128",
        ),
        ("a bad value", encoded(&[("a", "\n")]), "`a`"),
        ("a key twice", encoded(&[("a", "1"), ("a", "2")]), "two labels have the key `a`"),
        ("another order", encoded(&[("b", "1"), ("a", "2")]), "ascending order: `a`"),
        ("nothing", vec![], "not a list of keys and values"),
        ("too few bytes", fine[..4].to_vec(), "not a list of keys and values"),
        ("too many bytes", [&fine[..], &[0]].concat(), "not a list of keys and values"),
        (
            "a count in two bytes",
            [&[0x81, 0], &fine[1..]].concat(),
            "not a list of keys and values",
        ),
        ("no text", vec![1, 1, b'a', 1, 0xFF], "not a list of keys and values"),
    ] {
        let (code, message) = refused(vec![(LABELS, labels)]).await;
        assert_eq!(code, refusal::BAD_LABELS, "{what}: {message}");
        assert!(message.starts_with("labels: ") && message.contains(told), "{what}: {message}");
        assert!(!message.contains('\u{1b}'), "what breaks the rule is not repeated");
    }
    let (code, message) = refused(vec![(LABELS, fine.clone()), (LABELS, fine)]).await;
    assert_eq!((code, &*message), (refusal::BAD_LABELS, "labels: they were sent twice"));
}

/// As an earlier hub did with labels.
#[tokio::test(start_paused = true)]
async fn extensions_that_a_hub_does_not_know_are_skipped() {
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub);
    let labels = (LABELS, encoded(&[("region", "eu")]));
    let extensions = vec![(0, vec![1, 2]), labels, (u64::from(u16::MAX), vec![0; 1_000])];
    peer.say_hello(&Hello { extensions, ..Hello::new("peer") }).await;
    peer.hear_welcome().await;
    assert_eq!(hub.connected()[0].label("region"), Some("eu"));
    // An empty list means the same as none.
    let mut peer = Peer::dial(&hub);
    let extensions = vec![(LABELS, encoded(&[]))];
    peer.say_hello(&Hello { extensions, ..Hello::new("another") }).await;
    peer.hear_welcome().await;
}

/// So that earlier hubs see no difference.
#[tokio::test(start_paused = true)]
async fn a_plugin_without_labels_says_nothing_of_them() {
    let mut sizes = Vec::new();
    for is_labelled in [false, true] {
        let (ours, theirs) = tokio::io::duplex(crate::support::ROOM);
        let mut plugin = worker("worker").0;
        if is_labelled {
            plugin = plugin.label("k", "v");
        }
        let serving = tokio::spawn(async move { plugin.serve(theirs).await.map(drop) });
        let mut hub = Peer::new(ours);
        hub.hear_preface().await;
        let hello = hub.expect(kind::HELLO).await;
        // Heartbeats have an extension of their own.
        let expected: &[u8] = if is_labelled {
            b"\x02\x01\x05\x01\x01k\x01v\x02\x02\x88\x27"
        } else {
            b"\x01\x02\x02\x88\x27"
        };
        assert!(hello.body.ends_with(expected), "{:02x?}", hello.body);
        sizes.push(hello.body.len());
        serving.abort();
    }
    assert_eq!(sizes[1] - sizes[0], 7, "no extension at all");
}
