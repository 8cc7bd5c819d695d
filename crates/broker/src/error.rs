//! Kafka's error codes, and the errors of starting the broker.
//!
//! Source: Kafka protocol guide, "Error Codes".

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;

/// Why the broker did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another process listens on the port.
    #[error(
        "cannot listen on {address}: port {} is in use; stop the process that uses it \
         (`ss -ltnp sport = :{}` names it) or choose another port for the broker",
        address.port(),
        address.port()
    )]
    PortInUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {source}; choose an address of this machine")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The data directory cannot be opened: another process holds it, or it is damaged.
    #[error("cannot open the broker's data directory {}: {source}", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the log said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A partition's log cannot be opened.
    #[error("cannot open the log of partition {partition} of topic {topic:?}: {source}")]
    Log {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// What the log said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file that names the topics cannot be read.
    #[error(
        "cannot read the topic list {}: {reason}; restore the file from a copy, since without it \
         the logs beside it have no names, ids or settings",
        path.display()
    )]
    TopicList {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The state kept in an internal topic cannot be read or completed.
    #[error("cannot restore the broker's state from topic {topic:?}: {reason}")]
    Replay {
        /// The internal topic.
        topic: &'static str,
        /// What is wrong.
        reason: String,
    },
}

macro_rules! codes {
    ($($name:ident = $code:literal),* $(,)?) => {
        /// A Kafka error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(i16)]
        pub(crate) enum ErrorCode { $($name = $code),* }

        impl ErrorCode {
            /// The code on the wire.
            pub(crate) const fn code(self) -> i16 {
                match self { $(Self::$name => $code),* }
            }
        }
    };
}

codes! {
    None = 0,
    OffsetOutOfRange = 1,
    CorruptMessage = 2,
    UnknownTopicOrPartition = 3,
    CoordinatorNotAvailable = 15,
    OffsetMetadataTooLarge = 12,
    MessageTooLarge = 10,
    InvalidTopicException = 17,
    InvalidRequiredAcks = 21,
    RecordListTooLarge = 18,
    NotEnoughReplicas = 19,
    UnsupportedForMessageFormat = 43,
    MismatchedEndpointType = 114,
    PolicyViolation = 44,
    IllegalGeneration = 22,
    InconsistentGroupProtocol = 23,
    InvalidGroupId = 24,
    UnknownMemberId = 25,
    InvalidSessionTimeout = 26,
    RebalanceInProgress = 27,
    InvalidTimestamp = 32,
    UnsupportedVersion = 35,
    TopicAlreadyExists = 36,
    InvalidPartitions = 37,
    InvalidReplicationFactor = 38,
    InvalidReplicaAssignment = 39,
    InvalidConfig = 40,
    InvalidRequest = 42,
    OutOfOrderSequenceNumber = 45,
    InvalidProducerEpoch = 47,
    InvalidTxnState = 48,
    InvalidProducerIdMapping = 49,
    InvalidTransactionTimeout = 50,
    ConcurrentTransactions = 51,
    SecurityDisabled = 54,
    OperationNotAttempted = 55,
    KafkaStorageError = 56,
    NonEmptyGroup = 68,
    GroupIdNotFound = 69,
    FetchSessionIdNotFound = 70,
    InvalidFetchSessionEpoch = 71,
    FencedLeaderEpoch = 74,
    UnknownLeaderEpoch = 75,
    UnsupportedCompressionType = 76,
    MemberIdRequired = 79,
    GroupMaxSizeReached = 81,
    FencedInstanceId = 82,
    ElectionNotNeeded = 84,
    NoReassignmentInProgress = 85,
    GroupSubscribedToTopic = 86,
    InvalidRecord = 87,
    UnstableOffsetCommit = 88,
    ProducerFenced = 90,
    TransactionalIdNotFound = 105,
    FetchSessionTopicIdError = 106,
    UnknownTopicId = 100,
    FencedMemberEpoch = 110,
    UnreleasedInstanceId = 111,
    UnsupportedAssignor = 112,
    StaleMemberEpoch = 113,
    TransactionAbortable = 120,
    InvalidRegularExpression = 128,
}
