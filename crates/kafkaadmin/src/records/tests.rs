//! Batches as brokers keep them: every codec, every marker, every kind of damage.

use std::io::Write as _;

use super::*;

const ALL: Bounds = Bounds { from: 0, until: i64::MAX, records_max: 100 };

/// A batch with other attributes, base offset, count and payload than `encode` gives.
fn batch(base: i64, attributes: i16, producer: i64, count: i32, payload: &[u8]) -> Bytes {
    let mut checked = Vec::new();
    checked.extend_from_slice(&attributes.to_be_bytes());
    checked.extend_from_slice(&(count - 1).to_be_bytes());
    checked.extend_from_slice(&1_000_i64.to_be_bytes());
    checked.extend_from_slice(&2_000_i64.to_be_bytes());
    checked.extend_from_slice(&producer.to_be_bytes());
    checked.extend_from_slice(&[0; 6]);
    checked.extend_from_slice(&count.to_be_bytes());
    checked.extend_from_slice(payload);
    let mut batch = base.to_be_bytes().to_vec();
    batch.extend_from_slice(&i32::try_from(checked.len() + 9).unwrap().to_be_bytes());
    batch.extend_from_slice(&[0, 0, 0, 5, 2]);
    batch.extend_from_slice(&crc32c::crc32c(&checked).to_be_bytes());
    batch.extend_from_slice(&checked);
    batch.into()
}

/// Offset delta, key and value.
type Short<'a> = (u8, &'a [u8], Option<&'a [u8]>);

/// Short records, `value` null where none.
fn payload(records: &[Short<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (delta, key, value) in records {
        let mut record = vec![0, delta * 2, delta * 2, u8::try_from(key.len()).unwrap() * 2];
        record.extend_from_slice(key);
        match value {
            None => record.push(1),
            Some(value) => {
                record.push(u8::try_from(value.len()).unwrap() * 2);
                record.extend_from_slice(value);
            }
        }
        record.push(0);
        out.push(u8::try_from(record.len()).unwrap() * 2);
        out.extend_from_slice(&record);
    }
    out
}

#[test]
fn a_record_that_is_written_is_read_again_with_its_headers() {
    let headers = [
        Header { key: "a".to_owned(), value: Some(Bytes::from_static(b"1")) },
        Header { key: "b".to_owned(), value: None },
    ];
    let value = vec![b'v'; 300];
    let bytes = encode(1_795_608_000_000, Some(b"k"), Some(&value), &headers);
    let decoded = decode(&bytes, ALL, &[]);
    assert_eq!(decoded.next_offset, Some(1));
    let [record] = decoded.records.as_slice() else { panic!("{decoded:?}") };
    assert_eq!((record.offset, record.timestamp), (0, 1_795_608_000_000));
    assert_eq!(record.key.as_deref(), Some(&b"k"[..]));
    assert_eq!(record.value.as_deref(), Some(&value[..]));
    assert_eq!(record.headers, headers);
    assert_eq!((record.producer_id, record.control, record.compression), (None, None, "none"));
    let tombstone = decode(&encode(1, Some(b"k"), None, &[]), ALL, &[]);
    assert_eq!(tombstone.records[0].value, None);
}

#[test]
fn every_codec_is_opened() {
    let plain = payload(&[(0, b"a", Some(b"x")), (1, b"b", None)]);
    let gzip = {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(&plain).unwrap();
        out.finish().unwrap()
    };
    let lz4 = {
        let mut out = lz4_flex::frame::FrameEncoder::new(Vec::new());
        out.write_all(&plain).unwrap();
        out.finish().unwrap()
    };
    let bare = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
    let mut xerial = vec![0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
    xerial.extend_from_slice(&u32::try_from(bare.len()).unwrap().to_be_bytes());
    xerial.extend_from_slice(&bare);
    let zstd = zstd::stream::encode_all(&plain[..], 3).unwrap();
    for (bits, bytes) in
        [(0, plain.clone()), (1, gzip), (2, bare), (2, xerial), (3, lz4), (4, zstd)]
    {
        let decoded = decode(&batch(7, bits, 3, 2, &bytes), ALL, &[]);
        assert!(decoded.unreadable.is_empty(), "{bits}: {decoded:?}");
        let found: Vec<_> = decoded.records.iter().map(|one| (one.offset, one.timestamp)).collect();
        assert_eq!(found, [(7, 1_000), (8, 1_001)]);
        assert_eq!(decoded.records[0].leader_epoch, 5);
        assert_eq!(decoded.next_offset, Some(9));
    }
    let unknown = decode(&batch(7, 7, 3, 2, &plain), ALL, &[]);
    assert!(unknown.unreadable[0].reason.contains("no meaning"), "{unknown:?}");
}

#[test]
fn a_batch_that_opens_without_end_is_named_and_not_opened() {
    let bomb = zstd::stream::encode_all(&vec![0; OPENED_BYTES_MAX + 1][..], 3).unwrap();
    let bytes = [batch(0, 4, 1, 3, &bomb), batch(3, 0, 1, 1, &payload(&[(0, b"a", None)]))];
    let decoded = decode(&bytes.concat().into(), ALL, &[]);
    let [broken] = decoded.unreadable.as_slice() else { panic!("{decoded:?}") };
    assert_eq!((broken.first, broken.last), (0, 2));
    assert_eq!(decoded.records.len(), 1, "what follows is read");
}

#[test]
fn records_of_aborted_transactions_are_left_out_and_markers_are_named() {
    let one = |base, value: &[u8]| batch(base, 1 << 4, 9, 1, &payload(&[(0, b"k", Some(value))]));
    let marker = |base, kind: u8| {
        batch(base, 1 << 4 | 1 << 5, 9, 1, &payload(&[(0, &[0, 0, 0, kind], Some(&[0; 6]))]))
    };
    let log = [one(0, b"no"), marker(1, 0), one(2, b"yes"), marker(3, 1)].concat().into();
    let aborted = [Aborted { producer_id: 9, first_offset: 0 }];
    let decoded = decode(&log, ALL, &aborted);
    let offsets: Vec<_> = decoded.records.iter().map(|one| (one.offset, one.control)).collect();
    let expected = [(1, Some(Control::Abort)), (2, None), (3, Some(Control::Commit))];
    assert_eq!(offsets, expected);
    assert_eq!(decode(&log, ALL, &[]).records.len(), 4);
}

#[test]
fn reading_stops_where_it_is_told_to_and_goes_on_from_there() {
    let letters = payload(&[(0, b"a", None), (1, b"b", None), (2, b"c", None), (3, b"d", None)]);
    let log = batch(10, 0, -1, 4, &letters);
    let some = decode(&log, Bounds { from: 11, until: 13, records_max: 9 }, &[]);
    assert_eq!(some.records.iter().map(|one| one.offset).collect::<Vec<_>>(), [11, 12]);
    assert_eq!(some.next_offset, Some(13));
    let few = decode(&log, Bounds { from: 10, until: 99, records_max: 1 }, &[]);
    assert_eq!((few.records.len(), few.next_offset), (1, Some(11)));
    let cut = decode(&log.slice(..log.len() - 1), ALL, &[]);
    assert_eq!((cut.records.len(), cut.next_offset), (0, None), "a batch that is cut short waits");
}

#[test]
fn damage_is_named_with_its_offsets() {
    let mut bytes = batch(5, 0, -1, 2, &payload(&[(0, b"a", None), (1, b"b", None)])).to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let decoded = decode(&bytes.into(), ALL, &[]);
    assert_eq!((decoded.unreadable[0].first, decoded.unreadable[0].last), (5, 6));
    assert!(decoded.unreadable[0].reason.contains("checksum"));
    assert_eq!(decoded.next_offset, Some(7));
    let short = decode(&batch(5, 0, -1, 9, &payload(&[(0, b"a", None)])), ALL, &[]);
    assert!(short.unreadable[0].reason.contains("ends too early"), "{short:?}");
    let negative = [&[0; 8][..], &[0xff; 4], &[0; 60]].concat();
    assert!(decode(&negative.into(), ALL, &[]).unreadable[0].reason.contains("length"));
}
