//! The client: who must be asked, and how often.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_wire::metadata_request::MetadataRequestTopic;
use kafka_wire::{
    FindCoordinatorRequest, KafkaRequest as _, MetadataRequest, MetadataResponse, ProduceRequest,
    RequestResponsePair,
};

use crate::connection::{Terms, api};
use crate::error::{Error, ErrorCode};
use crate::known::{Broker, Known};
use crate::pool::Pool;
use crate::wire::{message, text};

/// Tries of one question at most.
pub const TRIES_MAX: usize = 4;
/// How long is waited before the next try; doubled each time.
const PAUSE: Duration = Duration::from_millis(60);
/// Addresses whose connections are kept at most.
const POOLS_MAX: usize = 1_000;
/// Versions of `Metadata`: from the first that creates no topic to the last that names controllers.
const METADATA: RangeInclusive<i16> = 4..=12;

/// What to do about a bootstrap address that does not answer.
const BOOTSTRAP_HINT: &str = "see whether a broker runs there and whether the address is right";
/// What to do about an advertised address that does not answer.
const ADVERTISED_HINT: &str = "this is the address that the broker advertises; if it is not reachable from here, correct \
     advertised.listeners of the broker";

/// How to reach a cluster.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Brokers to ask first: `host:port,host:port`.
    pub bootstrap: String,
    /// Our name in requests.
    pub client_id: String,
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub request_timeout: Duration,
}

impl Settings {
    /// The usual settings for these brokers.
    #[must_use]
    pub fn new(bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            client_id: "millstream-admin".to_owned(),
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(10),
        }
    }
}

/// A client of one cluster. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Admin {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    given: String,
    bootstrap: Vec<String>,
    terms: Terms,
    known: Mutex<Known>,
    pools: Mutex<HashMap<String, Arc<Pool>>>,
    turn: AtomicUsize,
}

/// Who must be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    /// Any broker.
    Any,
    /// The broker of this id.
    Node(i32),
    /// The controller.
    Controller,
    /// The coordinator of a group.
    Group(&'a str),
    /// The coordinator of a transactional id.
    Transaction(&'a str),
    /// The leader of a partition.
    Leader(&'a str, i32),
}

/// An answer, and who gave it.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    pub(crate) body: T,
    pub(crate) broker: Arc<str>,
    pub(crate) api: &'static str,
}

impl<T> Reply<T> {
    /// Nothing, or the refusal of `what`.
    pub(crate) fn check(
        &self,
        code: i16,
        what: impl FnOnce() -> String,
        message: Option<kafka_wire_core::StrBytes>,
    ) -> Result<(), Error> {
        match ErrorCode(code) {
            ErrorCode::NONE => Ok(()),
            code => Err(Error::Refused {
                broker: self.broker.to_string(),
                api: self.api,
                what: what(),
                code,
                message: text(message),
            }),
        }
    }
}

impl Admin {
    /// A client of the cluster behind `host:port,host:port`. Nothing is asked yet.
    #[must_use]
    pub fn new(bootstrap: &str) -> Self {
        Self::with_settings(&Settings::new(bootstrap))
    }

    /// A client with these settings. Nothing is asked yet.
    #[must_use]
    pub fn with_settings(settings: &Settings) -> Self {
        let addresses = settings.bootstrap.split(',').map(|address| {
            let address = address.trim();
            address.split_once("://").map_or(address, |(_, address)| address).to_owned()
        });
        let terms = Terms {
            client_id: settings.client_id.clone(),
            connect_timeout: settings.connect_timeout,
            request_timeout: settings.request_timeout,
        };
        let inner = Inner {
            given: settings.bootstrap.clone(),
            bootstrap: addresses.filter(|address| !address.is_empty()).collect(),
            terms,
            known: Mutex::default(),
            pools: Mutex::default(),
            turn: AtomicUsize::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A number that grows, for choices that should not always be the same.
    pub(crate) fn turn(&self) -> usize {
        self.inner.turn.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn request_timeout_ms(&self) -> i32 {
        i32::try_from(self.inner.terms.request_timeout.as_millis()).unwrap_or(i32::MAX)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn forget_leaders(&self) {
        self.known().forget_leaders();
    }

    fn pool(&self, address: &str) -> Arc<Pool> {
        let mut pools = self.inner.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if pools.len() >= POOLS_MAX && !pools.contains_key(address) {
            pools.clear();
        }
        let pool = pools.entry(address.to_owned()).or_insert_with(|| Arc::new(Pool::new(address)));
        Arc::clone(pool)
    }

    /// Asks until the answer is not one that another try may better. `code_of` finds the code that
    /// decides it.
    pub(crate) async fn ask<R: RequestResponsePair>(
        &self,
        target: Target<'_>,
        versions: RangeInclusive<i16>,
        build: impl Fn(i16) -> R,
        code_of: impl Fn(&R::Response) -> i16,
    ) -> Result<Reply<R::Response>, Error> {
        self.ask_waiting(target, versions, Duration::ZERO, build, code_of).await
    }

    /// As [`Self::ask`], of a broker that may itself wait before it answers.
    pub(crate) async fn ask_waiting<R: RequestResponsePair>(
        &self,
        target: Target<'_>,
        versions: RangeInclusive<i16>,
        wait: Duration,
        build: impl Fn(i16) -> R,
        code_of: impl Fn(&R::Response) -> i16,
    ) -> Result<Reply<R::Response>, Error> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let last = attempt >= TRIES_MAX;
            let done = self.once(target, &versions, wait, &build).await;
            match &done {
                Ok(reply) if last || !ErrorCode(code_of(&reply.body)).is_retriable() => {
                    return done;
                }
                Err(error) if last || !may_help::<R>(target, error) => return done,
                _ => {}
            }
            self.forget_leaders();
            tokio::time::sleep(pause).await;
            pause *= 2;
            if !matches!(target, Target::Any) {
                self.refresh(None).await?;
            }
        }
        Err(Error::Nobody { what: format!("{} in {TRIES_MAX} tries", api::<R>()) })
    }

    async fn once<R: RequestResponsePair>(
        &self,
        target: Target<'_>,
        versions: &RangeInclusive<i16>,
        wait: Duration,
        build: &impl Fn(i16) -> R,
    ) -> Result<Reply<R::Response>, Error> {
        let broker = match target {
            Target::Any => return self.any(versions, wait, build).await,
            Target::Node(id) => self.node(id).await?,
            Target::Controller => self.controller().await?,
            Target::Group(group) => self.coordinator(group, 0).await?,
            Target::Transaction(id) => self.coordinator(id, 1).await?,
            Target::Leader(topic, partition) => self.leader(topic, partition).await?,
        };
        self.send(&broker.address(), ADVERTISED_HINT, versions, wait, build).await
    }

    /// Asks the brokers that are known, then those that were given, until one answers.
    async fn any<R: RequestResponsePair>(
        &self,
        versions: &RangeInclusive<i16>,
        wait: Duration,
        build: &impl Fn(i16) -> R,
    ) -> Result<Reply<R::Response>, Error> {
        let mut addresses = self.inner.bootstrap.clone();
        for broker in self.known().brokers.values() {
            let address = broker.address();
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let mut failed = Error::NoBootstrap { given: self.inner.given.clone() };
        for address in addresses {
            match self.send(&address, BOOTSTRAP_HINT, versions, wait, build).await {
                Err(error) if error.is_unreachable() => failed = error,
                done => return done,
            }
        }
        Err(failed)
    }

    async fn send<R: RequestResponsePair>(
        &self,
        address: &str,
        hint: &'static str,
        versions: &RangeInclusive<i16>,
        wait: Duration,
        build: &impl Fn(i16) -> R,
    ) -> Result<Reply<R::Response>, Error> {
        let pool = self.pool(address);
        let mut lent = pool.lend(&self.inner.terms, hint).await?;
        let version = match lent.connection.version::<R>(versions) {
            Ok(version) => version,
            Err(error) => {
                lent.keep();
                return Err(error);
            }
        };
        let body = lent.connection.call(&build(version), version, wait).await?;
        let broker = lent.connection.broker();
        lent.keep();
        Ok(Reply { body, broker, api: api::<R>() })
    }

    /// Asks for the cluster's brokers and these topics, all if none are named, and remembers them.
    pub(crate) async fn metadata(
        &self,
        topics: Option<&[&str]>,
    ) -> Result<Reply<MetadataResponse>, Error> {
        let build = |_| {
            let named = |name: &&str| message!(MetadataRequestTopic { name: Some((*name).into()) });
            message!(MetadataRequest {
                topics: topics.map(|topics| topics.iter().map(named).collect()),
                allow_auto_topic_creation: false,
            })
        };
        let reply = self.any(&METADATA, Duration::ZERO, &build).await?;
        self.known().learn(&reply.body);
        Ok(reply)
    }

    async fn refresh(&self, topic: Option<&str>) -> Result<(), Error> {
        let topics: Vec<&str> = topic.into_iter().collect();
        self.metadata(Some(&topics)).await.map(drop)
    }

    async fn node(&self, id: i32) -> Result<Broker, Error> {
        let find = || self.known().brokers.get(&id).cloned();
        if let Some(broker) = find() {
            return Ok(broker);
        }
        self.refresh(None).await?;
        find().ok_or_else(|| Error::Nobody { what: format!("broker {id}") })
    }

    async fn controller(&self) -> Result<Broker, Error> {
        if self.known().controller.is_none() {
            self.refresh(None).await?;
        }
        let controller = self.known().controller;
        match controller {
            Some(id) => self.node(id).await,
            None => Err(Error::Nobody { what: "the controller".to_owned() }),
        }
    }

    /// The leader of a partition.
    pub(crate) async fn leader(&self, topic: &str, partition: i32) -> Result<Broker, Error> {
        let find = || self.known().leader(topic, partition);
        let mut leader = find();
        if leader.is_none() {
            let reply = self.metadata(Some(&[topic])).await?;
            if let Some(found) = reply.body.topics.first() {
                let known = ErrorCode(found.error_code).is_retriable();
                let code = if known { 0 } else { found.error_code };
                reply.check(code, || format!("topic {topic:?}"), None)?;
                if code == 0 && !found.partitions.iter().any(|one| one.partition_index == partition)
                {
                    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0;
                    reply.check(unknown, || format!("{topic}-{partition}"), None)?;
                }
            }
            leader = find();
        }
        match leader {
            Some(id) => self.node(id).await,
            None => Err(Error::Nobody { what: format!("{topic}-{partition}: it has no leader") }),
        }
    }

    async fn coordinator(&self, key: &str, kind: i8) -> Result<Broker, Error> {
        let build = |version: i16| {
            let mut request = message!(FindCoordinatorRequest { key_type: kind });
            if version >= 4 {
                request.coordinator_keys = vec![key.into()];
            } else {
                request.key = key.into();
            }
            request
        };
        let reply = self.any(&(1..=4), Duration::ZERO, &build).await?;
        let answer = &reply.body;
        let what = || format!("the coordinator of {key:?}");
        if let Some(one) = answer.coordinators.first() {
            reply.check(one.error_code, what, one.error_message.clone())?;
            return Ok(at(one.node_id, &one.host, one.port));
        }
        reply.check(answer.error_code, what, answer.error_message.clone())?;
        Ok(at(answer.node_id, &answer.host, answer.port))
    }
}

fn at(id: i32, host: &str, port: i32) -> Broker {
    Broker { id, host: host.to_owned(), port, rack: None }
}

/// Whether another try may help where there was no answer. A record that was sent may have been
/// written, so it is not sent again.
fn may_help<R: RequestResponsePair>(target: Target<'_>, error: &Error) -> bool {
    let fixed = matches!(target, Target::Any | Target::Node(_));
    match error {
        Error::Refused { code, .. } => code.is_retriable(),
        Error::Nobody { .. } | Error::Unreachable { .. } => !fixed,
        Error::Broken { .. } => !fixed && R::API_KEY != ProduceRequest::API_KEY,
        _ => false,
    }
}
