//! Every request in every version, and a bounded fuzz loop over all decoders.

use super::*;
use crate::ast::BatchKind;
use crate::frame::{Decoded, EnvelopeDecoder, SegmentDecoder, decompress, encode_request};
use crate::response::Response;

fn parameters(version: Version, named: bool) -> QueryParameters {
    let v5 = version == Version::V5;
    let unset = if version == Version::V3 { BoundValue::Null } else { BoundValue::Unset };
    let values = vec![
        BoundValue::Null,
        unset,
        BoundValue::Bytes(Bytes::from_static(b"x")),
        BoundValue::Bytes(Bytes::new()),
    ];
    QueryParameters {
        consistency: Consistency::LocalQuorum,
        values: if named {
            Values::Named(values.into_iter().map(|v| ("n".to_owned(), v)).collect())
        } else {
            Values::Positional(values)
        },
        skip_metadata: true,
        page_size: Some(100),
        paging_state: Some(Bytes::from_static(b"state")),
        serial_consistency: Some(Consistency::Serial),
        timestamp: Some(-5),
        keyspace: v5.then(|| "ks".to_owned()),
        now_in_seconds: v5.then_some(7),
    }
}

fn all(version: Version) -> Vec<Request> {
    let v5 = version == Version::V5;
    let id = Bytes::from_static(b"0123456789abcdef");
    let empty = QueryParameters {
        consistency: Consistency::One,
        values: Values::Positional(Vec::new()),
        skip_metadata: false,
        page_size: None,
        paging_state: None,
        serial_consistency: None,
        timestamp: None,
        keyspace: None,
        now_in_seconds: None,
    };
    vec![
        Request::Startup([("CQL_VERSION".to_owned(), "3.4.7".to_owned())].into()),
        Request::Options,
        Request::Query(Query { query: "SELECT".into(), parameters: empty }),
        Request::Query(Query { query: "SELECT".into(), parameters: parameters(version, true) }),
        Request::Prepare(Prepare { query: "SELECT".into(), keyspace: v5.then(|| "k".into()) }),
        Request::Execute(Execute {
            id: id.clone(),
            result_metadata_id: v5.then(|| id.clone()),
            parameters: parameters(version, false),
        }),
        Request::Batch(Batch {
            kind: BatchKind::Unlogged,
            statements: vec![
                BatchStatement { statement: BatchQuery::Text("INSERT".into()), values: vec![] },
                BatchStatement {
                    statement: BatchQuery::Prepared(id),
                    values: vec![BoundValue::Bytes(Bytes::from_static(b"v"))],
                },
            ],
            consistency: Consistency::Quorum,
            serial_consistency: Some(Consistency::LocalSerial),
            timestamp: Some(9),
            keyspace: v5.then(|| "ks".to_owned()),
            now_in_seconds: v5.then_some(7),
        }),
        Request::Register(vec![
            EventType::SchemaChange,
            EventType::StatusChange,
            EventType::TopologyChange,
        ]),
        Request::AuthResponse(Some(Bytes::from_static(b"\0u\0p"))),
        Request::AuthResponse(None),
    ]
}

fn envelope(version: Version, request: &Request) -> Envelope {
    let mut out = BytesMut::new();
    encode_request(version, 3, request, false, None, &mut out).unwrap();
    match EnvelopeDecoder::default().decode(&mut out).unwrap() {
        Decoded::Envelope(envelope) => envelope,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_request_comes_back_in_every_version() {
    for version in [Version::V3, Version::V4, Version::V5] {
        for request in all(version) {
            let envelope = envelope(version, &request);
            assert_eq!(Request::decode(&envelope).unwrap().request, request, "{version:?}");
            for cut in 0..envelope.body.len() {
                let short = Envelope { body: envelope.body.slice(..cut), ..envelope.clone() };
                let _ = Request::decode(&short);
            }
        }
    }
}

#[test]
fn one_hundred_thousand_random_bodies_never_panic() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n as u64) as usize
    };
    let versions = [Version::V3, Version::V4, Version::V5];
    let seeds: Vec<Envelope> = versions
        .iter()
        .flat_map(|version| all(*version).into_iter().map(|r| envelope(*version, &r)))
        .collect();
    let types = [
        "int",
        "list<text>",
        "map<int, decimal>",
        "tuple<int, duration>",
        "vector<text, 3>",
        "varint",
    ]
    .map(|ty| crate::CqlType::parse(ty, &|_, _| None).unwrap());
    for round in 0..100_000 {
        let mut envelope = seeds[random(seeds.len())].clone();
        let mut body = envelope.body.to_vec();
        if round % 4 == 0 {
            body = (0..random(64)).map(|_| random(256) as u8).collect();
        }
        for _ in 0..random(4) {
            if !body.is_empty() {
                let at = random(body.len());
                body[at] = [0, 1, 0x7f, 0x80, 0xff, random(256) as u8][random(6)];
            }
        }
        envelope.flags = random(16) as u8;
        envelope.opcode = random(18) as u8;
        envelope.body = body.clone().into();
        let _ = Request::decode(&envelope);
        if let Ok((Response::Rows(rows), _)) = Response::decode(&envelope) {
            let _ = rows.read();
        }
        for ty in &types {
            let _ = crate::Value::decode(ty, &body);
            let _ = crate::value::compare(ty, &body, &body[..body.len() / 2]);
        }
        let mut buffer = BytesMut::from(&body[..]);
        let _ = EnvelopeDecoder::default().decode(&mut buffer);
        let mut buffer = BytesMut::from(&body[..]);
        let _ = SegmentDecoder { lz4: round % 2 == 0 }.decode(&mut buffer, &mut BytesMut::new());
        for algorithm in [crate::frame::Compression::Lz4, crate::frame::Compression::Snappy] {
            let _ = decompress(algorithm, &body, 1 << 16);
        }
    }
}
