//! Whatever a plugin of the Go package sends, in any pieces: the reader returns a value or an
//! error, the same for any pieces, in bounded memory. What it reads as an introduction can be
//! encoded again.
//!
//! The input's last byte chooses the pieces and the limit, the rest is what the plugin sends.
#![no_main]

use brpc_fuzz::memory::bounded;
use brpc_gob::{Envelope, GobError, PluginInfo, Reader, Writer};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;

/// The memory for each byte of what a plugin says of itself: an entity of one byte has 80 in memory,
/// and a function more.
const PER_BYTE: usize = 256;

/// What was decoded.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    info: Option<PluginInfo>,
    envelopes: Vec<Envelope>,
    error: Option<GobError>,
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, stream)) = bytes.split_last() else { return };
    let limit = if choice & 1 == 0 { 1 << 20 } else { 256 };
    let whole = listen([stream], limit);
    let piece = 1 + usize::from(choice >> 1);
    assert_eq!(listen(stream.chunks(piece), limit), whole, "in pieces of {piece}");
    if let Some(info) = whole.info {
        say_again(&info);
    }
});

/// Decodes what a plugin sends in these pieces.
fn listen<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> Heard {
    let (mut reader, mut input, mut heard) = (Reader::new(), BytesMut::new(), Heard::default());
    for piece in pieces {
        input.extend_from_slice(piece);
        if let Err(error) = take(&mut reader, &mut input, limit, &mut heard) {
            // For good, and whatever is asked.
            let again = reader.envelope(&mut input, limit);
            assert_eq!(again.as_ref(), Err(&error));
            assert_eq!(reader.plugin_info(&mut input, limit).as_ref(), Err(&error));
            heard.error = Some(error);
            break;
        }
    }
    heard
}

fn take(
    reader: &mut Reader,
    input: &mut BytesMut,
    limit: usize,
    heard: &mut Heard,
) -> Result<(), GobError> {
    if heard.info.is_none() {
        heard.info = bounded(PER_BYTE * input.len(), || reader.plugin_info(input, limit))?;
    }
    if heard.info.is_some() {
        loop {
            let before = input.len();
            let envelope = bounded(limit, || reader.envelope(input, limit))?;
            let Some(envelope) = envelope else { break };
            // Or it would go on for ever.
            assert!(input.len() < before, "a message of no bytes");
            assert!(envelope.payload.len() <= limit);
            heard.envelopes.push(envelope);
        }
    }
    Ok(())
}

/// What was decoded is encoded, and decodes to the same.
fn say_again(info: &PluginInfo) {
    let mut out = Vec::new();
    Writer::new().plugin_info(info, &mut out);
    let again = Reader::new().plugin_info(&mut BytesMut::from(&out[..]), usize::MAX);
    assert_eq!(again.as_ref(), Ok(&Some(info.clone())));
}
