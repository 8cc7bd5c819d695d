//! The keys and values of `__consumer_offsets`, in Kafka's own formats.
//!
//! | key | value | written by | removed |
//! |---|---|---|---|
//! | version 1: group, topic, partition | version 3: offset, leader epoch, metadata, commit time | commit | expiry, `OffsetDelete`, `DeleteGroups`, topic deletion |
//! | version 2: group | version 3: protocol, generation, leader, members | end of a rebalance | `DeleteGroups`, expiry, a move to the consumer protocol |
//! | version 3: group | version 0: epoch | a new epoch of a consumer-protocol group | `DeleteGroups`, expiry, a move to the classic protocol |
//!
//! Source: Kafka's `OffsetCommitKey`, `OffsetCommitValue`, `GroupMetadataKey`,
//! `GroupMetadataValue`, `ConsumerGroupMetadataKey`, `ConsumerGroupMetadataValue` schemas.

use super::offsets::Committed;
use super::state::{Group, Member, Phase};
use crate::fields::{Fields, put_bytes, put_nullable_text, put_text};
use bytes::Bytes;
use std::time::Duration;

/// What a record of the topic is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    Offset { group: String, topic: String, partition: i32 },
    Group(String),
    ConsumerGroup(String),
}

impl Key {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        match fields.i16()? {
            0 | 1 => Some(Self::Offset {
                group: fields.text()?,
                topic: fields.text()?,
                partition: fields.i32()?,
            }),
            2 => fields.text().map(Self::Group),
            3 => fields.text().map(Self::ConsumerGroup),
            _ => None,
        }
    }
}

pub(crate) fn offset_key(group: &str, topic: &str, partition: i32) -> Vec<u8> {
    let mut key = 1i16.to_be_bytes().to_vec();
    put_text(&mut key, group);
    put_text(&mut key, topic);
    key.extend_from_slice(&partition.to_be_bytes());
    key
}

pub(crate) fn offset_value(committed: &Committed) -> Vec<u8> {
    let mut value = 3i16.to_be_bytes().to_vec();
    value.extend_from_slice(&committed.offset.to_be_bytes());
    value.extend_from_slice(&committed.leader_epoch.to_be_bytes());
    put_text(&mut value, &committed.metadata);
    value.extend_from_slice(&committed.commit_ms.to_be_bytes());
    value
}

pub(crate) fn parse_offset(bytes: &[u8]) -> Option<Committed> {
    let mut fields = Fields(bytes);
    let version = fields.i16()?;
    let offset = fields.i64()?;
    let leader_epoch = if version >= 3 { fields.i32()? } else { -1 };
    let metadata = fields.text()?;
    Some(Committed { offset, leader_epoch, metadata, commit_ms: fields.i64()? })
}

pub(crate) fn group_key(group: &str) -> Vec<u8> {
    let mut key = 2i16.to_be_bytes().to_vec();
    put_text(&mut key, group);
    key
}

pub(crate) fn consumer_group_key(group: &str) -> Vec<u8> {
    let mut key = 3i16.to_be_bytes().to_vec();
    put_text(&mut key, group);
    key
}

pub(crate) fn consumer_group_value(epoch: i32) -> Vec<u8> {
    let mut value = 0i16.to_be_bytes().to_vec();
    value.extend_from_slice(&epoch.to_be_bytes());
    // No tagged fields.
    value.push(0);
    value
}

/// The epoch of a group of the consumer protocol.
pub(crate) fn parse_consumer_group(bytes: &[u8]) -> Option<i32> {
    let mut fields = Fields(bytes);
    if fields.i16()? != 0 {
        return None;
    }
    fields.i32()
}

pub(crate) fn group_value(group: &Group) -> Vec<u8> {
    let mut value = 3i16.to_be_bytes().to_vec();
    put_text(&mut value, group.protocol_type.as_deref().unwrap_or_default());
    value.extend_from_slice(&group.generation.to_be_bytes());
    put_nullable_text(&mut value, group.protocol.as_deref());
    put_nullable_text(&mut value, group.leader.as_deref());
    value.extend_from_slice(&group.phase_since_ms.to_be_bytes());
    let count = i32::try_from(group.members.len()).unwrap_or(i32::MAX);
    value.extend_from_slice(&count.to_be_bytes());
    let protocol = group.protocol.as_deref().unwrap_or_default();
    for member in group.members.values() {
        put_text(&mut value, &member.id);
        put_nullable_text(&mut value, member.instance_id.as_deref());
        put_text(&mut value, &member.client_id);
        put_text(&mut value, &member.client_host);
        for timeout in [member.rebalance_timeout, member.session_timeout] {
            let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
            value.extend_from_slice(&millis.to_be_bytes());
        }
        put_bytes(&mut value, &member.metadata(protocol));
        put_bytes(&mut value, &member.assignment);
    }
    value
}

/// The group a value describes; its members have their whole session timeout from `now`.
pub(crate) fn parse_group(id: &str, bytes: &[u8], now: Duration) -> Option<Group> {
    let mut fields = Fields(bytes);
    if fields.i16()? != 3 {
        return None;
    }
    let mut group = Group::new(id, 0);
    group.protocol_type = fields.text().filter(|name| !name.is_empty());
    group.generation = fields.i32()?;
    group.protocol = fields.nullable_text()?;
    group.leader = fields.nullable_text()?;
    group.phase_since_ms = fields.i64()?;
    let count = fields.i32()?;
    let protocol = group.protocol.clone().unwrap_or_default();
    for order in 0..count {
        let member = parse_member(&mut fields, &protocol, order, now)?;
        if let Some(instance) = &member.instance_id {
            group.instances.insert(instance.clone(), member.id.clone());
        }
        group.members.insert(member.id.clone(), member);
    }
    group.joined = u64::from(count.unsigned_abs());
    group.phase = if group.members.is_empty() { Phase::Empty } else { Phase::Stable };
    Some(group)
}

fn parse_member(
    fields: &mut Fields<'_>,
    protocol: &str,
    order: i32,
    now: Duration,
) -> Option<Member> {
    let id = fields.text()?;
    let instance_id = fields.nullable_text()?;
    let (client_id, client_host) = (fields.text()?, fields.text()?);
    let millis = |value: i32| Duration::from_millis(u64::from(value.unsigned_abs()));
    let rebalance_timeout = millis(fields.i32()?);
    let session_timeout = millis(fields.i32()?);
    let metadata = Bytes::copy_from_slice(fields.bytes()?);
    let assignment = Bytes::copy_from_slice(fields.bytes()?);
    Some(Member {
        id,
        instance_id,
        client_id,
        client_host,
        rebalance_timeout,
        session_timeout,
        protocols: vec![(protocol.to_owned(), metadata)],
        assignment,
        joining: false,
        syncing: false,
        deadline: now + session_timeout,
        order: u64::from(order.unsigned_abs()),
    })
}
