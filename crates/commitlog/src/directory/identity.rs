//! Who owns a data directory (`meta.properties`, version 1, as Kafka's storage tool writes it).

use crate::topic_id::TopicId;
use runtime::Disk;
use std::io;
use std::path::Path;

const META_PROPERTIES: &str = "meta.properties";

/// Node, cluster and directory id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `node.id`.
    pub node_id: i32,
    /// `cluster.id`: 22 characters.
    pub cluster_id: String,
    /// `directory.id`.
    pub directory_id: TopicId,
}

impl Identity {
    /// Reads the identity, or makes a new one for node 1.
    pub(super) fn load_or_create(disk: &dyn Disk, directory: &Path) -> io::Result<Self> {
        let path = directory.join(META_PROPERTIES);
        match disk.read(&path) {
            Ok(bytes) => Self::parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| {
                let text = format!(
                    "{} does not name version=1, node.id and cluster.id; restore it, or remove it \
                     to give the directory a new identity",
                    path.display()
                );
                io::Error::new(io::ErrorKind::InvalidData, text)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let identity = Self {
                    node_id: 1,
                    cluster_id: TopicId::random()?.to_string(),
                    directory_id: TopicId::random()?,
                };
                disk.replace(&path, identity.print().as_bytes())?;
                Ok(identity)
            }
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| {
            text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))
        };
        if value("version")? != "1" {
            return None;
        }
        Some(Self {
            node_id: value("node.id")?.parse().ok()?,
            cluster_id: value("cluster.id")?.to_owned(),
            directory_id: value("directory.id").and_then(|id| id.parse().ok()).unwrap_or_default(),
        })
    }

    fn print(&self) -> String {
        format!(
            "#\nversion=1\ncluster.id={}\nnode.id={}\ndirectory.id={}\n",
            self.cluster_id, self.node_id, self.directory_id
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::FaultDisk;

    #[test]
    fn an_identity_is_made_once_and_then_kept() {
        let disk = FaultDisk::new();
        let directory = Path::new("/data");
        disk.create_dir_all(directory).unwrap();
        let first = Identity::load_or_create(&disk, directory).unwrap();
        assert_eq!(Identity::load_or_create(&disk, directory).unwrap(), first);
        assert_eq!(first.cluster_id.len(), 22);
    }

    #[test]
    fn properties_of_another_form_are_refused() {
        assert_eq!(Identity::parse("version=0\nnode.id=1\ncluster.id=a\n"), None);
        assert_eq!(Identity::parse("version=1\ncluster.id=a\n"), None);
        assert!(Identity::parse("version=1\nnode.id=3\ncluster.id=a\n").is_some());
    }
}
