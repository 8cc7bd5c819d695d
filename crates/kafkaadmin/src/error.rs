//! Why a question to a cluster has no answer, and Kafka's error codes by name.
//!
//! Source: Kafka protocol guide, "Error Codes".

use std::time::Duration;

/// Why a question has no answer. Each says what was asked, of whom, why not, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No address was given.
    #[error("no Kafka broker to ask: {given:?} names none; give addresses as HOST:PORT,HOST:PORT")]
    NoBootstrap {
        /// What was given.
        given: String,
    },
    /// A broker cannot be reached.
    #[error("cannot reach Kafka broker {broker}: {reason}; {hint}")]
    Unreachable {
        /// Its address, and how it is known.
        broker: String,
        /// What the system said.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// A broker did not answer in time.
    #[error(
        "Kafka broker {broker} did not answer {api} within {after:?}; see whether it is overloaded \
         or whether something else listens there"
    )]
    Timeout {
        /// Its address.
        broker: String,
        /// The request.
        api: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The connection broke.
    #[error(
        "the connection to Kafka broker {broker} broke during {api}: {reason}; try again, and see \
         the broker's log if it breaks again (a listener that wants TLS or SASL closes plain \
         connections)"
    )]
    Broken {
        /// Its address.
        broker: String,
        /// The request.
        api: &'static str,
        /// What the system said.
        reason: String,
    },
    /// What came is not Kafka's protocol, or breaks a limit.
    #[error(
        "the answer of {broker} to {api} cannot be read: {reason}; see whether a Kafka broker \
         listens there"
    )]
    Malformed {
        /// Its address.
        broker: String,
        /// The request.
        api: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The request cannot be written.
    #[error("cannot write {api} for Kafka broker {broker}: {reason}")]
    Unwritable {
        /// Its address.
        broker: String,
        /// The request.
        api: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The broker does not know a request, or no version of it that we know.
    #[error(
        "Kafka broker {broker} does not serve {api} in versions {least} to {most} ({serves}); ask a \
         broker of a newer version"
    )]
    Unsupported {
        /// Its address.
        broker: String,
        /// The request.
        api: &'static str,
        /// Our least version.
        least: i16,
        /// Our latest version.
        most: i16,
        /// What it serves.
        serves: String,
    },
    /// The broker refused.
    #[error(
        "Kafka broker {broker} refused {api} for {what}: {code}{}; {}",
        message.as_ref().map(|text| format!(" ({text})")).unwrap_or_default(),
        code.advice()
    )]
    Refused {
        /// Its address.
        broker: String,
        /// The request.
        api: &'static str,
        /// What it was asked for.
        what: String,
        /// Why.
        code: ErrorCode,
        /// Its own words.
        message: Option<String>,
    },
    /// Nobody leads or coordinates what was asked for.
    #[error("no Kafka broker serves {what} now; see which brokers are down, and try again")]
    Nobody {
        /// What.
        what: String,
    },
}

impl Error {
    /// Kafka's error, if a broker refused.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether no broker could be spoken to, as against one that refused.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Broken { .. }
                | Self::NoBootstrap { .. }
        )
    }
}

/// A Kafka error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i16);

macro_rules! codes {
    ($($name:ident = $code:literal),* $(,)?) => {
        #[expect(missing_docs, reason = "Kafka's names, explained by Kafka's protocol guide")]
        impl ErrorCode {
            $( pub const $name: Self = Self($code); )*

            /// Kafka's name of the code, none for a code that Kafka has given no name to yet.
            #[must_use]
            pub fn known_name(self) -> Option<&'static str> {
                match self.0 {
                    $( $code => Some(stringify!($name)), )*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    UNKNOWN_SERVER_ERROR = -1,
    NONE = 0,
    OFFSET_OUT_OF_RANGE = 1,
    CORRUPT_MESSAGE = 2,
    UNKNOWN_TOPIC_OR_PARTITION = 3,
    INVALID_FETCH_SIZE = 4,
    LEADER_NOT_AVAILABLE = 5,
    NOT_LEADER_OR_FOLLOWER = 6,
    REQUEST_TIMED_OUT = 7,
    BROKER_NOT_AVAILABLE = 8,
    REPLICA_NOT_AVAILABLE = 9,
    MESSAGE_TOO_LARGE = 10,
    STALE_CONTROLLER_EPOCH = 11,
    OFFSET_METADATA_TOO_LARGE = 12,
    NETWORK_EXCEPTION = 13,
    COORDINATOR_LOAD_IN_PROGRESS = 14,
    COORDINATOR_NOT_AVAILABLE = 15,
    NOT_COORDINATOR = 16,
    INVALID_TOPIC_EXCEPTION = 17,
    RECORD_LIST_TOO_LARGE = 18,
    NOT_ENOUGH_REPLICAS = 19,
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20,
    INVALID_REQUIRED_ACKS = 21,
    ILLEGAL_GENERATION = 22,
    INCONSISTENT_GROUP_PROTOCOL = 23,
    INVALID_GROUP_ID = 24,
    UNKNOWN_MEMBER_ID = 25,
    INVALID_SESSION_TIMEOUT = 26,
    REBALANCE_IN_PROGRESS = 27,
    INVALID_COMMIT_OFFSET_SIZE = 28,
    TOPIC_AUTHORIZATION_FAILED = 29,
    GROUP_AUTHORIZATION_FAILED = 30,
    CLUSTER_AUTHORIZATION_FAILED = 31,
    INVALID_TIMESTAMP = 32,
    UNSUPPORTED_SASL_MECHANISM = 33,
    ILLEGAL_SASL_STATE = 34,
    UNSUPPORTED_VERSION = 35,
    TOPIC_ALREADY_EXISTS = 36,
    INVALID_PARTITIONS = 37,
    INVALID_REPLICATION_FACTOR = 38,
    INVALID_REPLICA_ASSIGNMENT = 39,
    INVALID_CONFIG = 40,
    NOT_CONTROLLER = 41,
    INVALID_REQUEST = 42,
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43,
    POLICY_VIOLATION = 44,
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45,
    DUPLICATE_SEQUENCE_NUMBER = 46,
    INVALID_PRODUCER_EPOCH = 47,
    INVALID_TXN_STATE = 48,
    INVALID_PRODUCER_ID_MAPPING = 49,
    INVALID_TRANSACTION_TIMEOUT = 50,
    CONCURRENT_TRANSACTIONS = 51,
    TRANSACTION_COORDINATOR_FENCED = 52,
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53,
    SECURITY_DISABLED = 54,
    OPERATION_NOT_ATTEMPTED = 55,
    KAFKA_STORAGE_ERROR = 56,
    LOG_DIR_NOT_FOUND = 57,
    SASL_AUTHENTICATION_FAILED = 58,
    UNKNOWN_PRODUCER_ID = 59,
    REASSIGNMENT_IN_PROGRESS = 60,
    DELEGATION_TOKEN_AUTH_DISABLED = 61,
    DELEGATION_TOKEN_NOT_FOUND = 62,
    DELEGATION_TOKEN_OWNER_MISMATCH = 63,
    DELEGATION_TOKEN_REQUEST_NOT_ALLOWED = 64,
    DELEGATION_TOKEN_AUTHORIZATION_FAILED = 65,
    DELEGATION_TOKEN_EXPIRED = 66,
    INVALID_PRINCIPAL_TYPE = 67,
    NON_EMPTY_GROUP = 68,
    GROUP_ID_NOT_FOUND = 69,
    FETCH_SESSION_ID_NOT_FOUND = 70,
    INVALID_FETCH_SESSION_EPOCH = 71,
    LISTENER_NOT_FOUND = 72,
    TOPIC_DELETION_DISABLED = 73,
    FENCED_LEADER_EPOCH = 74,
    UNKNOWN_LEADER_EPOCH = 75,
    UNSUPPORTED_COMPRESSION_TYPE = 76,
    STALE_BROKER_EPOCH = 77,
    OFFSET_NOT_AVAILABLE = 78,
    MEMBER_ID_REQUIRED = 79,
    PREFERRED_LEADER_NOT_AVAILABLE = 80,
    GROUP_MAX_SIZE_REACHED = 81,
    FENCED_INSTANCE_ID = 82,
    ELIGIBLE_LEADERS_NOT_AVAILABLE = 83,
    ELECTION_NOT_NEEDED = 84,
    NO_REASSIGNMENT_IN_PROGRESS = 85,
    GROUP_SUBSCRIBED_TO_TOPIC = 86,
    INVALID_RECORD = 87,
    UNSTABLE_OFFSET_COMMIT = 88,
    THROTTLING_QUOTA_EXCEEDED = 89,
    PRODUCER_FENCED = 90,
    RESOURCE_NOT_FOUND = 91,
    DUPLICATE_RESOURCE = 92,
    UNACCEPTABLE_CREDENTIAL = 93,
    INCONSISTENT_VOTER_SET = 94,
    INVALID_UPDATE_VERSION = 95,
    FEATURE_UPDATE_FAILED = 96,
    PRINCIPAL_DESERIALIZATION_FAILURE = 97,
    SNAPSHOT_NOT_FOUND = 98,
    POSITION_OUT_OF_RANGE = 99,
    UNKNOWN_TOPIC_ID = 100,
    DUPLICATE_BROKER_REGISTRATION = 101,
    BROKER_ID_NOT_REGISTERED = 102,
    INCONSISTENT_TOPIC_ID = 103,
    INCONSISTENT_CLUSTER_ID = 104,
    TRANSACTIONAL_ID_NOT_FOUND = 105,
    FETCH_SESSION_TOPIC_ID_ERROR = 106,
    INELIGIBLE_REPLICA = 107,
    NEW_LEADER_ELECTED = 108,
    OFFSET_MOVED_TO_TIERED_STORAGE = 109,
    FENCED_MEMBER_EPOCH = 110,
    UNRELEASED_INSTANCE_ID = 111,
    UNSUPPORTED_ASSIGNOR = 112,
    STALE_MEMBER_EPOCH = 113,
    MISMATCHED_ENDPOINT_TYPE = 114,
    UNSUPPORTED_ENDPOINT_TYPE = 115,
    UNKNOWN_CONTROLLER_ID = 116,
    UNKNOWN_SUBSCRIPTION_ID = 117,
    TELEMETRY_TOO_LARGE = 118,
    INVALID_REGISTRATION = 119,
    TRANSACTION_ABORTABLE = 120,
    INVALID_RECORD_STATE = 121,
    SHARE_SESSION_NOT_FOUND = 122,
    INVALID_SHARE_SESSION_EPOCH = 123,
    FENCED_STATE_EPOCH = 124,
    INVALID_VOTER_KEY = 125,
    DUPLICATE_VOTER = 126,
    VOTER_NOT_FOUND = 127,
    INVALID_REGULAR_EXPRESSION = 128,
    REBOOTSTRAP_REQUIRED = 129,
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.known_name() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "error {}", self.0),
        }
    }
}

impl ErrorCode {
    /// Whether asking again, perhaps another broker, may help.
    #[must_use]
    pub fn is_retriable(self) -> bool {
        matches!(
            self,
            Self::LEADER_NOT_AVAILABLE
                | Self::NOT_LEADER_OR_FOLLOWER
                | Self::REPLICA_NOT_AVAILABLE
                | Self::COORDINATOR_LOAD_IN_PROGRESS
                | Self::COORDINATOR_NOT_AVAILABLE
                | Self::NOT_COORDINATOR
                | Self::NOT_CONTROLLER
                | Self::FENCED_LEADER_EPOCH
                | Self::UNKNOWN_LEADER_EPOCH
                | Self::KAFKA_STORAGE_ERROR
                | Self::OFFSET_NOT_AVAILABLE
        )
    }

    /// What a person can do.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::UNKNOWN_TOPIC_OR_PARTITION | Self::UNKNOWN_TOPIC_ID => {
                "look for the name in the list of topics, or create the topic"
            }
            Self::TOPIC_ALREADY_EXISTS => "choose another name, or use the topic that exists",
            Self::INVALID_TOPIC_EXCEPTION => {
                "use letters, digits, '.', '_' and '-', at most 249 of them"
            }
            Self::INVALID_REPLICATION_FACTOR => {
                "ask for at most as many replicas as there are brokers"
            }
            Self::INVALID_PARTITIONS => {
                "ask for at least one partition, and for more than the topic has"
            }
            Self::INVALID_CONFIG => "correct the value; the topic's configs say what each takes",
            Self::OFFSET_OUT_OF_RANGE => "choose an offset between the earliest and the latest",
            Self::MESSAGE_TOO_LARGE | Self::RECORD_LIST_TOO_LARGE => {
                "make the record smaller, or raise max.message.bytes of the topic"
            }
            Self::INVALID_RECORD => {
                "a compacted topic takes no record without a key; give the record a key"
            }
            Self::NON_EMPTY_GROUP => "stop the group's consumers first",
            Self::UNKNOWN_MEMBER_ID | Self::ILLEGAL_GENERATION | Self::REBALANCE_IN_PROGRESS => {
                "the group has active members; stop its consumers first"
            }
            Self::GROUP_ID_NOT_FOUND => "look for the name in the list of consumer groups",
            Self::GROUP_SUBSCRIBED_TO_TOPIC => {
                "the group reads this topic now; stop its consumers first"
            }
            Self::TRANSACTIONAL_ID_NOT_FOUND => "look for the id in the list of transactions",
            Self::TOPIC_AUTHORIZATION_FAILED
            | Self::GROUP_AUTHORIZATION_FAILED
            | Self::CLUSTER_AUTHORIZATION_FAILED
            | Self::TRANSACTIONAL_ID_AUTHORIZATION_FAILED => {
                "ask the cluster's administrator for an ACL that allows it"
            }
            Self::TOPIC_DELETION_DISABLED => "set delete.topic.enable of the brokers to true",
            Self::POLICY_VIOLATION => "read what the broker says about its policy",
            Self::NOT_ENOUGH_REPLICAS | Self::NOT_ENOUGH_REPLICAS_AFTER_APPEND => {
                "bring back the brokers that hold replicas, or lower min.insync.replicas"
            }
            Self::UNSUPPORTED_VERSION => "ask a broker of a newer version",
            Self::KAFKA_STORAGE_ERROR => "see the broker's log: its disk failed",
            Self::CORRUPT_MESSAGE => "see the broker's log",
            _ if self.is_retriable() => "the cluster is changing; try again in a moment",
            _ => "see the broker's log",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_broker_the_request_and_kafkas_error_and_says_what_to_do() {
        let error = Error::Refused {
            broker: "127.0.0.1:9092".to_owned(),
            api: "DeleteGroups",
            what: "group \"g\"".to_owned(),
            code: ErrorCode::NON_EMPTY_GROUP,
            message: Some("it has members".to_owned()),
        };
        assert_eq!(
            error.to_string(),
            "Kafka broker 127.0.0.1:9092 refused DeleteGroups for group \"g\": NON_EMPTY_GROUP \
             (it has members); stop the group's consumers first"
        );
        assert_eq!(ErrorCode(999).to_string(), "error 999");
    }
}
