//! The consumer protocol's groups among all groups: under their lock, in their records.

use super::heartbeat::{Beat, JOINS, Told};
use super::{Catalog, ConsumerGroup};
use crate::error::ErrorCode;
use crate::group::coordinator::{Entry, GROUPS_MAX, Groups};
use crate::group::records::{consumer_group_key, consumer_group_value, group_key};
use crate::group::state::{Group, Phase};
use crate::partition::{KeyValue, Partition};
use crate::service::Node;
use crate::topics::Refused;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the last record of a decision stands: the partition and the offset.
pub(crate) type Written = (Arc<Partition>, i64);

impl Groups {
    /// Decides a member's heartbeat. With an offset of the internal topic, the answer waits until
    /// that is durable: a group forgotten by a restart would end its members for good.
    ///
    /// # Errors
    /// Kafka's refusal.
    pub(crate) fn consumer_heartbeat(
        &self,
        node: &Node,
        id: &str,
        beat: &Beat,
    ) -> Result<(Told, Option<Written>), Refused> {
        let partition = node.topics.offsets_partition().map_err(|code| Refused::new(code, ""))?;
        let now = node.world.clock.elapsed();
        let mut entries = self.lock();
        let joins = beat.epoch == JOINS;
        let entry = enter(node, &partition, &mut entries, id, joins)?;
        let Some(group) = &mut entry.consumer else { return Err(not_found(id)) };
        let before = group.epoch;
        let told = group.heartbeat(beat, now, || catalog(node));
        let written = (group.epoch != before)
            .then(|| persist(node, &partition, id, group.epoch))
            .transpose()
            .map_err(|code| Refused::new(code, ""));
        drop(entries);
        if joins {
            self.earlier.notify_one();
        }
        let (told, written) = (told?, written?);
        Ok((told, written.map(|last| (partition, last))))
    }

    /// Reads one group of the consumer protocol.
    pub(crate) fn read_consumer<T>(
        &self,
        id: &str,
        read: impl FnOnce(&ConsumerGroup) -> T,
    ) -> Option<T> {
        self.lock().get(id).and_then(|entry| entry.consumer.as_ref()).map(read)
    }

    /// Reads all groups of the consumer protocol, by id.
    pub(crate) fn read_consumers<T>(
        &self,
        mut read: impl FnMut(&str, &ConsumerGroup) -> T,
    ) -> Vec<T> {
        let entries = self.lock();
        entries
            .iter()
            .filter_map(|(id, entry)| entry.consumer.as_ref().map(|group| read(id, group)))
            .collect()
    }
}

/// Finds the group, or makes an empty one of this protocol for a member that joins.
fn enter<'a>(
    node: &Node,
    partition: &Partition,
    entries: &'a mut BTreeMap<String, Entry>,
    id: &str,
    joins: bool,
) -> Result<&'a mut Entry, Refused> {
    let now_ms = node.world.clock.wall_millis();
    if !entries.contains_key(id) {
        if !joins {
            return Err(not_found(id));
        }
        if entries.len() >= GROUPS_MAX {
            let message = format!("The broker has reached its maximum of {GROUPS_MAX} groups.");
            return Err(Refused::new(ErrorCode::GroupMaxSizeReached, message));
        }
    }
    let entry = entries.entry(id.to_owned()).or_insert_with(|| Entry::new(Group::new(id, now_ms)));
    if entry.consumer.is_none() {
        if !joins || entry.group.phase != Phase::Empty || !entry.group.vacant() {
            return Err(not_found(id));
        }
        if entry.group.generation > 0 {
            let forgotten = partition.append_records(node, &[(group_key(id), None)], None);
            forgotten.map_err(|code| Refused::new(code, ""))?;
            entry.group = Group::new(id, now_ms);
        }
        entry.consumer = Some(ConsumerGroup::new(0, node.world.clock.elapsed()));
    }
    Ok(entry)
}

impl Entry {
    /// Makes the group a classic one, if it is not and has no members.
    pub(in crate::group) fn leave_consumer_protocol(
        &mut self,
        node: &Node,
        partition: &Partition,
    ) -> Result<(), ErrorCode> {
        let Some(group) = &self.consumer else { return Ok(()) };
        if !group.is_empty() {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        partition.append_records(node, &[forgotten(&self.group.id)], None)?;
        self.consumer = None;
        self.group.phase_since_ms = node.world.clock.wall_millis();
        Ok(())
    }

    /// Lets time pass for a group of the consumer protocol.
    pub(in crate::group) fn expire_consumers(&mut self, node: &Node) {
        let now = node.world.clock.elapsed();
        let Some(group) = &mut self.consumer else { return };
        if group.next_deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        group.expire(now);
        let written = node
            .topics
            .offsets_partition()
            .and_then(|partition| persist(node, &partition, &self.group.id, group.epoch));
        if let Err(error) = written {
            // The group lives on in memory; after a restart its members join anew.
            tracing::warn!(group = self.group.id, ?error, "group epoch could not be written");
        }
    }

    /// Takes a static member out of a consumer group by its instance id.
    pub(in crate::group) fn remove_instance(
        &mut self,
        node: &Node,
        partition: &Partition,
        instance: &str,
    ) -> ErrorCode {
        let now = node.world.clock.elapsed();
        let Some(group) = &mut self.consumer else { return ErrorCode::UnknownMemberId };
        let error = group.remove_instance(instance, now);
        if error != ErrorCode::None {
            return error;
        }
        persist(node, partition, &self.group.id, group.epoch).err().unwrap_or(ErrorCode::None)
    }
}

/// The record that removes a group of the consumer protocol.
pub(in crate::group) fn forgotten(id: &str) -> KeyValue {
    (consumer_group_key(id), None)
}

fn persist(node: &Node, partition: &Partition, id: &str, epoch: i32) -> Result<i64, ErrorCode> {
    let record = (consumer_group_key(id), Some(consumer_group_value(epoch)));
    partition.append_records(node, &[record], None)
}

fn catalog(node: &Node) -> Catalog {
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let topics = node.topics.all();
    topics.iter().map(|t| (Arc::clone(&t.name), (t.id, count(t.partitions.len())))).collect()
}

fn not_found(id: &str) -> Refused {
    Refused::new(ErrorCode::GroupIdNotFound, format!("Group {id} is not a consumer group."))
}
