//! The keys and values of `__transaction_state`, in Kafka's own formats.
//!
//! | key | value | written by | removed |
//! |---|---|---|---|
//! | version 0: transactional id | version 1: producer, status, partitions, times | every change of state | expiry of the id |
//!
//! Source: Kafka's `TransactionLogKey` and `TransactionLogValue` schemas.

use super::state::{Status, Transaction};
use crate::fields::{Fields, put_compact_text, put_text, put_varint};
use crate::group::offsets::Place;
use std::collections::{BTreeMap, BTreeSet};

const PREVIOUS_PRODUCER_ID: u32 = 0;
const CLIENT_TRANSACTION_VERSION: u32 = 2;

pub(crate) fn key(id: &str) -> Vec<u8> {
    let mut key = 0i16.to_be_bytes().to_vec();
    put_text(&mut key, id);
    key
}

pub(crate) fn parse_key(bytes: &[u8]) -> Option<String> {
    let mut fields = Fields(bytes);
    match fields.i16()? {
        0 => fields.text(),
        _ => None,
    }
}

pub(crate) fn value(transaction: &Transaction) -> Vec<u8> {
    let mut value = 1i16.to_be_bytes().to_vec();
    value.extend_from_slice(&transaction.producer_id.to_be_bytes());
    value.extend_from_slice(&transaction.epoch.to_be_bytes());
    value.extend_from_slice(&transaction.timeout_ms.to_be_bytes());
    value.extend_from_slice(&transaction.status.number().to_be_bytes());
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in &transaction.partitions {
        topics.entry(topic).or_default().push(*partition);
    }
    put_count(&mut value, topics.len());
    for (topic, partitions) in topics {
        put_compact_text(&mut value, topic);
        put_count(&mut value, partitions.len());
        for partition in partitions {
            value.extend_from_slice(&partition.to_be_bytes());
        }
        put_varint(&mut value, 0);
    }
    value.extend_from_slice(&transaction.updated_ms.to_be_bytes());
    value.extend_from_slice(&transaction.started_ms.to_be_bytes());
    let version: i16 = if transaction.bumps { 2 } else { 0 };
    let previous = transaction.previous_producer_id;
    put_varint(&mut value, 1 + u32::from(previous != -1));
    if previous != -1 {
        put_varint(&mut value, PREVIOUS_PRODUCER_ID);
        put_varint(&mut value, 8);
        value.extend_from_slice(&previous.to_be_bytes());
    }
    put_varint(&mut value, CLIENT_TRANSACTION_VERSION);
    put_varint(&mut value, 2);
    value.extend_from_slice(&version.to_be_bytes());
    value
}

fn put_count(value: &mut Vec<u8>, count: usize) {
    put_varint(value, u32::try_from(count).unwrap_or(u32::MAX - 1).saturating_add(1));
}

pub(crate) fn parse_value(id: &str, bytes: &[u8]) -> Option<Transaction> {
    let mut fields = Fields(bytes);
    if fields.i16()? != 1 {
        return None;
    }
    let mut transaction = Transaction::new(id, fields.i64()?, 0, 0);
    transaction.epoch = fields.i16()?;
    // The epoch before the last bump is not written; its owner asks anew and is fenced or served.
    transaction.last_epoch = -1;
    transaction.timeout_ms = fields.i32()?;
    transaction.status = Status::of_number(fields.i8()?)?;
    transaction.partitions = parse_partitions(&mut fields)?;
    transaction.updated_ms = fields.i64()?;
    transaction.started_ms = fields.i64()?;
    for (tag, bytes) in fields.tags()? {
        match tag {
            PREVIOUS_PRODUCER_ID => transaction.previous_producer_id = Fields(bytes).i64()?,
            CLIENT_TRANSACTION_VERSION => transaction.bumps = Fields(bytes).i16()? >= 2,
            _ => {}
        }
    }
    Some(transaction)
}

fn parse_partitions(fields: &mut Fields<'_>) -> Option<BTreeSet<Place>> {
    let mut places = BTreeSet::new();
    for _ in 1..fields.varint()?.max(1) {
        let topic = fields.compact_text()?;
        for _ in 1..fields.varint()?.max(1) {
            places.insert((topic.clone(), fields.i32()?));
        }
        fields.tags()?;
    }
    Some(places)
}
