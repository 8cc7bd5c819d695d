//! The file that names the topics: `topics.json` in the data directory.
//!
//! Replaced as a whole at every change, so a reader sees the old list or the new one.
//! `{"version":1,"topics":[{"name","id","partitions","configs"}],"broker_configs":{}}`; ids are
//! written as Kafka prints them.

use crate::configs::Values;
use crate::error::StartError;
use commitlog::TopicId;
use runtime::Disk;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;

/// One topic of the list.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) id: TopicId,
    pub(super) partitions: u32,
    pub(super) configs: Values,
}

/// The list.
#[derive(Debug, Default)]
pub(super) struct TopicList {
    pub(super) topics: Vec<Listed>,
    pub(super) broker: Values,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTopic {
    name: String,
    id: String,
    partitions: u32,
    #[serde(default)]
    configs: Values,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    topics: Vec<FileTopic>,
    #[serde(default)]
    broker_configs: Values,
}

fn path(directory: &Path) -> PathBuf {
    directory.join("topics.json")
}

impl TopicList {
    /// Loads the list; a missing file is an empty one.
    ///
    /// # Errors
    /// [`StartError::TopicList`].
    pub(super) fn load(disk: &dyn Disk, directory: &Path) -> Result<Self, StartError> {
        let path = path(directory);
        let refuse = |reason: String| StartError::TopicList { path: path.clone(), reason };
        let bytes = match disk.read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            result => result.map_err(|error| refuse(error.to_string()))?,
        };
        let file: File =
            serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))?;
        if file.version != VERSION {
            return Err(refuse(format!("its version is {}, not {VERSION}", file.version)));
        }
        let mut list = Self { topics: Vec::new(), broker: file.broker_configs };
        for topic in file.topics {
            let id = topic.id.parse().map_err(|_| refuse(format!("{:?} is no id", topic.id)))?;
            list.topics.push(Listed {
                name: topic.name,
                id,
                partitions: topic.partitions,
                configs: topic.configs,
            });
        }
        Ok(list)
    }

    /// Replaces the list on disk.
    ///
    /// # Errors
    /// What the disk says; the old list is then still there.
    pub(super) fn save(self, disk: &dyn Disk, directory: &Path) -> io::Result<()> {
        let topics = self.topics.into_iter().map(|topic| FileTopic {
            name: topic.name,
            id: topic.id.to_string(),
            partitions: topic.partitions,
            configs: topic.configs,
        });
        let file = File { version: VERSION, topics: topics.collect(), broker_configs: self.broker };
        let bytes = serde_json::to_vec_pretty(&file).map_err(io::Error::other)?;
        disk.replace(&path(directory), &bytes)
    }
}
