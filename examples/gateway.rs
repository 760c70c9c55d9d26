//! A gateway: the plugin of one hub that forwards calls to the plugins of another, without decoding
//! their inputs and outputs.
//!
//! ```console
//! $ cargo run --example gateway
//! ```

#[path = "support/report.rs"]
mod report;

use brpc::testing::plug;
use brpc::{Context, Execution, MethodError, Plugin, Socket};
use report::Report;
use serde_json::value::RawValue;

/// Forwards calls to the plugins of its own hub, as at the edge of a network.
struct Gateway {
    inner: Socket,
}

#[brpc::plugin(client)]
impl Gateway {
    /// Calls a method of a plugin behind this gateway. Forwards the time left and the trace id, and
    /// the metadata of the call and of the answer.
    pub async fn forward(
        &self,
        cx: &Context,
        plugin: String,
        method: String,
        input: Box<RawValue>,
    ) -> Result<Box<RawValue>, MethodError> {
        let mut call = self.inner.call::<Box<RawValue>>(&plugin, &method, &input);
        call = call.timeout(cx.remaining()).trace(cx.trace());
        for (key, value) in cx.metadata() {
            call = call.metadata(key, value);
        }
        let response = call.response().await.map_err(|error| {
            match (error.execution(), error.method_error()) {
                // The method's own error, unchanged.
                (Execution::Completed, Some(own)) => own.clone(),
                _ => MethodError::new("gateway", error.to_string()),
            }
        })?;
        for (key, value) in &response.metadata {
            // The metadata fitted one answer, so it fits another.
            let _ = cx.add_response_metadata(key, value);
        }
        Ok(response.output)
    }
}

struct Thermometer;

#[brpc::plugin]
impl Thermometer {
    /// Degrees Celsius in a room.
    pub fn read(&self, cx: &Context, room: String) -> Result<f64, String> {
        let _ = cx.add_response_metadata("sensor", "t-17");
        if room == "cellar" { Ok(11.5) } else { Err(format!("there is no {room}")) }
    }
}

#[tokio::main]
async fn main() -> Result<(), Report> {
    // The sensors dial in to the gateway, and the gateway dials in to the head office.
    let (site, office) = (Socket::default(), Socket::default());
    let _thermometer = plug(&site, &Plugin::new(Thermometer)).await?;
    let _gateway = plug(&office, &Plugin::new(Gateway { inner: site }).name("site-7")).await?;

    let site = GatewayClient::new(&office, "site-7");
    for (plugin, room) in [("thermometer", "cellar"), ("thermometer", "attic"), ("clock", "hall")] {
        let input = RawValue::from_string(format!("{room:?}"))?;
        match site.forward(plugin.into(), "read".into(), input).trace("t-1").response().await {
            Ok(reading) => {
                let sensor = reading.metadata.get("sensor").unwrap_or_default();
                println!("{plugin}, {room}: {} by {sensor}", reading.output);
            }
            Err(error) => println!("{plugin}, {room}: {error}"),
        }
    }
    Ok(())
}
