//! Every response in every version.

use std::sync::Arc;

use super::*;
use crate::frame::{Decoded, EnvelopeDecoder, encode_response};

fn columns() -> Arc<[ColumnSpec]> {
    let spec = |name: &str, ty| ColumnSpec {
        keyspace: "ks".into(),
        table: "t".into(),
        name: name.into(),
        ty,
    };
    vec![spec("a", CqlType::Int), spec("b", CqlType::List(Box::new(CqlType::Text)))].into()
}

fn rows(metadata: RowsMetadata) -> Response {
    let mut rows = Rows::new(metadata);
    rows.cell(Some(&[0, 0, 0, 1]));
    rows.cell(None);
    rows.end_row();
    Response::Rows(rows)
}

fn errors(version: Version) -> Vec<ErrorKind> {
    let consistency = Consistency::Quorum;
    let (received, block_for) = (1, 2);
    let failures = match version {
        Version::V5 => Failures::Reasons(vec![("127.0.0.1".parse().unwrap(), 1)]),
        _ => Failures::Count(1),
    };
    let v5 = version == Version::V5;
    let contentions = v5.then_some(3);
    let write_type = WriteType::Cas;
    let mut kinds = vec![
        ErrorKind::Server,
        ErrorKind::Protocol,
        ErrorKind::BadCredentials,
        ErrorKind::Unavailable { consistency, required: 2, alive: 1 },
        ErrorKind::Overloaded,
        ErrorKind::IsBootstrapping,
        ErrorKind::Truncate,
        ErrorKind::WriteTimeout { consistency, received, block_for, write_type, contentions },
        ErrorKind::ReadTimeout { consistency, received, block_for, data_present: true },
        ErrorKind::Syntax,
        ErrorKind::Unauthorized,
        ErrorKind::Invalid,
        ErrorKind::Config,
        ErrorKind::AlreadyExists { keyspace: "ks".into(), table: "t".into() },
        ErrorKind::Unprepared { id: Bytes::from_static(b"id") },
    ];
    if version >= Version::V4 {
        kinds.push(ErrorKind::ReadFailure {
            consistency,
            received,
            block_for,
            failures: failures.clone(),
            data_present: false,
        });
        kinds.push(ErrorKind::WriteFailure {
            consistency,
            received,
            block_for,
            failures,
            write_type,
        });
        kinds.push(ErrorKind::FunctionFailure {
            keyspace: "ks".into(),
            function: "f".into(),
            arg_types: vec!["int".into()],
        });
    }
    if v5 {
        kinds.push(ErrorKind::CasWriteUnknown { consistency, received, block_for });
        kinds.push(ErrorKind::CdcWriteFailure);
    }
    kinds
}

fn all(version: Version) -> Vec<Response> {
    let v5 = version == Version::V5;
    let id = Bytes::from_static(b"id");
    let metadata = RowsMetadata { columns: columns(), ..RowsMetadata::default() };
    let table = SchemaTarget::Table { keyspace: "ks".into(), name: "t".into() };
    let change = SchemaChange { change: ChangeType::Created, target: table };
    let address = "127.0.0.1:9042".parse().unwrap();
    let mut mixed = columns().to_vec();
    mixed[1].table = "other".into();
    let mut all = vec![
        Response::Ready,
        Response::Authenticate("x".into()),
        Response::Supported(vec![("COMPRESSION".into(), vec!["lz4".into()])]),
        Response::Void,
        rows(metadata.clone()),
        rows(RowsMetadata { columns: mixed.into(), ..RowsMetadata::default() }),
        rows(RowsMetadata {
            columns: columns(),
            paging_state: Some(Bytes::from_static(b"p")),
            no_metadata: false,
            new_metadata_id: v5.then(|| id.clone()),
        }),
        Response::SetKeyspace("ks".into()),
        Response::Prepared(Prepared {
            id: id.clone(),
            result_metadata_id: v5.then(|| id.clone()),
            pk_indexes: if version == Version::V3 { vec![] } else { vec![1, 0] },
            variables: columns(),
            result: Some(metadata),
        }),
        Response::Prepared(Prepared {
            id: id.clone(),
            result_metadata_id: v5.then_some(id),
            pk_indexes: vec![],
            variables: Arc::from([]),
            result: None,
        }),
        Response::SchemaChange(change.clone()),
        Response::SchemaChange(SchemaChange {
            change: ChangeType::Dropped,
            target: SchemaTarget::Keyspace("ks".into()),
        }),
        Response::Event(Event::SchemaChange(change)),
        Response::Event(Event::StatusChange { change: StatusChange::Up, address }),
        Response::Event(Event::TopologyChange { change: TopologyChange::NewNode, address }),
        Response::AuthChallenge(None),
        Response::AuthSuccess(Some(Bytes::from_static(b"x"))),
    ];
    all.extend(
        errors(version)
            .into_iter()
            .map(|kind| Response::Error(ErrorResponse { message: "no".into(), kind })),
    );
    all
}

#[test]
fn every_response_comes_back_in_every_version() {
    for version in [Version::V3, Version::V4, Version::V5] {
        let v4 = version >= Version::V4;
        let extras = Extras {
            tracing_id: Some(crate::value::Uuid(7)),
            warnings: if v4 { vec!["careful".into()] } else { vec![] },
            payload: if v4 { vec![("k".into(), None)] } else { vec![] },
        };
        for response in all(version) {
            let mut out = BytesMut::new();
            encode_response(version, -1, &response, &extras, None, &mut out).unwrap();
            let Decoded::Envelope(envelope) = EnvelopeDecoder::default().decode(&mut out).unwrap()
            else {
                panic!()
            };
            assert!(envelope.response && envelope.stream == -1);
            let back = Response::decode(&envelope).unwrap();
            assert_eq!(back, (response, extras.clone()), "{version:?}");
            for cut in 0..envelope.body.len() {
                let short = Envelope { body: envelope.body.slice(..cut), ..envelope.clone() };
                let _ = Response::decode(&short);
            }
        }
    }
}

#[test]
fn a_version_that_lacks_a_code_is_told_the_nearest_one() {
    let kind =
        ErrorKind::CasWriteUnknown { consistency: Consistency::Serial, received: 1, block_for: 2 };
    let response = Response::Error(ErrorResponse { message: String::new(), kind });
    let mut out = BytesMut::new();
    response.encode(Version::V4, &mut out);
    assert_eq!(out[..4], 0x1100_i32.to_be_bytes());
}

#[test]
fn rows_without_metadata_carry_only_the_column_count() {
    let response =
        rows(RowsMetadata { columns: columns(), no_metadata: true, ..RowsMetadata::default() });
    let mut out = BytesMut::new();
    response.encode(Version::V4, &mut out);
    assert_eq!(
        out[..],
        [
            0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1, 255, 255, 255,
            255
        ]
    );
}
