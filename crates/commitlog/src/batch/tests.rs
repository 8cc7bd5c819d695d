//! What a batch says of itself, and what is refused as one.

use super::*;

#[test]
fn a_built_batch_holds_its_records() {
    let mut builder = Builder::new(Header {
        base_offset: 40,
        leader_epoch: 3,
        producer_id: 7,
        producer_epoch: 1,
        base_sequence: i32::MAX,
        transactional: true,
        ..Header::default()
    });
    let headers: &[(&[u8], Option<&[u8]>)] = &[(b"h", Some(b"1")), (b"n", None)];
    builder.push(NewRecord { timestamp: 100, key: Some(b"k"), value: Some(&[7; 300]), headers });
    builder.push(NewRecord { timestamp: 90, key: None, value: None, headers: &[] });
    let bytes = builder.build();
    let batch = Batch::first_of(&bytes).unwrap();
    batch.check().unwrap();
    assert_eq!((batch.base_offset(), batch.last_offset(), batch.count()), (40, 41, 2));
    assert_eq!((batch.base_timestamp(), batch.max_timestamp()), (100, 100));
    assert_eq!((batch.producer_id(), batch.last_sequence()), (7, 0));
    assert!(batch.transactional() && !batch.control());
    let records: Vec<_> = batch.records().unwrap().map(Result::unwrap).collect();
    assert_eq!(records[0].headers, headers);
    assert_eq!((records[0].timestamp, records[0].value.unwrap().len()), (100, 300));
    assert_eq!((records[1].offset, records[1].timestamp, records[1].key), (41, 90, None));
}

#[test]
fn placing_a_batch_leaves_its_checksum_sound_and_stamping_renews_it() {
    let mut bytes = Builder::plain(&[(5, None, Some(b"v"))]).to_vec();
    place(&mut bytes, 1_000, 9);
    let batch = Batch::first_of(&bytes).unwrap();
    batch.check().unwrap();
    assert_eq!((batch.base_offset(), batch.leader_epoch()), (1_000, 9));
    stamp(&mut bytes, 77);
    let batch = Batch::first_of(&bytes).unwrap();
    batch.check().unwrap();
    assert_eq!(batch.records().unwrap().next().unwrap().unwrap().timestamp, 77);
}

#[test]
fn any_bytes_are_a_batch_or_an_error_but_never_a_panic() {
    let good = Builder::plain(&[(5, Some(b"key"), Some(b"value")), (6, None, None)]);
    for length in 0..good.len() {
        assert!(Batch::first_of(&good[..length]).is_err(), "cut at {length}");
    }
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.to_vec();
            bytes[at] ^= 1 << bit;
            let Ok(batch) = Batch::first_of(&bytes) else { continue };
            // The offset and the leader epoch are outside the checksum.
            let outside = at < 8 || (12..16).contains(&at);
            assert_eq!(batch.check().is_ok(), outside, "bit {bit} of byte {at}");
            if let Some(records) = batch.records() {
                assert!(records.take(1_000).count() <= 1_000);
            }
        }
    }
}

#[test]
fn a_marker_says_how_its_transaction_ended() {
    for commit in [true, false] {
        let marker = Marker { commit, coordinator_epoch: 12 };
        let bytes = marker.batch(5, 2, 99);
        let batch = Batch::first_of(&bytes).unwrap();
        batch.check().unwrap();
        assert_eq!(Marker::of(&batch), Some(marker));
        assert_eq!((batch.producer_id(), batch.producer_epoch()), (5, 2));
    }
    let plain = Builder::plain(&[(5, None, None)]);
    assert_eq!(Marker::of(&Batch::first_of(&plain).unwrap()), None);
}
