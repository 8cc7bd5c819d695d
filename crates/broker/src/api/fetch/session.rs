//! Fetch sessions: a client names its partitions once, then only what changes (KIP-227).
//!
//! Bounded: at most [`SESSIONS_MAX`]; the one longest unused makes room. Losing a session costs a
//! client one full fetch.

use super::super::Call;
use crate::error::ErrorCode;
use crate::partition::Partition;
use crate::topics::Topic;
use kafka_wire::FetchRequest;
use kafka_wire::fetch_request::FetchPartition;
use kafka_wire::fetch_response::PartitionData;
use kafka_wire_core::{StrBytes, Uuid};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// `max.incremental.fetch.session.cache.slots`.
const SESSIONS_MAX: usize = 1_000;
/// Partitions of one session; a larger fetch gets no session.
const PARTITIONS_MAX: usize = 20_000;
const FINAL_EPOCH: i32 = -1;
const INITIAL_EPOCH: i32 = 0;

/// A partition as the client names it: by name below version 13, by id from there on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) name: StrBytes,
    pub(crate) id: Uuid,
    pub(crate) index: i32,
}

impl Key {
    pub(crate) fn partition(&self, call: &Call) -> Result<(Arc<Topic>, Arc<Partition>), ErrorCode> {
        let topic = if self.id.is_zero() {
            if call.version >= 13 {
                return Err(ErrorCode::UnknownTopicId);
            }
            call.node.topics.get(&self.name).ok_or(ErrorCode::UnknownTopicOrPartition)?
        } else {
            call.node.topics.by_id(self.id).ok_or(ErrorCode::UnknownTopicId)?
        };
        let partition = topic.partition(self.index).cloned();
        partition.map(|found| (topic, found)).ok_or(ErrorCode::UnknownTopicOrPartition)
    }
}

/// What the client wants of a partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(super) offset: i64,
    pub(super) max_bytes: i32,
    pub(super) leader_epoch: i32,
    pub(super) last_fetched_epoch: i32,
}

impl Wanted {
    fn of(part: &FetchPartition) -> Self {
        Self {
            offset: part.fetch_offset,
            max_bytes: part.partition_max_bytes,
            leader_epoch: part.current_leader_epoch,
            last_fetched_epoch: part.last_fetched_epoch,
        }
    }
}

/// What the client was last told of a partition: high watermark, last stable, log start.
type Told = Option<(i64, i64, i64)>;

#[derive(Debug)]
struct Session {
    epoch: i32,
    used: u64,
    by_id: bool,
    /// In the order of fetching. Those that gave records go to the end, so none starves.
    partitions: Vec<(Key, Wanted, Told)>,
}

#[derive(Debug, Default)]
struct Sessions {
    by_id: BTreeMap<i32, Session>,
    next_id: i32,
    clock: u64,
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct FetchSessions(Mutex<Sessions>);

/// Which partitions to read, and how to answer.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(super) wanted: Vec<(Key, Wanted)>,
    session: Option<i32>,
    incremental: bool,
}

impl Opened {
    pub(super) fn session_id(&self) -> i32 {
        self.session.unwrap_or(0)
    }
}

impl FetchSessions {
    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens, continues or ends a session.
    ///
    /// # Errors
    /// `FETCH_SESSION_ID_NOT_FOUND`, `INVALID_FETCH_SESSION_EPOCH`,
    /// `FETCH_SESSION_TOPIC_ID_ERROR`.
    pub(super) fn open(&self, call: &Call, request: &FetchRequest) -> Result<Opened, ErrorCode> {
        let named = named(request);
        if call.version < 7 {
            return Ok(Opened { wanted: named, session: None, incremental: false });
        }
        let mut sessions = self.lock();
        match request.session_epoch {
            FINAL_EPOCH | INITIAL_EPOCH => {
                sessions.by_id.remove(&request.session_id);
                let session = (request.session_epoch == INITIAL_EPOCH
                    && !named.is_empty()
                    && named.len() <= PARTITIONS_MAX)
                    .then(|| sessions.create(&named, call.version >= 13));
                Ok(Opened { wanted: named, session, incremental: false })
            }
            epoch => {
                let wanted = sessions.resume(call, request, epoch, named)?;
                Ok(Opened { wanted, session: Some(request.session_id), incremental: true })
            }
        }
    }

    /// Chooses what an answer carries: everything, or in an incremental one what is new.
    pub(super) fn select(
        &self,
        opened: &Opened,
        data: Vec<PartitionData>,
    ) -> Vec<Option<PartitionData>> {
        let mut sessions = self.lock();
        let session = opened.session.and_then(|id| sessions.by_id.get_mut(&id));
        let Some(session) = session else { return data.into_iter().map(Some).collect() };
        let mut gave = Vec::new();
        let kept = opened
            .wanted
            .iter()
            .zip(data)
            .enumerate()
            .map(|(at, ((key, _), one))| {
                let now = (one.high_watermark, one.last_stable_offset, one.log_start_offset);
                let records = one.records.as_ref().is_some_and(|records| !records.is_empty());
                // The same order, unless the client uses one session from two connections.
                let known = session.partitions.get_mut(at).filter(|(known, ..)| known == key);
                let told = known.and_then(|(_, _, told)| told.replace(now));
                if records {
                    gave.push(key.clone());
                }
                let news = records
                    || one.error_code != 0
                    || one.diverging_epoch.end_offset >= 0
                    || told != Some(now);
                (news || !opened.incremental).then_some(one)
            })
            .collect();
        // Stable: those that gave nothing keep their order in front.
        session.partitions.sort_by_key(|(key, ..)| gave.contains(key));
        kept
    }
}

impl Sessions {
    fn create(&mut self, named: &[(Key, Wanted)], by_id: bool) -> i32 {
        while self.by_id.len() >= SESSIONS_MAX {
            let oldest = self.by_id.iter().min_by_key(|(_, session)| session.used);
            let Some(oldest) = oldest.map(|(id, _)| *id) else { break };
            self.by_id.remove(&oldest);
        }
        self.clock += 1;
        loop {
            self.next_id = self.next_id.checked_add(1).unwrap_or(1);
            if !self.by_id.contains_key(&self.next_id) {
                break;
            }
        }
        let partitions = named.iter().map(|(key, wanted)| (key.clone(), *wanted, None)).collect();
        let session = Session { epoch: 1, used: self.clock, by_id, partitions };
        self.by_id.insert(self.next_id, session);
        self.next_id
    }

    fn resume(
        &mut self,
        call: &Call,
        request: &FetchRequest,
        epoch: i32,
        named: Vec<(Key, Wanted)>,
    ) -> Result<Vec<(Key, Wanted)>, ErrorCode> {
        self.clock += 1;
        let used = self.clock;
        let session =
            self.by_id.get_mut(&request.session_id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.by_id != (call.version >= 13) {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.used = used;
        session.epoch = epoch.checked_add(1).unwrap_or(1);
        let forgotten: Vec<Key> = request
            .forgotten_topics_data
            .iter()
            .flat_map(|topic| {
                topic.partitions.iter().map(|index| Key {
                    name: topic.topic.clone(),
                    id: topic.topic_id,
                    index: *index,
                })
            })
            .collect();
        if !forgotten.is_empty() {
            session.partitions.retain(|(key, ..)| !forgotten.contains(key));
        }
        for (key, wanted) in named {
            let full = session.partitions.len() >= PARTITIONS_MAX;
            match session.partitions.iter_mut().find(|(known, ..)| *known == key) {
                Some(known) => known.1 = wanted,
                None if full => return Err(ErrorCode::FetchSessionIdNotFound),
                None => session.partitions.push((key, wanted, None)),
            }
        }
        Ok(session.partitions.iter().map(|(key, wanted, _)| (key.clone(), *wanted)).collect())
    }
}

fn named(request: &FetchRequest) -> Vec<(Key, Wanted)> {
    request
        .topics
        .iter()
        .flat_map(|topic| {
            topic.partitions.iter().map(|part| {
                let key =
                    Key { name: topic.topic.clone(), id: topic.topic_id, index: part.partition };
                (key, Wanted::of(part))
            })
        })
        .collect()
}
