//! The groups of this broker, the requests that wait for them, and their records.
//!
//! One lock holds all groups: every decision is short and touches no disk but the append to
//! `__consumer_offsets`, whose order is thereby the order of the decisions. Nobody waits under it.
//!
//! Never does: decide. [`super::decide`] does.

use super::consumer_protocol::ConsumerGroup;
use super::consumer_protocol::coordinator::forgotten;
use super::offsets::{Committed, Offsets, Place};
use super::records::{group_key, group_value, offset_key, offset_value};
use super::state::{Effect, Group, Join, Joined, Phase, Reply, Sync, Synced};
use crate::error::ErrorCode;
use crate::partition::{KeyValue, Partition, Producer};
use crate::service::Node;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// The longest sleep between two looks at the deadlines.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Groups at most: each is remembered until its offsets expire.
pub(super) const GROUPS_MAX: usize = 100_000;

/// One group with its offsets and what waits for it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) group: Group,
    /// The group, if it follows the consumer protocol; `group` is empty then.
    pub(super) consumer: Option<ConsumerGroup>,
    pub(super) offsets: Offsets,
    joins: BTreeMap<String, oneshot::Sender<Joined>>,
    syncs: BTreeMap<String, oneshot::Sender<Synced>>,
}

impl Entry {
    pub(super) fn new(group: Group) -> Self {
        Self {
            group,
            consumer: None,
            offsets: Offsets::default(),
            joins: BTreeMap::new(),
            syncs: BTreeMap::new(),
        }
    }
}

/// Who commits offsets.
#[derive(Debug, Clone)]
pub(crate) struct Committer {
    pub(crate) group: String,
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    /// Negative for a consumer outside the group protocol.
    pub(crate) generation: i32,
    /// The transaction the commit belongs to.
    pub(crate) producer: Option<Producer>,
}

/// All groups.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    entries: Mutex<BTreeMap<String, Entry>>,
    pub(super) earlier: Notify,
}

impl Groups {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins a group; waits for the rebalance to complete.
    pub(crate) async fn join(&self, node: &Node, group: &str, join: Join) -> Joined {
        let member_id = join.member_id.clone();
        let Ok(partition) = node.topics.offsets_partition() else {
            return Joined::refused(ErrorCode::CoordinatorNotAvailable, &member_id);
        };
        let waiting = {
            let mut entries = self.lock();
            if !entries.contains_key(group) {
                if !member_id.is_empty() {
                    return Joined::refused(ErrorCode::UnknownMemberId, &member_id);
                }
                if entries.len() >= GROUPS_MAX {
                    return Joined::refused(ErrorCode::GroupMaxSizeReached, &member_id);
                }
                let group = Group::new(group, node.world.clock.wall_millis());
                entries.insert(group.id.clone(), Entry::new(group));
            }
            let Some(entry) = entries.get_mut(group) else {
                return Joined::refused(ErrorCode::UnknownMemberId, &member_id);
            };
            if let Err(error) = entry.leave_consumer_protocol(node, &partition) {
                return Joined::refused(error, &member_id);
            }
            let (reply, effects) = entry.group.join(join, node.world.clock.elapsed());
            match reply {
                Reply::Now(joined) => {
                    apply(node, &partition, entry, effects);
                    self.earlier.notify_one();
                    return joined;
                }
                Reply::Wait(id) => {
                    let (sender, receiver) = oneshot::channel();
                    entry.joins.insert(id, sender);
                    apply(node, &partition, entry, effects);
                    receiver
                }
            }
        };
        self.earlier.notify_one();
        // The sender is dropped if the member joined once more meanwhile.
        waiting
            .await
            .unwrap_or_else(|_| Joined::refused(ErrorCode::RebalanceInProgress, &member_id))
    }

    /// Brings or awaits the assignment.
    pub(crate) async fn sync(&self, node: &Node, group: &str, sync: Sync) -> Synced {
        let Ok(partition) = node.topics.offsets_partition() else {
            return Synced::refused(ErrorCode::CoordinatorNotAvailable);
        };
        let waiting = {
            let mut entries = self.lock();
            let Some(entry) = entries.get_mut(group) else {
                return Synced::refused(ErrorCode::UnknownMemberId);
            };
            let (reply, effects) = entry.group.sync(sync, node.world.clock.elapsed());
            match reply {
                Reply::Now(synced) => {
                    apply(node, &partition, entry, effects);
                    self.earlier.notify_one();
                    return synced;
                }
                Reply::Wait(id) => {
                    let (sender, receiver) = oneshot::channel();
                    entry.syncs.insert(id, sender);
                    apply(node, &partition, entry, effects);
                    receiver
                }
            }
        };
        self.earlier.notify_one();
        waiting.await.unwrap_or_else(|_| Synced::refused(ErrorCode::RebalanceInProgress))
    }

    pub(crate) fn heartbeat(
        &self,
        node: &Node,
        group: &str,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> ErrorCode {
        let mut entries = self.lock();
        entries.get_mut(group).map_or(ErrorCode::UnknownMemberId, |entry| {
            let now = node.world.clock.elapsed();
            entry.group.heartbeat(member_id, instance_id, generation, now)
        })
    }

    /// Takes one member out of its group.
    pub(crate) fn leave(
        &self,
        node: &Node,
        group: &str,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> ErrorCode {
        let Ok(partition) = node.topics.offsets_partition() else {
            return ErrorCode::CoordinatorNotAvailable;
        };
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(group) else { return ErrorCode::UnknownMemberId };
        if let Some(instance) =
            instance_id.filter(|_| entry.consumer.is_some() && member_id.is_empty())
        {
            return entry.remove_instance(node, &partition, instance);
        }
        let now = node.world.clock.elapsed();
        let (error, effects) = entry.group.leave(member_id, instance_id, now);
        apply(node, &partition, entry, effects);
        drop(entries);
        self.earlier.notify_one();
        error
    }

    /// Checks a commit without making it.
    pub(crate) fn check_commit(&self, committer: &Committer) -> Result<(), ErrorCode> {
        let entries = self.lock();
        check_commit(entries.get(&committer.group), committer)
    }

    /// Commits offsets: in memory now, on disk once the returned offset of the internal topic is
    /// durable. In a transaction they wait for its end.
    ///
    /// # Errors
    /// Kafka's code, for all offsets.
    pub(crate) fn commit(
        &self,
        node: &Node,
        committer: &Committer,
        offsets: Vec<(Place, Committed)>,
    ) -> Result<(Arc<Partition>, i64), ErrorCode> {
        let partition = node.topics.offsets_partition()?;
        let mut entries = self.lock();
        check_commit(entries.get(&committer.group), committer)?;
        if entries.len() >= GROUPS_MAX && !entries.contains_key(&committer.group) {
            return Err(ErrorCode::GroupMaxSizeReached);
        }
        let records: Vec<KeyValue> = offsets
            .iter()
            .map(|((topic, index), committed)| {
                let key = offset_key(&committer.group, topic, *index);
                (key, Some(offset_value(committed)))
            })
            .collect();
        let last_offset = partition.append_records(node, &records, committer.producer)?;
        let now_ms = node.world.clock.wall_millis();
        let entry = entries
            .entry(committer.group.clone())
            .or_insert_with(|| Entry::new(Group::new(&committer.group, now_ms)));
        if let Some(member) = entry.group.members.get_mut(&committer.member_id) {
            member.deadline = node.world.clock.elapsed() + member.session_timeout;
        }
        match committer.producer {
            Some(producer) => entry.offsets.pending.entry(producer.id).or_default().extend(offsets),
            None => entry.offsets.committed.extend(offsets),
        }
        Ok((partition, last_offset))
    }

    /// Ends a producer's transaction in every group.
    pub(crate) fn end_transaction(&self, producer_id: i64, commit: bool) {
        for entry in self.lock().values_mut() {
            entry.offsets.end_transaction(producer_id, commit);
        }
    }

    /// Reads a group's offsets.
    pub(crate) fn read<T>(&self, group: &str, read: impl FnOnce(Option<&Offsets>) -> T) -> T {
        read(self.lock().get(group).map(|entry| &entry.offsets))
    }

    /// Reads all groups of the classic protocol, by id.
    pub(crate) fn read_all<T>(&self, mut read: impl FnMut(&Group) -> T) -> Vec<T> {
        let entries = self.lock();
        let classic = entries.values().filter(|entry| entry.consumer.is_none());
        classic.map(|entry| read(&entry.group)).collect()
    }

    /// Reads one group of the classic protocol.
    pub(crate) fn read_group<T>(&self, id: &str, read: impl FnOnce(&Group) -> T) -> Option<T> {
        let entries = self.lock();
        entries.get(id).filter(|entry| entry.consumer.is_none()).map(|entry| read(&entry.group))
    }

    /// Removes a group that has no members, with its offsets.
    pub(crate) fn delete(&self, node: &Node, id: &str) -> Result<(Arc<Partition>, i64), ErrorCode> {
        let partition = node.topics.offsets_partition()?;
        let mut entries = self.lock();
        let entry = entries.get(id).ok_or(ErrorCode::GroupIdNotFound)?;
        let consumed = entry.consumer.as_ref().is_some_and(|group| !group.is_empty());
        if consumed || entry.group.phase != Phase::Empty {
            return Err(ErrorCode::NonEmptyGroup);
        }
        let mut records: Vec<KeyValue> = entry
            .offsets
            .committed
            .keys()
            .map(|(topic, index)| (offset_key(id, topic, *index), None))
            .collect();
        records.push((group_key(id), None));
        records.extend(entry.consumer.as_ref().map(|_| forgotten(id)));
        let last = partition.append_records(node, &records, None)?;
        entries.remove(id);
        Ok((partition, last))
    }

    /// Removes committed offsets: for good once the returned offset of the internal topic is durable.
    pub(crate) fn delete_offsets(
        &self,
        node: &Node,
        id: &str,
        places: &[Place],
    ) -> Result<(Arc<Partition>, i64), ErrorCode> {
        let partition = node.topics.offsets_partition()?;
        let mut entries = self.lock();
        let entry = entries.get_mut(id).ok_or(ErrorCode::GroupIdNotFound)?;
        let last = remove_offsets(node, &partition, entry, places)?;
        Ok((partition, last))
    }

    /// Removes the offsets of a deleted topic from every group.
    pub(crate) fn forget_topic(&self, node: &Node, topic: &str) {
        let mut entries = self.lock();
        for entry in entries.values_mut() {
            let committed = entry.offsets.committed.keys();
            let places: Vec<Place> = committed.filter(|place| place.0 == topic).cloned().collect();
            for pending in entry.offsets.pending.values_mut() {
                pending.retain(|place, _| place.0 != topic);
            }
            if places.is_empty() {
                continue;
            }
            let Ok(partition) = node.topics.offsets_partition() else { return };
            if let Err(error) = remove_offsets(node, &partition, entry, &places) {
                tracing::warn!(topic, ?error, "offsets of a deleted topic could not be removed");
            }
        }
    }

    /// Lets time pass: dead members, ended waits. Returns the next deadline.
    fn expire(&self, node: &Node) -> Option<Duration> {
        let now = node.world.clock.elapsed();
        let mut entries = self.lock();
        let mut next: Option<Duration> = None;
        for entry in entries.values_mut() {
            entry.expire_consumers(node);
            if entry.group.next_deadline().is_some_and(|deadline| deadline <= now) {
                let effects = entry.group.expire(now);
                if let Ok(partition) = node.topics.offsets_partition() {
                    apply(node, &partition, entry, effects);
                }
            }
            let consumers = entry.consumer.as_ref().and_then(ConsumerGroup::next_deadline);
            next = next.into_iter().chain(consumers).chain(entry.group.next_deadline()).min();
        }
        next
    }

    /// Removes the offsets and groups nobody used for the retention time.
    pub(crate) fn expire_offsets(&self, node: &Node) {
        let now_ms = node.world.clock.wall_millis();
        let retention = node.settings.offsets_retention_ms;
        let mut entries = self.lock();
        let mut gone = Vec::new();
        for (id, entry) in entries.iter_mut() {
            if entry.group.phase != Phase::Empty || !entry.group.vacant() {
                continue;
            }
            let since = match &entry.consumer {
                None => entry.group.phase_since_ms,
                Some(group) => match group.empty_for(node.world.clock.elapsed()) {
                    None => continue,
                    Some(idle) => {
                        now_ms.saturating_sub(i64::try_from(idle.as_millis()).unwrap_or(i64::MAX))
                    }
                },
            };
            let old: Vec<Place> = entry
                .offsets
                .committed
                .iter()
                .filter(|(_, one)| now_ms - one.commit_ms.max(since) >= retention)
                .map(|(place, _)| place.clone())
                .collect();
            let Ok(partition) = node.topics.offsets_partition() else { return };
            if !old.is_empty() && remove_offsets(node, &partition, entry, &old).is_err() {
                return;
            }
            if entry.offsets.is_empty() && now_ms - since >= retention.min(60_000) {
                let records = [(group_key(id), None), forgotten(id)];
                let _logged = partition.append_records(node, &records, None);
                gone.push(id.clone());
            }
        }
        for id in gone {
            entries.remove(&id);
        }
    }
}

/// Looks at the deadlines for as long as the broker runs.
pub(crate) async fn watch_deadlines(node: Arc<Node>) {
    loop {
        let next = node.groups.expire(&node);
        let Some(next) = next else {
            // No group waits for time: nothing wakes until one does.
            node.groups.earlier.notified().await;
            continue;
        };
        let wait = next.saturating_sub(node.world.clock.elapsed());
        let wait = wait.clamp(Duration::from_millis(1), LOOK_INTERVAL);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = node.groups.earlier.notified() => {}
        }
    }
}

/// Carries out what was decided.
fn apply(node: &Node, partition: &Partition, entry: &mut Entry, effects: Vec<Effect>) {
    if effects.contains(&Effect::Persist) {
        entry.group.phase_since_ms = node.world.clock.wall_millis();
    }
    for effect in effects {
        match effect {
            Effect::Join(id, joined) => {
                if let Some(waiting) = entry.joins.remove(&id) {
                    // The receiver is gone if the connection is.
                    let _gone = waiting.send(joined);
                }
            }
            Effect::Sync(id, synced) => {
                if let Some(waiting) = entry.syncs.remove(&id) {
                    let _gone = waiting.send(synced);
                }
            }
            Effect::Persist => {
                let record = (group_key(&entry.group.id), Some(group_value(&entry.group)));
                if let Err(error) = partition.append_records(node, &[record], None) {
                    // The group lives on in memory; after a restart its members join anew.
                    tracing::warn!(group = entry.group.id, ?error, "group could not be written");
                }
            }
        }
    }
}

fn remove_offsets(
    node: &Node,
    partition: &Partition,
    entry: &mut Entry,
    places: &[Place],
) -> Result<i64, ErrorCode> {
    let records: Vec<KeyValue> = places
        .iter()
        .map(|(topic, index)| (offset_key(&entry.group.id, topic, *index), None))
        .collect();
    let last = partition.append_records(node, &records, None)?;
    for place in places {
        entry.offsets.committed.remove(place);
    }
    Ok(last)
}

/// Whether this committer may commit.
fn check_commit(entry: Option<&Entry>, committer: &Committer) -> Result<(), ErrorCode> {
    let Some(Entry { group, consumer, .. }) = entry else {
        return if committer.generation < 0 { Ok(()) } else { Err(ErrorCode::IllegalGeneration) };
    };
    let transactional = committer.producer.is_some();
    if let Some(consumers) = consumer {
        return check_consumer_commit(consumers, committer);
    }
    if committer.generation < 0 && group.phase == Phase::Empty {
        return Ok(());
    }
    if committer.generation >= 0
        || !committer.member_id.is_empty()
        || committer.instance_id.is_some()
    {
        group.check_member(&committer.member_id, committer.instance_id.as_deref())?;
        if committer.generation != group.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
    } else if !transactional && group.phase != Phase::Empty {
        return Err(ErrorCode::UnknownMemberId);
    }
    if !transactional && group.phase == Phase::CompletingRebalance {
        return Err(ErrorCode::RebalanceInProgress);
    }
    Ok(())
}

/// Whether this committer may commit in a group of the consumer protocol.
fn check_consumer_commit(group: &ConsumerGroup, committer: &Committer) -> Result<(), ErrorCode> {
    let transactional = committer.producer.is_some();
    let anonymous = committer.member_id.is_empty() && committer.instance_id.is_none();
    if committer.generation < 0 && (group.is_empty() || (transactional && anonymous)) {
        return Ok(());
    }
    group.check_member(&committer.member_id, committer.generation).map_err(|error| match error {
        // A transactional producer knows generations alone.
        ErrorCode::StaleMemberEpoch if transactional => ErrorCode::IllegalGeneration,
        other => other,
    })
}
