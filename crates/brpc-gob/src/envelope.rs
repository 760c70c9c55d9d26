//! The messages after the plugin's introduction: calls, answers, events, shutdown.

use bytes::Bytes;

use crate::GobError;
use crate::gob::{
    Cursor, Known, StructWriter, Table, TypeId, Values, from_signed, id, size, write_uint,
};

/// A received message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Envelope {
    /// The number of the call. The original counts from 0.
    pub seq: u64,
    /// The caller's trace id; may be empty.
    pub trace: String,
    /// The method to call. An answer repeats it.
    pub method: String,
    /// What the call failed with; empty if it didn't.
    pub error: String,
    /// JSON, or nothing; a view into the received message.
    pub payload: Bytes,
}

/// A message to send.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EnvelopeRef<'a> {
    /// The number of the call.
    pub seq: u64,
    /// The caller's trace id; may be empty.
    pub trace: &'a str,
    /// The method to call.
    pub method: &'a str,
    /// What the call failed with; empty if it didn't.
    pub error: &'a str,
    /// JSON, or nothing.
    pub payload: &'a [u8],
}

impl Envelope {
    /// The same, borrowed.
    pub fn as_ref(&self) -> EnvelopeRef<'_> {
        let Self { seq, trace, method, error, payload } = self;
        EnvelopeRef { seq: *seq, trace, method, error, payload }
    }

    /// Reads the value in a message, behind the type's number.
    pub(crate) fn decode(
        table: &Table,
        type_id: TypeId,
        cursor: Cursor<'_>,
        message: &Bytes,
    ) -> Result<Self, GobError> {
        let mut values = Values::new(table, cursor);
        let wrong = GobError::WrongValue { expected: "Envelope" };
        let of = values.enter(type_id)?.filter(|of| of.has_one_of(&FIELDS));
        let (mut of, mut envelope) = (of.ok_or(wrong)?, Self::default());
        while let Some(field) = values.field(&mut of)? {
            match field.known {
                Some(Known::Seq) => envelope.seq = values.uint(field)?,
                Some(Known::Trace) => envelope.trace = values.text(field)?,
                Some(Known::Method) => envelope.method = values.text(field)?,
                Some(Known::Error) => envelope.error = values.text(field)?,
                Some(Known::Payload) => {
                    envelope.payload = message.slice_ref(values.bytes(field)?);
                }
                _ => values.skip(field.type_id)?,
            }
        }
        values.finish()?;
        Ok(envelope)
    }
}

impl EnvelopeRef<'_> {
    /// The bytes of its message, without the length before them. A limit counts these.
    pub fn encoded_len(&self) -> usize {
        let number = if self.seq == 0 { 0 } else { DELTA + size(self.seq) };
        let bytes = |count: usize| if count == 0 { 0 } else { DELTA + size(count as u64) + count };
        let texts = [self.trace, self.method, self.error].map(|text| bytes(text.len()));
        size(from_signed(TYPE_ID))
            + number
            + texts.into_iter().sum::<usize>()
            + bytes(self.payload.len())
            + END.len()
    }

    /// Appends its message up to the payload; the caller appends that, and [`END`] behind it.
    pub(crate) fn encode_head(&self, out: &mut Vec<u8>) {
        write_uint(self.encoded_len() as u64, out);
        write_uint(from_signed(TYPE_ID), out);
        let mut of = StructWriter::new(out);
        of.uint(0, self.seq);
        for (number, text) in [(1, self.trace), (2, self.method), (3, self.error)] {
            of.text(number, text);
        }
        if !self.payload.is_empty() {
            write_uint(self.payload.len() as u64, of.field(4));
        }
    }
}

/// The fields, in their order, and their types.
pub(crate) const DEFINITION: [(Known, TypeId); 5] = [
    (Known::Seq, id::UINT),
    (Known::Trace, id::STRING),
    (Known::Method, id::STRING),
    (Known::Error, id::STRING),
    (Known::Payload, id::BYTES),
];

const FIELDS: [Known; 5] = [Known::Seq, Known::Trace, Known::Method, Known::Error, Known::Payload];

/// The number of the type among ours.
pub(crate) const TYPE_ID: TypeId = 64;

/// The end of a message.
pub(crate) const END: &[u8] = &[0];

/// The bytes that say which field comes: there are few enough fields for one byte.
const DELTA: usize = 1;
