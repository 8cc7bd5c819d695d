//! What a Kafka cluster tells and lets change, through its protocol.
