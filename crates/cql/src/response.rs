//! Responses: what the server answers.
//!
//! Owns the message shapes and both directions of their codec. Never does: decide an answer.
//! Source: native_protocol_v5.spec section 4.2.

mod error;
mod event;
mod extras;
mod prepared;
mod rows;

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};

use crate::frame::{Envelope, opcode};
use crate::request::BodyReader;
use crate::types::CqlType;
use crate::wire::{Consistency, Version, WireError, Writer};

/// A response body.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// ERROR.
    Error(ErrorResponse),
    /// READY.
    Ready,
    /// AUTHENTICATE with the authenticator's class name.
    Authenticate(String),
    /// SUPPORTED: option names and values.
    Supported(Vec<(String, Vec<String>)>),
    /// RESULT Void.
    Void,
    /// RESULT Rows.
    Rows(Rows),
    /// RESULT Set_keyspace.
    SetKeyspace(String),
    /// RESULT Prepared.
    Prepared(Prepared),
    /// RESULT Schema_change.
    SchemaChange(SchemaChange),
    /// EVENT.
    Event(Event),
    /// AUTH_CHALLENGE.
    AuthChallenge(Option<Bytes>),
    /// AUTH_SUCCESS.
    AuthSuccess(Option<Bytes>),
}

/// What may stand before the body of a response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extras {
    /// Set when the request asked for tracing.
    pub tracing_id: Option<crate::value::Uuid>,
    /// v4+: warnings; dropped for v3.
    pub warnings: Vec<String>,
    /// v4+: custom payload.
    pub payload: Vec<(String, Option<Bytes>)>,
}

/// ERROR.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorResponse {
    /// The text.
    pub message: String,
    /// The code and its fields.
    pub kind: ErrorKind,
}

/// Error codes with their extra fields.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "fields are named as in the protocol document")]
pub enum ErrorKind {
    /// 0x0000
    Server,
    /// 0x000A
    Protocol,
    /// 0x0100
    BadCredentials,
    /// 0x1000
    Unavailable { consistency: Consistency, required: i32, alive: i32 },
    /// 0x1001
    Overloaded,
    /// 0x1002
    IsBootstrapping,
    /// 0x1003
    Truncate,
    /// 0x1100; `contentions` only for CAS in v5.
    WriteTimeout {
        consistency: Consistency,
        received: i32,
        block_for: i32,
        write_type: WriteType,
        contentions: Option<i16>,
    },
    /// 0x1200
    ReadTimeout { consistency: Consistency, received: i32, block_for: i32, data_present: bool },
    /// 0x1300
    ReadFailure {
        consistency: Consistency,
        received: i32,
        block_for: i32,
        failures: Failures,
        data_present: bool,
    },
    /// 0x1400
    FunctionFailure { keyspace: String, function: String, arg_types: Vec<String> },
    /// 0x1500
    WriteFailure {
        consistency: Consistency,
        received: i32,
        block_for: i32,
        failures: Failures,
        write_type: WriteType,
    },
    /// 0x1600
    CdcWriteFailure,
    /// 0x1700
    CasWriteUnknown { consistency: Consistency, received: i32, block_for: i32 },
    /// 0x2000
    Syntax,
    /// 0x2100
    Unauthorized,
    /// 0x2200
    Invalid,
    /// 0x2300
    Config,
    /// 0x2400; `table` is empty for a keyspace.
    AlreadyExists { keyspace: String, table: String },
    /// 0x2500
    Unprepared { id: Bytes },
}

/// Failures: a count up to v4, a map in v5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failures {
    /// v3, v4.
    Count(i32),
    /// v5: node and reason code. Written as its length for v3 and v4.
    Reasons(Vec<(std::net::IpAddr, u16)>),
}

/// Write types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the protocol document")]
pub enum WriteType {
    Simple,
    Batch,
    UnloggedBatch,
    Counter,
    BatchLog,
    Cas,
    View,
    Cdc,
}

/// A column of a result or a marker of a prepared statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSpec {
    /// Keyspace.
    pub keyspace: String,
    /// Table.
    pub table: String,
    /// Column, alias or marker name.
    pub name: String,
    /// Type.
    pub ty: CqlType,
}

/// Metadata of rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowsMetadata {
    /// Columns. `Arc` so that a prepared statement shares them.
    pub columns: std::sync::Arc<[ColumnSpec]>,
    /// Sets HAS_MORE_PAGES.
    pub paging_state: Option<Bytes>,
    /// Sets NO_METADATA: only the column count is written.
    pub no_metadata: bool,
    /// v5: sets METADATA_CHANGED.
    pub new_metadata_id: Option<Bytes>,
}

/// RESULT Rows. Cells are appended ready encoded: see [`Rows::cell`] and [`Rows::end_row`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// The metadata.
    pub metadata: RowsMetadata,
    /// Rows in `cells`.
    pub count: u32,
    /// `[bytes]` after `[bytes]`, row after row.
    pub cells: BytesMut,
}

/// RESULT Prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Id, 16 bytes in Cassandra.
    pub id: Bytes,
    /// v5: id of the result metadata.
    pub result_metadata_id: Option<Bytes>,
    /// v4+: for each partition key column the index of its marker; empty when not all are bound.
    pub pk_indexes: Vec<u16>,
    /// Markers.
    pub variables: std::sync::Arc<[ColumnSpec]>,
    /// Result columns. `None` writes NO_METADATA with 0 columns (not a SELECT).
    pub result: Option<RowsMetadata>,
}

/// What changed in the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaChange {
    /// Created, updated or dropped.
    pub change: ChangeType,
    /// What.
    pub target: SchemaTarget,
}

/// Kind of a schema change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the protocol document")]
pub enum ChangeType {
    Created,
    Updated,
    Dropped,
}

/// What a schema change is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are names")]
pub enum SchemaTarget {
    Keyspace(String),
    Table { keyspace: String, name: String },
    Type { keyspace: String, name: String },
    Function { keyspace: String, name: String, arg_types: Vec<String> },
    Aggregate { keyspace: String, name: String, arg_types: Vec<String> },
}

/// EVENT. Sent with stream -1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the protocol document")]
pub enum Event {
    TopologyChange { change: TopologyChange, address: SocketAddr },
    StatusChange { change: StatusChange, address: SocketAddr },
    SchemaChange(SchemaChange),
}

/// NEW_NODE or REMOVED_NODE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the protocol document")]
pub enum TopologyChange {
    NewNode,
    RemovedNode,
}

/// UP or DOWN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the protocol document")]
pub enum StatusChange {
    Up,
    Down,
}

impl Response {
    /// The opcode of the response.
    pub fn opcode(&self) -> u8 {
        match self {
            Response::Error(_) => opcode::ERROR,
            Response::Ready => opcode::READY,
            Response::Authenticate(_) => opcode::AUTHENTICATE,
            Response::Supported(_) => opcode::SUPPORTED,
            Response::Void
            | Response::Rows(_)
            | Response::SetKeyspace(_)
            | Response::Prepared(_)
            | Response::SchemaChange(_) => opcode::RESULT,
            Response::Event(_) => opcode::EVENT,
            Response::AuthChallenge(_) => opcode::AUTH_CHALLENGE,
            Response::AuthSuccess(_) => opcode::AUTH_SUCCESS,
        }
    }

    /// Appends the body, without [`Extras`].
    pub fn encode(&self, version: Version, out: &mut BytesMut) {
        match self {
            Response::Error(error) => error::encode(error, version, out),
            Response::Ready => {}
            Response::Authenticate(class) => out.string(class),
            Response::Supported(options) => {
                out.short(u16::try_from(options.len()).unwrap_or(u16::MAX));
                for (name, values) in options.iter().take(usize::from(u16::MAX)) {
                    out.string(name);
                    out.string_list(values);
                }
            }
            Response::Void => out.int(1),
            Response::Rows(rows) => {
                out.int(2);
                rows::encode(rows, version, out);
            }
            Response::SetKeyspace(keyspace) => {
                out.int(3);
                out.string(keyspace);
            }
            Response::Prepared(prepared) => {
                out.int(4);
                prepared::encode(prepared, version, out);
            }
            Response::SchemaChange(change) => {
                out.int(5);
                event::encode_schema_change(change, out);
            }
            Response::Event(event) => event::encode(event, out),
            Response::AuthChallenge(token) | Response::AuthSuccess(token) => {
                out.bytes(token.as_deref());
            }
        }
    }

    /// Decodes the body of an envelope that a server sent.
    ///
    /// # Errors
    /// [`WireError`] when the bytes end early or a field is unknown.
    pub fn decode(envelope: &Envelope) -> Result<(Response, Extras), WireError> {
        let mut body = BodyReader::new(&envelope.body, envelope.version);
        let extras = Extras::decode(envelope.flags, &mut body)?;
        let response = match envelope.opcode {
            opcode::ERROR => error::decode(&mut body).map(Response::Error)?,
            opcode::READY => Response::Ready,
            opcode::AUTHENTICATE => {
                Response::Authenticate(body.reader.string("authenticator")?.to_owned())
            }
            opcode::SUPPORTED => {
                let count = body.reader.short("option count")?;
                let mut options = Vec::new();
                for _ in 0..count {
                    let name = body.reader.string("option name")?.to_owned();
                    options.push((name, body.reader.string_list("option values")?));
                }
                Response::Supported(options)
            }
            opcode::RESULT => decode_result(&mut body)?,
            opcode::EVENT => event::decode(&mut body.reader).map(Response::Event)?,
            opcode::AUTH_CHALLENGE => Response::AuthChallenge(body.bytes("token")?),
            opcode::AUTH_SUCCESS => Response::AuthSuccess(body.bytes("token")?),
            code => return Err(WireError::invalid("opcode", format!("{code:#04x}"))),
        };
        Ok((response, extras))
    }
}

fn decode_result(body: &mut BodyReader<'_>) -> Result<Response, WireError> {
    Ok(match body.reader.int("result kind")? {
        1 => Response::Void,
        2 => Response::Rows(rows::decode(body)?),
        3 => Response::SetKeyspace(body.reader.string("keyspace")?.to_owned()),
        4 => Response::Prepared(prepared::decode(body)?),
        5 => Response::SchemaChange(event::decode_schema_change(&mut body.reader)?),
        kind => return Err(WireError::invalid("result kind", kind.to_string())),
    })
}

#[cfg(test)]
#[path = "response/round_trips.rs"]
mod round_trips;
