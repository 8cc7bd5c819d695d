//! The offsets and sizes of topics, by the Kafka protocol: the same from any broker.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use kafkaadmin::{Admin, Error, Isolation, OffsetSpec, TopicPartition};

use super::WAIT;
use crate::model::{Topic, approximate};

/// Partitions that are asked for in one look.
const PARTITIONS_MAX: usize = 2_000;
/// How long the topics are taken for what they were.
const TOPICS_AGE: Duration = Duration::from_secs(5);
/// How long sizes are taken for what they were.
const SIZES_AGE: Duration = Duration::from_secs(10);

/// Looks over which rates are told: batches come in bursts.
const RATE_LOOKS: usize = 5;

/// What was last seen.
pub(super) struct Topics {
    admin: Admin,
    topics: Vec<kafkaadmin::Topic>,
    topics_at: Option<Duration>,
    away: BTreeMap<i32, usize>,
    sizes: BTreeMap<String, u64>,
    sizes_at: Option<Duration>,
    /// When, and how many records each topic had got by then, oldest first.
    seen: VecDeque<(Duration, BTreeMap<String, u64>)>,
}

impl Topics {
    pub(super) fn new(admin: Admin) -> Self {
        Self {
            admin,
            topics: Vec::new(),
            topics_at: None,
            away: BTreeMap::new(),
            sizes: BTreeMap::new(),
            sizes_at: None,
            seen: VecDeque::new(),
        }
    }

    /// The topics now, or why the broker tells none. Those in `first` are never left out.
    pub(super) async fn look(
        &mut self,
        first: BTreeSet<String>,
        now: Duration,
    ) -> Result<BTreeMap<String, Topic>, String> {
        match tokio::time::timeout(WAIT, self.ask(first, now)).await {
            Ok(Ok(topics)) => Ok(topics),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer within 2 seconds".to_owned()),
        }
    }

    /// The brokers that were missed, with the number of replicas that they should keep.
    pub(super) fn away(&self) -> &BTreeMap<i32, usize> {
        &self.away
    }

    async fn ask(
        &mut self,
        first: BTreeSet<String>,
        now: Duration,
    ) -> Result<BTreeMap<String, Topic>, Error> {
        let old = |at: Option<Duration>, age| at.is_none_or(|at| now.saturating_sub(at) >= age);
        let missing = first.iter().any(|name| !self.topics.iter().any(|one| one.name == *name));
        if old(self.topics_at, TOPICS_AGE) || (missing && old(self.topics_at, WAIT)) {
            let (topics, cluster) =
                tokio::try_join!(self.admin.list_topics(), self.admin.describe_cluster())?;
            self.away = cluster.away(&topics);
            self.topics = topics;
            // Those that streams use come first, where not all can be asked about.
            self.topics.sort_by_key(|topic| !first.contains(&topic.name));
            self.topics_at = Some(now);
        }
        if old(self.sizes_at, SIZES_AGE) {
            // A broker may not tell sizes; the numbers of records do not depend on them.
            self.sizes = sizes(&self.admin).await.unwrap_or_default();
            self.sizes_at = Some(now);
        }
        let all = self.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|one| TopicPartition::new(&topic.name, one.index))
        });
        let asked: Vec<TopicPartition> = all.take(PARTITIONS_MAX).collect();
        let (earliest, latest) = tokio::join!(
            self.offsets(&asked, OffsetSpec::Earliest),
            self.offsets(&asked, OffsetSpec::Latest),
        );
        let (earliest, latest) = (earliest?, latest?);
        let mut topics = BTreeMap::new();
        for topic in &self.topics {
            topics.insert(topic.name.clone(), self.topic(topic, &earliest, &latest));
        }
        if let Some((then, before)) = self.seen.front() {
            let seconds = now.saturating_sub(*then).as_secs_f64();
            for (name, topic) in &mut topics {
                if let Some(before) = before.get(name).filter(|_| seconds > 0.0) {
                    let appended = topic.appended.saturating_sub(*before);
                    topic.records_per_second = approximate(appended) / seconds;
                }
            }
        }
        if self.seen.len() >= RATE_LOOKS {
            self.seen.pop_front();
        }
        let appended = topics.iter().map(|(name, topic)| (name.clone(), topic.appended));
        self.seen.push_back((now, appended.collect()));
        Ok(topics)
    }

    fn topic(&self, topic: &kafkaadmin::Topic, earliest: &Offsets, latest: &Offsets) -> Topic {
        let mut seen = Topic {
            partitions: topic.partitions.len(),
            replicas: topic.partitions.iter().map(|one| one.replicas.len()).max().unwrap_or(0),
            under_replicated: topic.partitions.iter().filter(|p| p.is_under_replicated()).count(),
            leaderless: topic.partitions.iter().filter(|one| one.leader.is_none()).count(),
            internal: topic.internal,
            bytes: self.sizes.get(&topic.name).copied(),
            ..Topic::default()
        };
        for partition in &topic.partitions {
            let at = TopicPartition::new(&topic.name, partition.index);
            let offset = |known: &Offsets| known.get(&at).copied().unwrap_or(0);
            let (first, next) = (offset(earliest), offset(latest));
            seen.records += u64::try_from(next.saturating_sub(first)).unwrap_or(0);
            seen.appended += u64::try_from(next).unwrap_or(0);
        }
        seen
    }

    async fn offsets(&self, asked: &[TopicPartition], spec: OffsetSpec) -> Result<Offsets, Error> {
        let asked: Vec<_> = asked.iter().map(|at| (at.clone(), spec)).collect();
        let found = self.admin.list_offsets(&asked, Isolation::ReadUncommitted).await?;
        let known = found.into_iter().filter_map(|(at, found)| Some((at, found.ok()?.offset?)));
        Ok(known.collect())
    }
}

/// An offset of each partition.
type Offsets = BTreeMap<TopicPartition, i64>;

/// Bytes of each topic, over all replicas that lead or follow.
async fn sizes(admin: &Admin) -> Result<BTreeMap<String, u64>, Error> {
    let mut sizes = BTreeMap::new();
    for broker in admin.describe_log_dirs().await? {
        for dir in broker.dirs.unwrap_or_default() {
            for replica in dir.replicas {
                let bytes = u64::try_from(replica.bytes).unwrap_or(0);
                *sizes.entry(replica.at.topic).or_default() += bytes;
            }
        }
    }
    Ok(sizes)
}
