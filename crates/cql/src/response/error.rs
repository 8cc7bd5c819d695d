//! ERROR: codes and their extra fields.
//!
//! Owns both directions. Never does: choose a code. Codes newer than the version are sent as the
//! nearest one it has. Source: native_protocol_v5.spec section 9.

use bytes::BytesMut;

use super::{ErrorKind, ErrorResponse, Failures, WriteType};
use crate::request::BodyReader;
use crate::wire::{Consistency, Reader, Version, WireError, Writer};

const WRITE_TYPES: [(&str, WriteType); 8] = [
    ("SIMPLE", WriteType::Simple),
    ("BATCH", WriteType::Batch),
    ("UNLOGGED_BATCH", WriteType::UnloggedBatch),
    ("COUNTER", WriteType::Counter),
    ("BATCH_LOG", WriteType::BatchLog),
    ("CAS", WriteType::Cas),
    ("VIEW", WriteType::View),
    ("CDC", WriteType::Cdc),
];

impl ErrorKind {
    /// The code on the wire.
    pub fn code(&self) -> i32 {
        match self {
            ErrorKind::Server => 0x0000,
            ErrorKind::Protocol => 0x000A,
            ErrorKind::BadCredentials => 0x0100,
            ErrorKind::Unavailable { .. } => 0x1000,
            ErrorKind::Overloaded => 0x1001,
            ErrorKind::IsBootstrapping => 0x1002,
            ErrorKind::Truncate => 0x1003,
            ErrorKind::WriteTimeout { .. } => 0x1100,
            ErrorKind::ReadTimeout { .. } => 0x1200,
            ErrorKind::ReadFailure { .. } => 0x1300,
            ErrorKind::FunctionFailure { .. } => 0x1400,
            ErrorKind::WriteFailure { .. } => 0x1500,
            ErrorKind::CdcWriteFailure => 0x1600,
            ErrorKind::CasWriteUnknown { .. } => 0x1700,
            ErrorKind::Syntax => 0x2000,
            ErrorKind::Unauthorized => 0x2100,
            ErrorKind::Invalid => 0x2200,
            ErrorKind::Config => 0x2300,
            ErrorKind::AlreadyExists { .. } => 0x2400,
            ErrorKind::Unprepared { .. } => 0x2500,
        }
    }

    /// What a version that does not know the code is told instead.
    fn for_version(&self, version: Version) -> ErrorKind {
        match self {
            ErrorKind::WriteFailure { consistency, received, block_for, write_type, .. }
                if version < Version::V4 =>
            {
                ErrorKind::WriteTimeout {
                    consistency: *consistency,
                    received: *received,
                    block_for: *block_for,
                    write_type: *write_type,
                    contentions: None,
                }
            }
            ErrorKind::ReadFailure { consistency, received, block_for, data_present, .. }
                if version < Version::V4 =>
            {
                ErrorKind::ReadTimeout {
                    consistency: *consistency,
                    received: *received,
                    block_for: *block_for,
                    data_present: *data_present,
                }
            }
            ErrorKind::FunctionFailure { .. } if version < Version::V4 => ErrorKind::Invalid,
            ErrorKind::CasWriteUnknown { consistency, received, block_for }
                if version < Version::V5 =>
            {
                ErrorKind::WriteTimeout {
                    consistency: *consistency,
                    received: *received,
                    block_for: *block_for,
                    write_type: WriteType::Cas,
                    contentions: None,
                }
            }
            other => other.clone(),
        }
    }
}

fn counts(consistency: Consistency, received: i32, block_for: i32, out: &mut BytesMut) {
    out.short(consistency.code());
    out.int(received);
    out.int(block_for);
}

fn write_type(kind: WriteType, out: &mut BytesMut) {
    let name = WRITE_TYPES.iter().find(|(_, known)| *known == kind);
    out.string(name.map_or("SIMPLE", |(name, _)| name));
}

fn failures(failures: &Failures, version: Version, out: &mut BytesMut) {
    match failures {
        Failures::Reasons(reasons) if version >= Version::V5 => {
            out.int(i32::try_from(reasons.len()).unwrap_or(i32::MAX));
            for (address, code) in reasons {
                out.inet_address(*address);
                out.short(*code);
            }
        }
        Failures::Reasons(reasons) => out.int(i32::try_from(reasons.len()).unwrap_or(i32::MAX)),
        // v5 has no bare count.
        Failures::Count(n) => out.int(if version >= Version::V5 { 0 } else { *n }),
    }
}

pub(super) fn encode(error: &ErrorResponse, version: Version, out: &mut BytesMut) {
    let kind = error.kind.for_version(version);
    out.int(kind.code());
    out.string(&error.message);
    match &kind {
        ErrorKind::Unavailable { consistency, required, alive } => {
            counts(*consistency, *required, *alive, out);
        }
        ErrorKind::WriteTimeout {
            consistency,
            received,
            block_for,
            write_type: w,
            contentions,
        } => {
            counts(*consistency, *received, *block_for, out);
            write_type(*w, out);
            if version >= Version::V5 && *w == WriteType::Cas {
                out.short(contentions.unwrap_or(0).cast_unsigned());
            }
        }
        ErrorKind::ReadTimeout { consistency, received, block_for, data_present } => {
            counts(*consistency, *received, *block_for, out);
            out.byte(u8::from(*data_present));
        }
        ErrorKind::ReadFailure { consistency, received, block_for, failures: f, data_present } => {
            counts(*consistency, *received, *block_for, out);
            failures(f, version, out);
            out.byte(u8::from(*data_present));
        }
        ErrorKind::WriteFailure {
            consistency,
            received,
            block_for,
            failures: f,
            write_type: w,
        } => {
            counts(*consistency, *received, *block_for, out);
            failures(f, version, out);
            write_type(*w, out);
        }
        ErrorKind::CasWriteUnknown { consistency, received, block_for } => {
            counts(*consistency, *received, *block_for, out);
        }
        ErrorKind::FunctionFailure { keyspace, function, arg_types } => {
            out.string(keyspace);
            out.string(function);
            out.string_list(arg_types);
        }
        ErrorKind::AlreadyExists { keyspace, table } => {
            out.string(keyspace);
            out.string(table);
        }
        ErrorKind::Unprepared { id } => out.short_bytes(id),
        _ => {}
    }
}

fn read_write_type(reader: &mut Reader<'_>) -> Result<WriteType, WireError> {
    let name = reader.string("write type")?;
    WRITE_TYPES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, kind)| *kind)
        .ok_or_else(|| WireError::invalid("write type", name))
}

fn read_failures(reader: &mut Reader<'_>, version: Version) -> Result<Failures, WireError> {
    let count = reader.int("failure count")?;
    if version < Version::V5 {
        return Ok(Failures::Count(count));
    }
    let mut reasons = Vec::new();
    for _ in 0..count {
        let address = reader.inet_address("failure address")?;
        reasons.push((address, reader.short("failure code")?));
    }
    Ok(Failures::Reasons(reasons))
}

pub(super) fn decode(body: &mut BodyReader<'_>) -> Result<ErrorResponse, WireError> {
    let version = body.version;
    let code = body.reader.int("error code")?;
    let message = body.reader.string("error message")?.to_owned();
    let simple = match code {
        0x0000 => ErrorKind::Server,
        0x000A => ErrorKind::Protocol,
        0x0100 => ErrorKind::BadCredentials,
        0x1001 => ErrorKind::Overloaded,
        0x1002 => ErrorKind::IsBootstrapping,
        0x1003 => ErrorKind::Truncate,
        0x1600 => ErrorKind::CdcWriteFailure,
        0x2000 => ErrorKind::Syntax,
        0x2100 => ErrorKind::Unauthorized,
        0x2200 => ErrorKind::Invalid,
        0x2300 => ErrorKind::Config,
        0x2500 => ErrorKind::Unprepared { id: body.short_bytes("prepared id")? },
        _ => decode_fields(code, &mut body.reader, version)?,
    };
    Ok(ErrorResponse { message, kind: simple })
}

fn decode_fields(
    code: i32,
    reader: &mut Reader<'_>,
    version: Version,
) -> Result<ErrorKind, WireError> {
    if code == 0x1400 || code == 0x2400 {
        let keyspace = reader.string("keyspace")?.to_owned();
        let name = reader.string("name")?.to_owned();
        if code == 0x2400 {
            return Ok(ErrorKind::AlreadyExists { keyspace, table: name });
        }
        let arg_types = reader.string_list("argument types")?;
        return Ok(ErrorKind::FunctionFailure { keyspace, function: name, arg_types });
    }
    if !matches!(code, 0x1000 | 0x1100 | 0x1200 | 0x1300 | 0x1500 | 0x1700) {
        return Err(WireError::invalid("error code", format!("{code:#06x}")));
    }
    let consistency = reader.consistency("consistency")?;
    let received = reader.int("received")?;
    let block_for = reader.int("block for")?;
    Ok(match code {
        0x1000 => ErrorKind::Unavailable { consistency, required: received, alive: block_for },
        0x1100 => {
            let write_type = read_write_type(reader)?;
            let counted = version >= Version::V5 && write_type == WriteType::Cas;
            let contentions =
                if counted { Some(reader.short("contentions")?.cast_signed()) } else { None };
            ErrorKind::WriteTimeout { consistency, received, block_for, write_type, contentions }
        }
        0x1200 => {
            let data_present = reader.byte("data present")? != 0;
            ErrorKind::ReadTimeout { consistency, received, block_for, data_present }
        }
        0x1300 => {
            let failures = read_failures(reader, version)?;
            let data_present = reader.byte("data present")? != 0;
            ErrorKind::ReadFailure { consistency, received, block_for, failures, data_present }
        }
        0x1500 => {
            let failures = read_failures(reader, version)?;
            let write_type = read_write_type(reader)?;
            ErrorKind::WriteFailure { consistency, received, block_for, failures, write_type }
        }
        _ => ErrorKind::CasWriteUnknown { consistency, received, block_for },
    })
}
