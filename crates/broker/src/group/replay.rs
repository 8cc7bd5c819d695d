//! Restores the groups from `__consumer_offsets` at start.

use super::consumer_protocol::ConsumerGroup;
use super::coordinator::{Entry, Groups};
use super::records::{Key, parse_consumer_group, parse_group, parse_offset};
use super::state::Group;
use crate::partition::{Partition, Replayed};
use std::collections::BTreeMap;
use std::time::Duration;

impl Groups {
    /// Reads the whole partition, oldest first.
    ///
    /// # Errors
    /// What the log said.
    pub(crate) fn restore(
        &self,
        partition: &Partition,
        now: Duration,
    ) -> Result<(), commitlog::ReadError> {
        let mut entries = self.lock();
        partition.replay(|replayed| match replayed {
            Replayed::Marker { producer_id, commit } => {
                for entry in entries.values_mut() {
                    entry.offsets.end_transaction(producer_id, commit);
                }
            }
            Replayed::Record { key, value, producer_id } => {
                if let Some(key) = Key::parse(key) {
                    restore_record(&mut entries, &key, value, producer_id, now);
                }
            }
        })?;
        entries.retain(|_, entry| {
            let used = !entry.offsets.is_empty() || entry.group.generation > 0;
            used || entry.consumer.is_some()
        });
        Ok(())
    }
}

fn restore_record(
    entries: &mut BTreeMap<String, Entry>,
    key: &Key,
    value: Option<&[u8]>,
    producer_id: Option<i64>,
    now: Duration,
) {
    match key {
        Key::Group(id) => match value.and_then(|value| parse_group(id, value, now)) {
            Some(group) => {
                let entry =
                    entries.entry(id.clone()).or_insert_with(|| Entry::new(Group::new(id, 0)));
                entry.group = group;
            }
            None => {
                if let Some(entry) = entries.get_mut(id) {
                    entry.group = Group::new(id, 0);
                }
            }
        },
        Key::ConsumerGroup(id) => {
            let epoch = value.and_then(parse_consumer_group);
            if epoch.is_some() || entries.contains_key(id) {
                let entry =
                    entries.entry(id.clone()).or_insert_with(|| Entry::new(Group::new(id, 0)));
                entry.consumer = epoch.map(|epoch| ConsumerGroup::new(epoch, now));
            }
        }
        Key::Offset { group, topic, partition } => {
            let entry =
                entries.entry(group.clone()).or_insert_with(|| Entry::new(Group::new(group, 0)));
            let place = (topic.clone(), *partition);
            match (value.and_then(parse_offset), producer_id) {
                (Some(committed), None) => {
                    entry.offsets.committed.insert(place, committed);
                }
                (Some(committed), Some(producer)) => {
                    entry.offsets.pending.entry(producer).or_default().insert(place, committed);
                }
                (None, _) => {
                    entry.offsets.committed.remove(&place);
                }
            }
        }
    }
}
