//! Requests: what a client sends.
//!
//! Owns the message shapes and both directions of their codec, one file per opcode. Never does:
//! parse the CQL inside. Source: native_protocol_v5.spec section 4.1.

mod batch;
mod execute;
mod parameters;
mod prepare;
mod query;
mod register;
mod startup;

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use crate::frame::{Envelope, flag, opcode};
use crate::wire::{Consistency, Reader, Version, WireError, Writer};

/// A decoded request body.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Options of the connection; unknown ones are kept.
    Startup(BTreeMap<String, String>),
    /// Asks for SUPPORTED.
    Options,
    /// Runs a text.
    Query(Query),
    /// Prepares a text.
    Prepare(Prepare),
    /// Runs a prepared statement.
    Execute(Execute),
    /// Runs several.
    Batch(Batch),
    /// Subscribes to events.
    Register(Vec<EventType>),
    /// SASL bytes.
    AuthResponse(Option<Bytes>),
}

/// QUERY.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The CQL text.
    pub query: String,
    /// Its parameters.
    pub parameters: QueryParameters,
}

/// PREPARE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepare {
    /// The CQL text.
    pub query: String,
    /// v5: keyspace of unqualified names.
    pub keyspace: Option<String>,
}

/// EXECUTE.
#[derive(Debug, Clone, PartialEq)]
pub struct Execute {
    /// Id from the Prepared result.
    pub id: Bytes,
    /// v5: id of the result metadata the client holds.
    pub result_metadata_id: Option<Bytes>,
    /// Parameters.
    pub parameters: QueryParameters,
}

/// BATCH.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Logged, unlogged or counter.
    pub kind: crate::ast::BatchKind,
    /// Statements in order.
    pub statements: Vec<BatchStatement>,
    /// Consistency.
    pub consistency: Consistency,
    /// Serial consistency.
    pub serial_consistency: Option<Consistency>,
    /// Microseconds.
    pub timestamp: Option<i64>,
    /// v5: keyspace of unqualified names.
    pub keyspace: Option<String>,
    /// v5: seconds since 1970 taken as now.
    pub now_in_seconds: Option<i32>,
}

/// One statement of a BATCH. Its values are positional.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchStatement {
    /// Text or prepared id.
    pub statement: BatchQuery,
    /// Values in marker order.
    pub values: Vec<BoundValue>,
}

/// Text or id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchQuery {
    /// A CQL text.
    Text(String),
    /// A prepared id.
    Prepared(Bytes),
}

/// Parameters of QUERY and EXECUTE.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryParameters {
    /// Consistency.
    pub consistency: Consistency,
    /// Bound values.
    pub values: Values,
    /// The client has the metadata already.
    pub skip_metadata: bool,
    /// Rows per page.
    pub page_size: Option<i32>,
    /// Where to go on.
    pub paging_state: Option<Bytes>,
    /// Serial consistency.
    pub serial_consistency: Option<Consistency>,
    /// Microseconds.
    pub timestamp: Option<i64>,
    /// v5: keyspace of unqualified names.
    pub keyspace: Option<String>,
    /// v5: seconds since 1970 taken as now.
    pub now_in_seconds: Option<i32>,
}

impl QueryParameters {
    /// Takes the values out.
    pub fn take_values(&mut self) -> Values {
        std::mem::replace(&mut self.values, Values::Positional(Vec::new()))
    }
}

/// Values by place or by name.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// In marker order.
    Positional(Vec<BoundValue>),
    /// By marker name, in wire order.
    Named(Vec<(String, BoundValue)>),
}

/// One bound value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoundValue {
    /// null.
    Null,
    /// v4+: leave the column alone.
    Unset,
    /// Bytes of the marker's type; may have length 0.
    Bytes(Bytes),
}

/// What can be registered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the event")]
pub enum EventType {
    TopologyChange,
    StatusChange,
    SchemaChange,
}

/// A request and what stood around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// The request.
    pub request: Request,
    /// The client asks for a trace.
    pub tracing: bool,
    /// v4+: custom payload.
    pub payload: Vec<(String, Option<Bytes>)>,
}

/// Reads values as slices that share the body's memory.
pub(crate) struct BodyReader<'a> {
    pub(crate) body: &'a Bytes,
    pub(crate) reader: Reader<'a>,
    pub(crate) version: Version,
}

impl<'a> BodyReader<'a> {
    pub(crate) fn new(body: &'a Bytes, version: Version) -> BodyReader<'a> {
        BodyReader { body, reader: Reader::new(body), version }
    }

    pub(crate) fn bytes(&mut self, what: &'static str) -> Result<Option<Bytes>, WireError> {
        Ok(self.reader.bytes(what)?.map(|slice| self.body.slice_ref(slice)))
    }

    pub(crate) fn short_bytes(&mut self, what: &'static str) -> Result<Bytes, WireError> {
        let slice = self.reader.short_bytes(what)?;
        Ok(self.body.slice_ref(slice))
    }

    pub(crate) fn bytes_map(&mut self) -> Result<Vec<(String, Option<Bytes>)>, WireError> {
        let count = self.reader.short("custom payload size")?;
        let mut map = Vec::new();
        for _ in 0..count {
            let key = self.reader.string("custom payload key")?.to_owned();
            map.push((key, self.bytes("custom payload value")?));
        }
        Ok(map)
    }

    /// A bound value; -2 is unset from v4 on.
    fn value(&mut self) -> Result<BoundValue, WireError> {
        let length = self.reader.int("value length")?;
        match usize::try_from(length) {
            Ok(length) => {
                let slice = self.reader.take("value", length)?;
                Ok(BoundValue::Bytes(self.body.slice_ref(slice)))
            }
            Err(_) if self.version == Version::V3 || length == -1 => Ok(BoundValue::Null),
            Err(_) if length == -2 => Ok(BoundValue::Unset),
            Err(_) => Err(WireError::invalid("value length", length.to_string())),
        }
    }
}

pub(crate) fn write_value(value: &BoundValue, out: &mut BytesMut) {
    match value {
        BoundValue::Null => out.int(-1),
        BoundValue::Unset => out.int(-2),
        BoundValue::Bytes(bytes) => out.bytes(Some(bytes)),
    }
}

impl Request {
    /// The opcode of the request.
    pub fn opcode(&self) -> u8 {
        match self {
            Request::Startup(_) => opcode::STARTUP,
            Request::Options => opcode::OPTIONS,
            Request::Query(_) => opcode::QUERY,
            Request::Prepare(_) => opcode::PREPARE,
            Request::Execute(_) => opcode::EXECUTE,
            Request::Batch(_) => opcode::BATCH,
            Request::Register(_) => opcode::REGISTER,
            Request::AuthResponse(_) => opcode::AUTH_RESPONSE,
        }
    }

    /// Decodes the body of an envelope that a client sent. Bytes after the message are ignored.
    ///
    /// # Errors
    /// [`WireError`] when the bytes end early or a field is unknown; the connection can go on,
    /// since the envelope's length was right.
    pub fn decode(envelope: &Envelope) -> Result<Incoming, WireError> {
        let mut body = BodyReader::new(&envelope.body, envelope.version);
        let custom = envelope.flags & flag::CUSTOM_PAYLOAD != 0;
        let payload = if custom { body.bytes_map()? } else { Vec::new() };
        let request = match envelope.opcode {
            opcode::STARTUP => startup::decode(&mut body.reader).map(Request::Startup)?,
            opcode::OPTIONS => Request::Options,
            opcode::QUERY => query::decode(&mut body).map(Request::Query)?,
            opcode::PREPARE => prepare::decode(&mut body).map(Request::Prepare)?,
            opcode::EXECUTE => execute::decode(&mut body).map(Request::Execute)?,
            opcode::BATCH => batch::decode(&mut body).map(Request::Batch)?,
            opcode::REGISTER => register::decode(&mut body.reader).map(Request::Register)?,
            opcode::AUTH_RESPONSE => Request::AuthResponse(body.bytes("token")?),
            code => return Err(WireError::invalid("opcode", format!("{code:#04x}"))),
        };
        Ok(Incoming { request, tracing: envelope.flags & flag::TRACING != 0, payload })
    }

    /// Appends the body.
    pub fn encode(&self, version: Version, out: &mut BytesMut) {
        match self {
            Request::Startup(options) => startup::encode(options, out),
            Request::Options => {}
            Request::Query(query) => query::encode(query, version, out),
            Request::Prepare(prepare) => prepare::encode(prepare, version, out),
            Request::Execute(execute) => execute::encode(execute, version, out),
            Request::Batch(batch) => batch::encode(batch, version, out),
            Request::Register(events) => register::encode(events, out),
            Request::AuthResponse(token) => out.bytes(token.as_deref()),
        }
    }
}

#[cfg(test)]
#[path = "request/round_trips.rs"]
mod round_trips;
