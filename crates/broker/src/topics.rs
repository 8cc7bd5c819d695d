//! The topics: names, ids, settings, and their partitions' logs.
//!
//! A topic is replaced as a whole when it changes, so a reader keeps a consistent one without a
//! lock. Changes go one at a time: logs first, then the list on disk ([`list`]), then memory, so
//! that a crash leaves at most logs without a name, which creating that name removes.

mod list;
mod names;

use crate::configs::{Values, log_settings};
use crate::error::{ErrorCode, StartError};
use crate::partition::Partition;
use crate::settings::Settings;
use commitlog::{LogDirectory, LogSettings, TopicId};
use kafka_wire_core::Uuid;
use list::{Listed, TopicList};
use runtime::World;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

pub(crate) use names::check_name;

/// Where groups are kept.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// Where transactions are kept.
pub(crate) const TRANSACTIONS_TOPIC: &str = "__transaction_state";
/// Partitions of all topics together. Each open one holds two files and a few KiB.
const PARTITIONS_MAX: usize = 20_000;

/// One topic, as it is now.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) id: Uuid,
    /// What was set for this topic.
    pub(crate) configs: Values,
    pub(crate) partitions: Vec<Arc<Partition>>,
}

impl Topic {
    /// Whether the broker itself keeps the topic.
    pub(crate) fn internal(&self) -> bool {
        matches!(&*self.name, OFFSETS_TOPIC | TRANSACTIONS_TOPIC)
    }

    pub(crate) fn partition(&self, index: i32) -> Option<&Arc<Partition>> {
        usize::try_from(index).ok().and_then(|index| self.partitions.get(index))
    }
}

/// A refusal, with Kafka's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

#[derive(Debug, Default)]
struct State {
    topics: BTreeMap<Arc<str>, Arc<Topic>>,
    names: BTreeMap<[u8; 16], Arc<str>>,
    broker: Values,
}

/// All topics.
#[derive(Debug)]
pub(crate) struct Topics {
    state: RwLock<State>,
    /// One change at a time.
    changing: Mutex<()>,
    directory: LogDirectory,
    settings: Settings,
    world: World,
}

impl Topics {
    /// Opens every topic of the list, and recovers their logs.
    ///
    /// # Errors
    /// [`StartError::TopicList`], [`StartError::Log`].
    pub(crate) fn open(
        directory: LogDirectory,
        settings: Settings,
        world: World,
    ) -> Result<Self, StartError> {
        let list = TopicList::load(&*world.disk, &settings.data_dir)?;
        let topics = Self {
            state: RwLock::new(State { broker: list.broker, ..State::default() }),
            changing: Mutex::new(()),
            directory,
            settings,
            world,
        };
        for listed in list.topics {
            let topic = topics.open_topic(listed)?;
            topics.put(topic);
        }
        Ok(topics)
    }

    fn open_topic(&self, listed: Listed) -> Result<Topic, StartError> {
        let name: Arc<str> = listed.name.into();
        let count = i32::try_from(listed.partitions).unwrap_or(i32::MAX);
        let log_settings = self.log_settings(&name, &listed.configs);
        let partitions = (0..count)
            .map(|index| self.open_partition(&name, index, listed.id, log_settings.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        let id = Uuid::from_bytes(listed.id.0);
        Ok(Topic { name, id, configs: listed.configs, partitions })
    }

    fn open_partition(
        &self,
        topic: &Arc<str>,
        index: i32,
        id: TopicId,
        settings: LogSettings,
    ) -> Result<Arc<Partition>, StartError> {
        let failed =
            |source| StartError::Log { topic: topic.to_string(), partition: index, source };
        let name = log_name(topic, index);
        let opened = self.directory.open_log(&name, settings);
        let (log, recovery) = opened.map_err(|source| failed(Box::new(source)))?;
        if recovery.bytes_dropped > 0 {
            tracing::info!(name, bytes = recovery.bytes_dropped, "torn tail cut off");
        }
        if !recovery.existed {
            let written = self.directory.set_topic_id(&name, id);
            written.map_err(|source| failed(Box::new(source)))?;
        }
        Ok(Arc::new(Partition { topic: Arc::clone(topic), index, log }))
    }

    fn log_settings(&self, topic: &str, configs: &Values) -> LogSettings {
        let broker = self.read().broker.clone();
        let mut settings = log_settings(configs, &broker, &self.settings);
        if matches!(topic, OFFSETS_TOPIC | TRANSACTIONS_TOPIC) {
            // One record may describe a group of many members.
            settings.max_message_bytes = settings.segment_bytes.min(i32::MAX.cast_unsigned());
        }
        settings
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, topic: Topic) -> Arc<Topic> {
        let topic = Arc::new(topic);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.names.insert(topic.id.to_bytes(), Arc::clone(&topic.name));
        state.topics.insert(Arc::clone(&topic.name), Arc::clone(&topic));
        topic
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Topic>> {
        self.read().topics.get(name).cloned()
    }

    pub(crate) fn by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        let state = self.read();
        state.names.get(id.as_bytes()).and_then(|name| state.topics.get(name)).cloned()
    }

    /// Every topic, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        self.read().topics.values().cloned().collect()
    }

    pub(crate) fn partition(&self, topic: &str, index: i32) -> Option<Arc<Partition>> {
        self.read().topics.get(topic)?.partition(index).cloned()
    }

    pub(crate) fn all_partitions(&self) -> Vec<Arc<Partition>> {
        self.all().iter().flat_map(|topic| topic.partitions.iter().cloned()).collect()
    }

    /// What was set for the broker.
    pub(crate) fn broker_configs(&self) -> Values {
        self.read().broker.clone()
    }

    /// The directory of all logs.
    pub(crate) const fn directory(&self) -> &LogDirectory {
        &self.directory
    }

    /// The partition where groups are kept, created when first asked for.
    pub(crate) fn offsets_partition(&self) -> Result<Arc<Partition>, ErrorCode> {
        self.internal_partition(OFFSETS_TOPIC)
    }

    /// The partition where transactions are kept, created when first asked for.
    pub(crate) fn transactions_partition(&self) -> Result<Arc<Partition>, ErrorCode> {
        self.internal_partition(TRANSACTIONS_TOPIC)
    }

    fn internal_partition(&self, name: &str) -> Result<Arc<Partition>, ErrorCode> {
        if let Some(partition) = self.partition(name, 0) {
            return Ok(partition);
        }
        let configs = [("cleanup.policy", "compact"), ("segment.bytes", "104857600")];
        let configs =
            configs.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let created = self.create(name, 1, configs);
        match created {
            Ok(_) => {}
            Err(refused) if refused.code == ErrorCode::TopicAlreadyExists => {}
            Err(refused) => {
                tracing::warn!(topic = name, "internal topic not created: {}", refused.message);
                return Err(ErrorCode::CoordinatorNotAvailable);
            }
        }
        self.partition(name, 0).ok_or(ErrorCode::CoordinatorNotAvailable)
    }

    /// Says why a topic of this name cannot be created, if so.
    ///
    /// # Errors
    /// The refusal, in Kafka's words.
    pub(crate) fn check_new(&self, name: &str, partitions: i32) -> Result<(), Refused> {
        check_name(name)?;
        let state = self.read();
        if state.topics.contains_key(name) {
            let message = format!("Topic '{name}' already exists.");
            return Err(Refused::new(ErrorCode::TopicAlreadyExists, message));
        }
        names::check_collision(name, state.topics.keys())?;
        if partitions <= 0 {
            let message = "Number of partitions was set to an invalid non-positive value.";
            return Err(Refused::new(ErrorCode::InvalidPartitions, message));
        }
        let open: usize = state.topics.values().map(|topic| topic.partitions.len()).sum();
        check_total(open, usize::try_from(partitions).unwrap_or(usize::MAX))
    }

    /// Creates a topic; it is in every answer once this returns.
    ///
    /// # Errors
    /// The refusal, in Kafka's words.
    pub(crate) fn create(
        &self,
        name: &str,
        partitions: i32,
        configs: Values,
    ) -> Result<Arc<Topic>, Refused> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_new(name, partitions)?;
        let id = TopicId::random().map_err(|error| storage(name, &error))?;
        for index in 0..partitions {
            // What a crash during an earlier creation or deletion left behind.
            self.remove_log(name, index).map_err(|error| storage(name, &error))?;
        }
        let listed =
            Listed { name: name.to_owned(), id, partitions: partitions.unsigned_abs(), configs };
        let topic = self.open_topic(listed).map_err(|error| storage(name, &error))?;
        self.write_list(Some(&topic), None, None).map_err(|error| storage(name, &error))?;
        Ok(self.put(topic))
    }

    /// Deletes a topic and its logs.
    ///
    /// # Errors
    /// `UNKNOWN_TOPIC_OR_PARTITION`, `KAFKA_STORAGE_ERROR`.
    pub(crate) fn delete(&self, name: &str) -> Result<(), Refused> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = self.get(name).ok_or_else(unknown)?;
        self.write_list(None, Some(name), None).map_err(|error| storage(name, &error))?;
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            state.topics.remove(name);
            state.names.remove(topic.id.as_bytes());
        }
        for partition in &topic.partitions {
            if let Err(error) = self.directory.delete_log(&log_name(name, partition.index)) {
                // The topic is gone; its bytes go when the name is used again.
                tracing::warn!(topic = name, "deleted log not removed: {error}");
            }
        }
        Ok(())
    }

    /// Removes what stands under a partition's name, if anything does.
    fn remove_log(&self, topic: &str, index: i32) -> std::io::Result<()> {
        let name = log_name(topic, index);
        if self.world.disk.exists(&self.directory.path().join(&name)) {
            self.directory.delete_log(&name)?;
        }
        Ok(())
    }

    /// Raises a topic's number of partitions.
    ///
    /// # Errors
    /// The refusal, in Kafka's words.
    pub(crate) fn grow(&self, name: &str, count: i32, apply: bool) -> Result<(), Refused> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = self.get(name).ok_or_else(unknown)?;
        let present = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        if count <= present {
            let message = if count == present {
                format!("Topic already has {present} partition(s).")
            } else {
                format!(
                    "The topic {name} currently has {present} partition(s); {count} would not be \
                     an increase."
                )
            };
            return Err(Refused::new(ErrorCode::InvalidPartitions, message));
        }
        let open = self.all_partitions().len();
        check_total(open, usize::try_from(count - present).unwrap_or(usize::MAX))?;
        if !apply {
            return Ok(());
        }
        let id = TopicId(topic.id.to_bytes());
        let settings = self.log_settings(name, &topic.configs);
        let mut partitions = topic.partitions.clone();
        for index in present..count {
            self.remove_log(name, index).map_err(|error| storage(name, &error))?;
            let opened = self.open_partition(&topic.name, index, id, settings.clone());
            partitions.push(opened.map_err(|error| storage(name, &error))?);
        }
        let grown = Topic {
            name: Arc::clone(&topic.name),
            id: topic.id,
            configs: topic.configs.clone(),
            partitions,
        };
        self.write_list(Some(&grown), None, None).map_err(|error| storage(name, &error))?;
        self.put(grown);
        Ok(())
    }

    /// Replaces what is set for a topic; in force at once.
    ///
    /// # Errors
    /// `UNKNOWN_TOPIC_OR_PARTITION`, `KAFKA_STORAGE_ERROR`.
    pub(crate) fn set_configs(&self, name: &str, configs: Values) -> Result<(), Refused> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = self.get(name).ok_or_else(unknown)?;
        let settings = self.log_settings(name, &configs);
        let changed = Topic {
            name: Arc::clone(&topic.name),
            id: topic.id,
            configs,
            partitions: topic.partitions.clone(),
        };
        self.write_list(Some(&changed), None, None).map_err(|error| storage(name, &error))?;
        for partition in &changed.partitions {
            partition.log.set_settings(settings.clone());
        }
        self.put(changed);
        Ok(())
    }

    /// Replaces what is set for the broker; topics without a value of their own follow at once.
    ///
    /// # Errors
    /// `KAFKA_STORAGE_ERROR`.
    pub(crate) fn set_broker_configs(&self, broker: Values) -> Result<(), Refused> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.write_list(None, None, Some(&broker)).map_err(|error| storage("broker", &error))?;
        self.state.write().unwrap_or_else(PoisonError::into_inner).broker = broker;
        for topic in self.all() {
            let settings = self.log_settings(&topic.name, &topic.configs);
            for partition in &topic.partitions {
                partition.log.set_settings(settings.clone());
            }
        }
        Ok(())
    }

    /// Writes the list with one topic put in or left out, or with other broker values.
    fn write_list(
        &self,
        with: Option<&Topic>,
        without: Option<&str>,
        broker: Option<&Values>,
    ) -> std::io::Result<()> {
        let mut list = TopicList {
            topics: Vec::new(),
            broker: broker.cloned().unwrap_or_else(|| self.broker_configs()),
        };
        let replaced = with.map(|topic| &*topic.name);
        for topic in self.all() {
            if Some(&*topic.name) != replaced && Some(&*topic.name) != without {
                list.topics.push(listed(&topic));
            }
        }
        list.topics.extend(with.map(listed));
        list.save(&*self.world.disk, &self.settings.data_dir)
    }
}

fn log_name(topic: &str, index: i32) -> String {
    format!("{topic}-{index}")
}

fn listed(topic: &Topic) -> Listed {
    Listed {
        name: topic.name.to_string(),
        id: TopicId(topic.id.to_bytes()),
        partitions: u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX),
        configs: topic.configs.clone(),
    }
}

fn check_total(open: usize, more: usize) -> Result<(), Refused> {
    if open.saturating_add(more) > PARTITIONS_MAX {
        let message = format!(
            "{more} more partitions would exceed the {PARTITIONS_MAX} that this broker keeps open; \
             it has {open}."
        );
        return Err(Refused::new(ErrorCode::InvalidPartitions, message));
    }
    Ok(())
}

fn unknown() -> Refused {
    Refused::new(
        ErrorCode::UnknownTopicOrPartition,
        "This server does not host this topic-partition.",
    )
}

fn storage(name: &str, error: &dyn std::error::Error) -> Refused {
    tracing::warn!(topic = name, "{error}");
    Refused::new(ErrorCode::KafkaStorageError, error.to_string())
}
