//! Looks for messages in a topic, within bounds that the page tells.
//!
//! From an offset or a time on it reads forward; for the newest messages it reads windows backward from
//! the end, each larger than the one before.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use kafkaadmin::{
    Admin, Error, FetchOptions, Isolation, OffsetSpec, Record, Topic, TopicPartition, Unreadable,
};

use crate::message::contains;

/// Messages that one look reads at most.
pub(crate) const SCANNED_MAX: u64 = 50_000;
/// Bytes of the messages that one look keeps.
const KEPT_BYTES_MAX: usize = 32 << 20;
/// How long one look takes at most.
const TIME_MAX: Duration = Duration::from_secs(3);
/// Partitions that are read at once.
const AT_ONCE: usize = 6;
/// Bytes that are asked for at once.
const BYTES_MAX: u32 = 1 << 20;
/// Messages of a partition in one request.
const RECORDS_MAX: usize = 2_000;
/// The largest window backward.
const WINDOW_MAX: i64 = 8_000;

/// Where a look begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the end, backward.
    Newest,
    /// At the first message that is kept.
    Oldest,
    /// At this offset.
    Offset(i64),
    /// At the first message that is not older, milliseconds since the Unix epoch.
    Time(i64),
}

/// What is looked for.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// In one partition, or in all.
    pub(crate) partition: Option<i32>,
    pub(crate) start: Start,
    /// A text in key, value or headers; empty for any message.
    pub(crate) search: String,
    /// Messages at most.
    pub(crate) limit: usize,
    pub(crate) isolation: Isolation,
}

/// A message and its partition.
pub(crate) type Found = (i32, Record);

/// What was found, and how far was looked.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Newest first, or oldest first where the look went forward.
    pub(crate) found: Vec<Found>,
    pub(crate) unreadable: Vec<(i32, Unreadable)>,
    /// Messages that were looked at.
    pub(crate) scanned: u64,
    /// Whether everything was looked at that could be.
    pub(crate) complete: bool,
    /// Partitions that could not be read, and why.
    pub(crate) failed: Vec<(i32, Error)>,
    /// Whether a limit ended the reading of a partition.
    cut: bool,
}

/// A partition, and what of it was not looked at.
#[derive(Debug, Clone, Copy)]
struct Rest {
    partition: i32,
    from: i64,
    to: i64,
}

/// Looks.
pub(crate) async fn scan(admin: &Admin, topic: &Topic, wish: &Wish) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    let rests = rests(admin, topic, wish, &mut seen).await?;
    let end = tokio::time::Instant::now() + TIME_MAX;
    let kept = AtomicUsize::new(0);
    let look = Look { admin, topic: &topic.name, wish, end, kept };
    match wish.start {
        Start::Newest => look.backward(rests, &mut seen).await,
        _ => look.forward(rests, &mut seen).await,
    }
    seen.complete &= !seen.cut;
    let newest = wish.start == Start::Newest;
    seen.found.sort_by(|(a, left), (b, right)| {
        let order = (left.timestamp, left.offset, a).cmp(&(right.timestamp, right.offset, b));
        if newest { order.reverse() } else { order }
    });
    if seen.found.len() > wish.limit {
        seen.found.truncate(wish.limit);
        seen.complete = false;
    }
    Ok(seen)
}

/// What of each partition can be looked at.
async fn rests(
    admin: &Admin,
    topic: &Topic,
    wish: &Wish,
    seen: &mut Seen,
) -> Result<Vec<Rest>, Error> {
    let wanted = topic.partitions.iter().map(|one| one.index);
    let wanted = wanted.filter(|index| wish.partition.is_none_or(|one| one == *index));
    let asked: Vec<TopicPartition> =
        wanted.map(|index| TopicPartition::new(&topic.name, index)).collect();
    let of = |spec| asked.iter().map(|at| (at.clone(), spec)).collect::<Vec<_>>();
    let (earliest, latest) = (of(OffsetSpec::Earliest), of(OffsetSpec::Latest));
    let (earliest, latest) = tokio::join!(
        admin.list_offsets(&earliest, wish.isolation),
        admin.list_offsets(&latest, wish.isolation)
    );
    let (earliest, mut latest) = (earliest?, latest?);
    let by_time = match wish.start {
        Start::Time(at) => {
            admin.list_offsets(&of(OffsetSpec::Timestamp(at)), wish.isolation).await?
        }
        _ => BTreeMap::new(),
    };
    let mut rests = Vec::new();
    for (at, first) in earliest {
        let next = latest.remove(&at).unwrap_or_else(|| first.clone());
        match (first, next) {
            (Ok(first), Ok(next)) => {
                let (first, to) = (first.offset.unwrap_or(0), next.offset.unwrap_or(0));
                let from = match wish.start {
                    Start::Newest | Start::Oldest => first,
                    Start::Offset(offset) => offset.clamp(first, to.max(first)),
                    // No message is that young: there is nothing to read.
                    Start::Time(_) => match by_time.get(&at) {
                        Some(Ok(found)) => found.offset.unwrap_or(to),
                        _ => to,
                    },
                };
                rests.push(Rest { partition: at.partition, from, to });
            }
            (Err(error), _) | (_, Err(error)) => seen.failed.push((at.partition, error)),
        }
    }
    Ok(rests)
}

/// One look.
struct Look<'a> {
    admin: &'a Admin,
    topic: &'a str,
    wish: &'a Wish,
    end: tokio::time::Instant,
    /// Bytes of what was found.
    kept: AtomicUsize,
}

impl Look<'_> {
    fn enough(&self, seen: &Seen) -> bool {
        seen.found.len() >= self.wish.limit || seen.scanned >= SCANNED_MAX || self.over()
    }

    fn over(&self) -> bool {
        tokio::time::Instant::now() >= self.end
            || self.kept.load(Ordering::Relaxed) >= KEPT_BYTES_MAX
    }

    async fn backward(&self, mut rests: Vec<Rest>, seen: &mut Seen) {
        let limit = i64::try_from(self.wish.limit).unwrap_or(i64::MAX);
        let mut window = limit.clamp(20, WINDOW_MAX);
        loop {
            rests.retain(|rest| rest.to > rest.from);
            seen.complete = rests.is_empty();
            if rests.is_empty() || self.enough(seen) {
                return;
            }
            let parts: Vec<Rest> = rests
                .iter()
                .map(|rest| Rest { from: rest.from.max(rest.to.saturating_sub(window)), ..*rest })
                .collect();
            self.read(&parts, seen).await;
            for (rest, part) in rests.iter_mut().zip(&parts) {
                rest.to = part.from;
            }
            rests.retain(|rest| !seen.failed.iter().any(|(failed, _)| *failed == rest.partition));
            window = (window * 2).min(WINDOW_MAX);
        }
    }

    async fn forward(&self, mut rests: Vec<Rest>, seen: &mut Seen) {
        let step = i64::try_from(RECORDS_MAX).unwrap_or(i64::MAX);
        loop {
            rests.retain(|rest| rest.to > rest.from);
            seen.complete = rests.is_empty();
            if rests.is_empty() || self.enough(seen) {
                return;
            }
            let parts: Vec<Rest> = rests
                .iter()
                .map(|rest| Rest { to: rest.to.min(rest.from.saturating_add(step)), ..*rest })
                .collect();
            self.read(&parts, seen).await;
            for (rest, part) in rests.iter_mut().zip(&parts) {
                rest.from = part.to;
            }
            rests.retain(|rest| !seen.failed.iter().any(|(failed, _)| *failed == rest.partition));
        }
    }

    /// Reads some offsets of some partitions to their ends.
    async fn read(&self, parts: &[Rest], seen: &mut Seen) {
        let asks = parts.iter().copied().map(|part| self.part(part));
        let mut reads = stream::iter(asks).buffer_unordered(AT_ONCE);
        while let Some((partition, part)) = reads.next().await {
            seen.scanned += part.scanned;
            seen.found.extend(part.found.into_iter().map(|record| (partition, record)));
            seen.unreadable.extend(part.unreadable.into_iter().map(|one| (partition, one)));
            seen.failed.extend(part.failed.map(|error| (partition, error)));
            seen.cut |= part.cut;
        }
    }

    async fn part(&self, part: Rest) -> (i32, Part) {
        let mut read = Part::default();
        let at = TopicPartition::new(self.topic, part.partition);
        let mut from = part.from;
        while from < part.to {
            if self.over() {
                read.cut = true;
                break;
            }
            let options = FetchOptions {
                isolation: self.wish.isolation,
                records_max: RECORDS_MAX,
                bytes_max: BYTES_MAX,
                until: part.to,
                wait: Duration::ZERO,
            };
            let fetched = match self.admin.fetch(&at, from, &options).await {
                Ok(fetched) => fetched,
                Err(error) => {
                    read.failed = Some(error);
                    break;
                }
            };
            read.unreadable.extend(fetched.unreadable);
            for record in fetched.records {
                read.scanned += 1;
                if matches(&record, self.wish.search.as_bytes()) {
                    let (record, bytes) = own(record);
                    self.kept.fetch_add(bytes, Ordering::Relaxed);
                    read.found.push(record);
                }
            }
            if fetched.next_offset <= from {
                break;
            }
            from = fetched.next_offset;
        }
        (part.partition, read)
    }
}

#[derive(Debug, Default)]
struct Part {
    found: Vec<Record>,
    unreadable: Vec<Unreadable>,
    scanned: u64,
    failed: Option<Error>,
    cut: bool,
}

/// A message that does not keep the whole answer it came in, and its size.
pub(crate) fn own(mut record: Record) -> (Record, usize) {
    let mut size = 0;
    let headers = record.headers.iter_mut().map(|header| &mut header.value);
    for bytes in headers.chain([&mut record.key, &mut record.value]).flatten() {
        size += bytes.len();
        *bytes = Bytes::copy_from_slice(bytes);
    }
    (record, size)
}

/// Whether a message has the text in its key, value or headers. Kafka's own records have none.
pub(crate) fn matches(record: &Record, text: &[u8]) -> bool {
    if record.control.is_some() {
        return false;
    }
    let in_bytes =
        |bytes: &Option<Bytes>| bytes.as_ref().is_some_and(|bytes| contains(bytes, text));
    text.is_empty()
        || in_bytes(&record.key)
        || in_bytes(&record.value)
        || record
            .headers
            .iter()
            .any(|header| contains(header.key.as_bytes(), text) || in_bytes(&header.value))
}
