//! Packets that are lost or refused, between two network namespaces of the laboratory's own. The
//! machine's own network is not touched.

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::sleep;

use crate::bench::Bench;

const HUB: &str = "brpc-lab-hub";
const PLUGINS: &str = "brpc-lab-plugins";
const ADDRESS: &str = "10.99.0.1:7070";

/// What is done with packets at the plugins' side, in nftables' words.
const FAULTS: [(&str, &[&str]); 4] = [
    ("drop both ways", &["input tcp sport 7070 drop", "output tcp dport 7070 drop"]),
    ("drop what the hub sends", &["input tcp sport 7070 drop"]),
    ("drop what the plugins send", &["output tcp dport 7070 drop"]),
    ("reject with a reset", &["input tcp sport 7070 reject with tcp reset"]),
];

const LOSS: &[&str] = &[
    "input tcp sport 7070 numgen random mod 100 < 5 drop",
    "output tcp dport 7070 numgen random mod 100 < 5 drop",
];

fn run(command: &str) -> bool {
    let words: Vec<_> = command.split(' ').collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Removes the namespaces when it is dropped, and whatever is in them.
struct Namespaces;

impl Namespaces {
    /// Two of them, joined by a link.
    fn new() -> Option<Self> {
        let namespaces = Self;
        let join =
            format!("ip link add hub netns {HUB} type veth peer name plugins netns {PLUGINS}");
        let mut commands =
            vec![format!("ip netns add {HUB}"), format!("ip netns add {PLUGINS}"), join];
        for (namespace, link, address) in
            [(HUB, "hub", "10.99.0.1/24"), (PLUGINS, "plugins", "10.99.0.2/24")]
        {
            commands.push(format!("ip -n {namespace} address add {address} dev {link}"));
            commands.push(format!("ip -n {namespace} link set {link} up"));
            commands.push(format!("ip -n {namespace} link set lo up"));
        }
        commands.push(format!("ip netns exec {PLUGINS} nft list ruleset"));
        commands.iter().all(|command| run(command)).then_some(namespaces)
    }

    #[allow(clippy::unused_self)] // There is nothing to set before they exist.
    fn set(&self, rules: &[&str]) {
        let nft = |words: &str| {
            assert!(run(&format!("ip netns exec {PLUGINS} nft {words}")), "nft {words}");
        };
        nft("flush ruleset");
        nft("add table inet lab");
        for chain in ["input", "output"] {
            nft(&format!("add chain inet lab {chain} {{ type filter hook {chain} priority 0 ; }}"));
        }
        for rule in rules {
            nft(&format!("add rule inet lab {rule}"));
        }
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for namespace in [HUB, PLUGINS] {
            run(&format!("ip netns delete {namespace}"));
        }
    }
}

/// Says so if the machine doesn't allow it.
fn namespaces() -> Option<Namespaces> {
    let namespaces = Namespaces::new();
    if namespaces.is_none() {
        println!(
            "!! NO NETWORK NAMESPACES WITH NFTABLES HERE: SKIPPED. It needs root, `ip` and `nft`."
        );
    }
    namespaces
}

/// False if the machine doesn't allow it.
pub async fn l12_losses(time: Duration) -> bool {
    let Some(namespaces) = namespaces() else { return false };
    namespaces.set(&[]);
    let mut bench = Bench::new("losses", 5, Some(HUB), ADDRESS).await;
    let _plugins = bench.plugins(Some(PLUGINS), ADDRESS, "p", 10).await;
    bench.hub.order("load 200").await;
    let from = bench.hub.lines();
    namespaces.set(LOSS);
    sleep(time).await;
    let lost = bench.hub.said(from, "down");
    assert!(lost.is_empty(), "cut although 95 % of packets arrive: {lost:?}");
    namespaces.set(&[]);
    println!("5 % of packets lost for {time:?}, no connection");
    bench.finish().await;
    true
}

/// Nothing passes in one direction or both. False if the machine doesn't allow it.
pub async fn silent(heartbeat: u64, is_long: bool) -> bool {
    let Some(namespaces) = namespaces() else { return false };
    namespaces.set(&[]);
    let mut bench = Bench::new("namespaces", heartbeat, Some(HUB), ADDRESS).await;
    let plugin = bench.plugins(Some(PLUGINS), ADDRESS, "lone", 1).await;
    for (fault, rules) in FAULTS {
        for traffic in ["no calls", "calls", "a full buffer"] {
            // Without calls, a side is heard last when that matters most.
            if traffic != "no calls" && !is_long {
                continue;
            }
            bench.both_find(&plugin, (fault, traffic), || namespaces.set(rules)).await;
            namespaces.set(&[]);
            bench.rest().await;
        }
    }
    bench.finish().await;
    true
}
