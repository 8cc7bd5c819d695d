//! Kafka, through its protocol: brokers, topics, offsets at two moments, consumer groups.

use super::listener::{self, Guess};
use super::{Asker, peeks};
use crate::facts::{
    Broker, Cluster, Group, GroupPartition, Part, Partition, Seen, Silence, SilenceKind, Stream,
    Topic,
};
use kafkaadmin::{Admin, CommittedOffset, Error, Isolation, Member, OffsetSpec, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::task::JoinSet;

/// Brokers that are tried at the addresses they advertise.
const BROKERS_MAX: usize = 32;
/// Partitions whose offsets are asked for.
const PARTITIONS_MAX: usize = 20_000;
/// Consumer groups that are looked at.
const GROUPS_MAX: usize = 50;

/// What the second look begins with.
pub(super) struct Looked {
    admin: Admin,
    /// When the first offsets were told.
    at: Duration,
}

pub(super) async fn first(asker: &Asker<'_>, part: &mut Part<Cluster>) -> Option<Looked> {
    let patience = asker.settings.patience;
    let mut settings = kafkaadmin::Settings::new(&asker.settings.kafka);
    "millstream-doctor".clone_into(&mut settings.client_id);
    settings.connect_timeout = patience.connect;
    settings.request_timeout = patience.question;
    let admin = Admin::with_settings(&settings);
    let told = tokio::time::timeout(patience.question, admin.describe_cluster()).await;
    let brokers = match told {
        Ok(Ok(told)) => told.brokers,
        Ok(Err(error)) => {
            part.is_silent(silence(asker, Some(error)).await);
            return None;
        }
        Err(_) => {
            part.is_silent(silence(asker, None).await);
            return None;
        }
    };
    let mut cluster = Cluster::default();
    let Cluster { brokers: seen, topics, topics_unknown, groups, .. } = &mut cluster;
    tokio::join!(
        reach(patience.connect, brokers, seen),
        offsets(asker, &admin, topics, topics_unknown),
        all_groups(asker, &admin, groups)
    );
    begin_at_the_first(&mut cluster);
    part.seen = Seen::Known(cluster);
    Some(Looked { admin, at: asker.elapsed() })
}

/// Why Kafka told nothing: nobody listens, somebody else does, or it is slow.
async fn silence(asker: &Asker<'_>, error: Option<Error>) -> Silence {
    let wait = asker.settings.patience.connect;
    let first = asker.settings.kafka.split(',').next().unwrap_or_default().trim();
    let address = first.split_once("://").map_or(first, |(_, address)| address);
    if let Err(why) = listener::reach(address, wait).await {
        return Silence::new(SilenceKind::Away, why);
    }
    let slow = || {
        let waited = asker.settings.patience.question.as_millis();
        Silence::new(SilenceKind::Slow, format!("no answer within {waited} ms"))
    };
    match (listener::guess(address).await, error) {
        (Guess::Kafka, None | Some(Error::Timeout { .. })) => slow(),
        (Guess::Kafka, Some(error)) => Silence::new(SilenceKind::Refused, error.to_string()),
        (Guess::Silent, _) => Silence::new(SilenceKind::Slow, listener::SILENT),
        (Guess::Cql, _) => Silence::new(SilenceKind::Foreign, "a CQL server"),
        (Guess::Other(what), _) => Silence::new(SilenceKind::Foreign, what),
    }
}

/// Tries the addresses that brokers tell clients.
async fn reach(wait: Duration, brokers: Vec<kafkaadmin::Broker>, seen: &mut Vec<Broker>) {
    let mut tries = JoinSet::new();
    for (at, broker) in brokers.into_iter().enumerate() {
        let advertised = broker.address();
        seen.push(Broker { id: broker.id, advertised: advertised.clone(), reached: None });
        if at < BROKERS_MAX {
            tries.spawn(async move { (at, listener::reach(&advertised, wait).await) });
        }
    }
    while let Some(done) = tries.join_next().await {
        if let Ok((at, reached)) = done
            && let Some(broker) = seen.get_mut(at)
        {
            broker.reached = Some(reached);
        }
    }
}

/// All topics, with the first offset and the end of each partition.
async fn offsets(
    asker: &Asker<'_>,
    admin: &Admin,
    topics: &mut BTreeMap<String, Topic>,
    unknown: &mut bool,
) {
    let told = asker.ask("Kafka for its topics", admin.list_topics()).await;
    *unknown = told.is_none();
    let Some(told) = told else { return };
    for topic in told {
        let partitions = topic.partitions.into_iter().map(|one| Partition {
            index: one.index,
            leader: one.leader,
            replicas: one.replicas,
            isr: one.isr,
            ..Partition::default()
        });
        let (internal, partitions) = (topic.internal, partitions.collect());
        topics.insert(topic.name, Topic { internal, retention_ms: None, partitions });
    }
    let led: Vec<TopicPartition> = topics
        .iter()
        .filter(|(_, topic)| !topic.internal)
        .flat_map(|(name, topic)| topic.partitions.iter().map(move |one| (name, one)))
        .filter(|(_, one)| one.leader.is_some())
        .map(|(name, one)| TopicPartition::new(name, one.index))
        .collect();
    if led.len() > PARTITIONS_MAX {
        asker.note(
            "Kafka for the offsets of every topic",
            format!("there are {} partitions, and {PARTITIONS_MAX} were asked", led.len()),
        );
    }
    let led = &led[..led.len().min(PARTITIONS_MAX)];
    let (first, end) = tokio::join!(
        listed(asker, admin, led, Offset::Earliest),
        listed(asker, admin, led, Offset::End)
    );
    for (name, topic) in topics.iter_mut() {
        for partition in &mut topic.partitions {
            let at = TopicPartition::new(name, partition.index);
            partition.earliest = first.get(&at).copied();
            partition.end = end.get(&at).copied();
        }
    }
}

#[derive(Clone, Copy)]
enum Offset {
    Earliest,
    End,
}

/// Offsets, of the partitions that told.
async fn listed(
    asker: &Asker<'_>,
    admin: &Admin,
    asked: &[TopicPartition],
    which: Offset,
) -> BTreeMap<TopicPartition, i64> {
    if asked.is_empty() {
        return BTreeMap::new();
    }
    let (spec, what) = match which {
        Offset::Earliest => (OffsetSpec::Earliest, "Kafka for the first offsets of its topics"),
        Offset::End => (OffsetSpec::Latest, "Kafka for the ends of its topics"),
    };
    let asked: Vec<_> = asked.iter().map(|at| (at.clone(), spec)).collect();
    let told = asker.ask(what, admin.list_offsets(&asked, Isolation::ReadUncommitted)).await;
    let mut found = BTreeMap::new();
    let mut refused = None;
    for (at, one) in told.unwrap_or_default() {
        match one {
            Ok(one) => found.extend(one.offset.map(|offset| (at, offset))),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    if let Some(error) = refused.filter(|_| found.is_empty()) {
        asker.note(what, error.to_string());
    }
    found
}

/// The consumer groups that are not our streams'.
async fn all_groups(asker: &Asker<'_>, admin: &Admin, groups: &mut Option<Vec<Group>>) {
    let what = "Kafka for its consumer groups";
    let Some(told) = asker.ask(what, admin.list_groups()).await else { return };
    let mut ids: Vec<String> = told
        .into_iter()
        .filter(|one| one.protocol_type.is_empty() || one.protocol_type == "consumer")
        .map(|one| one.group_id)
        .filter(|id| !id.starts_with("millstream."))
        .collect();
    ids.sort();
    if ids.len() > GROUPS_MAX {
        asker.note(what, format!("there are {}, and {GROUPS_MAX} were asked", ids.len()));
        ids.truncate(GROUPS_MAX);
    }
    let wait = asker.settings.patience.question.min(asker.left());
    let mut asks = JoinSet::new();
    for id in ids {
        let admin = admin.clone();
        asks.spawn(async move {
            let both = async {
                tokio::join!(admin.describe_group(&id), admin.list_consumer_group_offsets(&id))
            };
            let (described, offsets) = tokio::time::timeout(wait, both).await.ok()?;
            let members = described.map_or_else(|_| Vec::new(), |told| told.members);
            Some(group(id, &members, offsets.ok()?))
        });
    }
    let mut seen = Vec::new();
    while let Some(done) = asks.join_next().await {
        match done {
            Ok(Some(group)) => seen.push(group),
            _ => asker.note("Kafka for one of its consumer groups", "no answer in time".to_owned()),
        }
    }
    seen.sort_by(|a, b| a.id.cmp(&b.id));
    *groups = Some(seen);
}

fn group(id: String, members: &[Member], offsets: Vec<CommittedOffset>) -> Group {
    let mut partitions: Vec<GroupPartition> = offsets
        .into_iter()
        .map(|one| GroupPartition {
            topic: one.at.topic,
            partition: one.at.partition,
            committed: one.offset,
            ..GroupPartition::default()
        })
        .collect();
    for at in members.iter().flat_map(|member| &member.assignment) {
        let is_it = |one: &GroupPartition| one.topic == at.topic && one.partition == at.partition;
        if !partitions.iter().any(is_it) {
            partitions.push(GroupPartition {
                topic: at.topic.clone(),
                partition: at.partition,
                never: true,
                ..GroupPartition::default()
            });
        }
    }
    Group { id, members: members.len(), partitions }
}

/// Of what was never committed, the position is taken to be the first offset.
fn begin_at_the_first(cluster: &mut Cluster) {
    let topics = &cluster.topics;
    for group in cluster.groups.iter_mut().flatten() {
        group.partitions.retain_mut(|at| {
            let known = topics.get(&at.topic).and_then(|topic| topic.partition(at.partition));
            let first = known.and_then(|partition| partition.earliest);
            if let Some(first) = first.filter(|_| at.never) {
                at.committed = first;
            }
            !at.never || first.is_some()
        });
    }
}

/// The second look: ends and commits once more, and single records.
pub(super) async fn second(
    asker: &Asker<'_>,
    looked: Option<Looked>,
    streams: &[Stream],
    part: &mut Part<Cluster>,
) {
    let (Some(looked), Seen::Known(cluster)) = (looked, &mut part.seen) else { return };
    let admin = &looked.admin;
    peeks::ask(asker, admin, streams, cluster).await;
    let passed = asker.elapsed().saturating_sub(looked.at);
    let rest = asker.settings.patience.look_apart.saturating_sub(passed);
    tokio::time::sleep(rest.min(asker.left())).await;
    let watched = watched(streams, cluster);
    let (ends, commits) =
        tokio::join!(listed(asker, admin, &watched, Offset::End), commits(asker, admin, cluster));
    if ends.is_empty() {
        return;
    }
    let apart = asker.elapsed().saturating_sub(looked.at).as_millis();
    cluster.sampled_ms = u64::try_from(apart).unwrap_or(u64::MAX).max(1);
    for (at, end) in ends {
        let topic = cluster.topics.get_mut(&at.topic);
        let partition = topic.and_then(|topic| {
            topic.partitions.iter_mut().find(|partition| partition.index == at.partition)
        });
        if let Some(partition) = partition {
            partition.end_before = partition.end;
            partition.end = Some(end);
        }
    }
    for group in cluster.groups.iter_mut().flatten() {
        let Some(told) = commits.get(&group.id) else { continue };
        for at in &mut group.partitions {
            at.committed_before = Some(at.committed);
            if let Some(now) = told.get(&TopicPartition::new(&at.topic, at.partition)) {
                at.committed = *now;
                at.never = false;
            }
        }
    }
}

/// The partitions of topics that somebody reads.
fn watched(streams: &[Stream], cluster: &Cluster) -> Vec<TopicPartition> {
    let grouped = cluster.groups.iter().flatten().flat_map(|group| &group.partitions);
    let names: BTreeSet<&str> = streams
        .iter()
        .filter_map(|stream| stream.source.topic())
        .chain(grouped.map(|at| at.topic.as_str()))
        .collect();
    names
        .into_iter()
        .filter_map(|name| cluster.topics.get(name).map(|topic| (name, topic)))
        .flat_map(|(name, topic)| topic.partitions.iter().map(move |one| (name, one)))
        .filter(|(_, one)| one.leader.is_some())
        .map(|(name, one)| TopicPartition::new(name, one.index))
        .take(PARTITIONS_MAX)
        .collect()
}

/// What groups with members have committed now, by group.
async fn commits(
    asker: &Asker<'_>,
    admin: &Admin,
    cluster: &Cluster,
) -> BTreeMap<String, BTreeMap<TopicPartition, i64>> {
    let wait = asker.settings.patience.question.min(asker.left());
    let mut asks = JoinSet::new();
    for group in cluster.groups.iter().flatten().filter(|group| group.members > 0) {
        let (admin, id) = (admin.clone(), group.id.clone());
        asks.spawn(async move {
            let told = tokio::time::timeout(wait, admin.list_consumer_group_offsets(&id)).await;
            Some((id, told.ok()?.ok()?))
        });
    }
    let mut found = BTreeMap::new();
    while let Some(done) = asks.join_next().await {
        let Ok(Some((id, offsets))) = done else { continue };
        found.insert(id, offsets.into_iter().map(|one| (one.at, one.offset)).collect());
    }
    found
}
