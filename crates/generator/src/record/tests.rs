//! Tests of the sequence of records.

use std::collections::HashSet;

use super::*;

fn mixed() -> Generator {
    Generator::new(Knobs {
        late_percent: 2.0,
        duplicate_percent: 3.0,
        corrupt_percent: 4.0,
        ..Knobs::default()
    })
    .unwrap()
}

/// FNV-1a, 64 bit.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[test]
fn the_first_20_records_are_the_golden_ones() {
    let generator = mixed();
    let lines: String = (0..20)
        .map(|position| {
            let record = generator.record(position);
            format!("{} {} {:?}\n", record.event_time_ms, record.payload, record.uuid)
        })
        .collect();
    assert_eq!(digest(&lines), 142_737_056_238_094_536, "the records changed");
}

#[test]
fn every_kind_appears_about_as_often_as_asked() {
    let generator = mixed();
    let mut seen = [0_u32; 4];
    let mut corruptions = HashSet::new();
    for position in 0..10_000 {
        match generator.record(position).kind {
            Kind::Original => seen[0] += 1,
            Kind::Late => seen[1] += 1,
            Kind::Duplicate { .. } => seen[2] += 1,
            Kind::Corrupt(corruption) => {
                seen[3] += 1;
                corruptions.insert(corruption as u8);
            }
        }
    }
    assert!((150..250).contains(&seen[1]), "{seen:?}");
    assert!((240..360).contains(&seen[2]), "{seen:?}");
    assert!((330..470).contains(&seen[3]), "{seen:?}");
    assert_eq!(corruptions.len(), Corruption::ALL.len());
}

#[test]
fn a_duplicate_is_an_original_within_reach_with_its_time() {
    let generator = mixed();
    for position in 0..3_000 {
        let record = generator.record(position);
        if let Kind::Duplicate { of } = record.kind {
            let source = generator.record(of);
            assert_eq!(source.kind, Kind::Original);
            assert!(of < position && position - of <= DUPLICATE_REACH);
            assert_eq!(
                (record.payload, record.event_time_ms),
                (source.payload, source.event_time_ms)
            );
        }
    }
}

#[test]
fn a_late_record_is_60_to_180_seconds_behind_its_position() {
    let generator = mixed();
    for position in 0..3_000 {
        let record = generator.record(position);
        if record.kind == Kind::Late {
            let behind = generator.base_time_ms(position) - record.event_time_ms;
            assert!((60_000..=180_000).contains(&behind), "{behind}");
        }
    }
}

#[test]
fn only_truncated_records_are_no_json() {
    let generator = mixed();
    for position in 0..3_000 {
        let record = generator.record(position);
        let parsed = serde_json::from_str::<serde_json::Value>(&record.payload);
        assert_eq!(parsed.is_err(), record.kind == Kind::Corrupt(Corruption::Truncated));
        if let (Ok(value), Some(uuid)) = (parsed, record.uuid) {
            assert_eq!(value["login"]["uuid"], *uuid);
        }
    }
}

#[test]
fn post_codes_are_numbers_in_some_countries_and_texts_in_others() {
    let generator = Generator::new(Knobs::default()).unwrap();
    let (mut numbers, mut texts) = (0, 0);
    for position in 0..200 {
        let value: serde_json::Value =
            serde_json::from_str(&generator.record(position).payload).unwrap();
        let postcode = &value["location"]["postcode"];
        numbers += u32::from(postcode.is_u64());
        texts += u32::from(postcode.is_string());
    }
    assert!(numbers > 50 && texts > 20, "{numbers} numbers, {texts} texts");
}

#[test]
fn a_position_is_available_from_its_base_time_on() {
    for rate_per_second in [0.5, 3.0, 99.9, 1_000.0, 7_001.0] {
        let generator = Generator::new(Knobs { rate_per_second, ..Knobs::default() }).unwrap();
        assert_eq!(generator.available(generator.knobs().start_ms - 1), 0);
        for position in [0, 1, 2, 999, 123_457] {
            let at = generator.base_time_ms(position);
            assert!(generator.available(at) > position, "rate {rate_per_second}");
            assert!(generator.available(at - 1) <= position, "rate {rate_per_second}");
        }
    }
}

#[test]
fn a_limit_ends_the_sequence() {
    let generator = Generator::new(Knobs { limit: Some(7), ..Knobs::default() }).unwrap();
    assert_eq!(generator.available(i64::MAX), 7);
}
