//! The server-side assignors: who should read what.
//!
//! Every partition of a subscribed topic gets exactly one member among its subscribers.

use super::{Assignor, ConsumerGroup, Share};
use kafka_wire_core::Uuid;
use std::collections::{BTreeMap, BTreeSet};

/// Rounds of evening out at most; members with equal subscriptions need one.
const ROUNDS_MAX: usize = 16;

/// One member as an assignor sees it.
pub(super) struct Subscriber {
    pub(super) topics: BTreeSet<Uuid>,
    /// What the target before gave it.
    pub(super) had: Share,
}

impl ConsumerGroup {
    /// Computes the target anew, if the group's epoch moved.
    pub(super) fn retarget(&mut self) {
        if self.epoch <= self.assignment_epoch {
            return;
        }
        // Static members keep their place over a restart under another member id.
        let mut ids: Vec<(String, String)> = self
            .members
            .values()
            .map(|m| (m.instance_id.clone().unwrap_or_else(|| m.id.clone()), m.id.clone()))
            .collect();
        ids.sort();
        let mut subscribers = Vec::with_capacity(ids.len());
        for (_, id) in &ids {
            let Some(member) = self.members.get(id) else { continue };
            let wanted = self.subscribed.iter().filter(|(name, _)| member.wants(name));
            let topics = wanted.map(|(_, (topic, _))| *topic).collect();
            subscribers.push(Subscriber { topics, had: member.target.clone() });
        }
        let partitions: BTreeMap<Uuid, i32> = self.subscribed.values().copied().collect();
        let shares = match self.assignor() {
            Assignor::Uniform => uniform(&subscribers, &partitions),
            Assignor::Range => range(&subscribers, &partitions),
        };
        for ((_, id), share) in ids.iter().zip(shares) {
            if let Some(member) = self.members.get_mut(id) {
                member.target = share;
            }
        }
        self.assignment_epoch = self.epoch;
    }
}

/// The places of each topic's subscribers in the list.
fn readers(subscribers: &[Subscriber]) -> BTreeMap<Uuid, Vec<usize>> {
    let mut readers: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
    for (place, subscriber) in subscribers.iter().enumerate() {
        for topic in &subscriber.topics {
            readers.entry(*topic).or_default().push(place);
        }
    }
    readers
}

/// Of every topic, each subscriber takes a run; the first take one more if it does not divide.
pub(super) fn range(subscribers: &[Subscriber], partitions: &BTreeMap<Uuid, i32>) -> Vec<Share> {
    let mut shares = vec![Share::new(); subscribers.len()];
    for (topic, places) in readers(subscribers) {
        let count = partitions.get(&topic).copied().unwrap_or(0);
        let among = i32::try_from(places.len()).unwrap_or(i32::MAX).max(1);
        let (each, mut more) = (count / among, count % among);
        let mut next = 0;
        for place in places {
            let take = each + i32::from(more > 0);
            more -= i32::from(more > 0);
            if let Some(share) = shares.get_mut(place) {
                share.extend((next..next + take).map(|index| (topic, index)));
            }
            next += take;
        }
    }
    shares
}

/// Everybody keeps what it had; what is free goes to the least loaded; then loads are evened out,
/// one partition at a time, until no move would bring two members closer.
pub(super) fn uniform(subscribers: &[Subscriber], partitions: &BTreeMap<Uuid, i32>) -> Vec<Share> {
    let readers = readers(subscribers);
    let mut owners: BTreeMap<(Uuid, i32), usize> = BTreeMap::new();
    let mut loads = vec![0usize; subscribers.len()];
    for (place, subscriber) in subscribers.iter().enumerate() {
        for (topic, index) in &subscriber.had {
            let exists = partitions.get(topic).is_some_and(|count| index < count);
            if exists
                && subscriber.topics.contains(topic)
                && !owners.contains_key(&(*topic, *index))
            {
                owners.insert((*topic, *index), place);
                shift(&mut loads, None, place);
            }
        }
    }
    // Topics with few readers first: they have the least choice.
    let mut topics: Vec<(&Uuid, &Vec<usize>)> = readers.iter().collect();
    topics.sort_by_key(|(topic, places)| (places.len(), **topic));
    for (topic, places) in topics {
        for index in 0..partitions.get(topic).copied().unwrap_or(0) {
            if let std::collections::btree_map::Entry::Vacant(free) = owners.entry((*topic, index))
                && let Some(place) = least_loaded(places, &loads)
            {
                free.insert(place);
                shift(&mut loads, None, place);
            }
        }
    }
    for _ in 0..ROUNDS_MAX {
        let mut moved = false;
        for ((topic, _), owner) in &mut owners {
            let Some(place) = readers.get(topic).and_then(|all| least_loaded(all, &loads)) else {
                continue;
            };
            if load(&loads, *owner) > load(&loads, place) + 1 {
                shift(&mut loads, Some(*owner), place);
                *owner = place;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    let mut shares = vec![Share::new(); subscribers.len()];
    for (partition, place) in owners {
        if let Some(share) = shares.get_mut(place) {
            share.insert(partition);
        }
    }
    shares
}

fn load(loads: &[usize], place: usize) -> usize {
    loads.get(place).copied().unwrap_or(usize::MAX - 1)
}

fn least_loaded(places: &[usize], loads: &[usize]) -> Option<usize> {
    places.iter().copied().min_by_key(|place| load(loads, *place))
}

fn shift(loads: &mut [usize], from: Option<usize>, to: usize) {
    if let Some(load) = from.and_then(|place| loads.get_mut(place)) {
        *load -= 1;
    }
    if let Some(load) = loads.get_mut(to) {
        *load += 1;
    }
}
