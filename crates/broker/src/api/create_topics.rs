//! `CreateTopics` (19).

use super::Call;
use crate::configs::{Source, TOPIC, Values, check_value, effective_topic, topic_definition};
use crate::error::ErrorCode;
use crate::service::BROKER_ID;
use crate::topics::Refused;
use crate::wire::message;
use kafka_wire::create_topics_request::CreatableTopic;
use kafka_wire::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_wire::{CreateTopicsRequest, CreateTopicsResponse};
use kafka_wire_core::Uuid;
use std::collections::BTreeMap;

pub(crate) async fn answer(call: &Call, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for topic in &request.topics {
        *counts.entry(&topic.name).or_default() += 1;
    }
    let mut topics = Vec::new();
    for topic in &request.topics {
        let repeated = counts.get(&*topic.name).is_some_and(|count| *count > 1);
        let created = if repeated {
            let message = "Duplicate topic name.";
            Err(Refused::new(ErrorCode::InvalidRequest, message))
        } else {
            create(call, topic, request.validate_only)
        };
        topics.push(created.unwrap_or_else(|refused| {
            message!(CreatableTopicResult {
                name: topic.name.clone(),
                error_code: refused.code.code(),
                error_message: Some(refused.message.into()),
                num_partitions: -1,
                replication_factor: -1,
                configs: Some(Vec::new()),
            })
        }));
    }
    message!(CreateTopicsResponse { topics: topics })
}

fn create(
    call: &Call,
    topic: &CreatableTopic,
    validate_only: bool,
) -> Result<CreatableTopicResult, Refused> {
    crate::topics::check_name(&topic.name)?;
    if call.node.topics.get(&topic.name).is_some() {
        let message = format!("Topic '{}' already exists.", topic.name);
        return Err(Refused::new(ErrorCode::TopicAlreadyExists, message));
    }
    let partitions = count_partitions(call, topic)?;
    call.node.topics.check_new(&topic.name, partitions)?;
    let mut configs = Values::new();
    for config in &topic.configs {
        let (name, value) = check_config(&config.name, config.value.as_deref())?;
        configs.insert(name, value);
    }
    let id = if validate_only {
        Uuid::ZERO
    } else {
        call.node.topics.create(&topic.name, partitions, configs.clone())?.id
    };
    Ok(message!(CreatableTopicResult {
        name: topic.name.clone(),
        topic_id: id,
        num_partitions: partitions,
        replication_factor: 1,
        configs: Some(describe(call, &configs)),
    }))
}

/// The number of partitions asked for, after checking what else the request says of replicas.
fn count_partitions(call: &Call, topic: &CreatableTopic) -> Result<i32, Refused> {
    if !topic.assignments.is_empty() {
        return count_assigned(topic);
    }
    match topic.replication_factor {
        -1 | 1 => {}
        factor if factor <= 0 => {
            let message =
                "Replication factor must be larger than 0, or -1 to use the default value.";
            return Err(Refused::new(ErrorCode::InvalidReplicationFactor, message));
        }
        factor => {
            let message = format!(
                "Unable to replicate the partition {factor} time(s): The target replication factor \
                 of {factor} cannot be reached because only 1 broker(s) are registered."
            );
            return Err(Refused::new(ErrorCode::InvalidReplicationFactor, message));
        }
    }
    match topic.num_partitions {
        -1 => Ok(call.node.settings.default_partitions),
        count if count > 0 => Ok(count),
        _ => {
            let message =
                "Number of partitions must be larger than 0, or -1 to use the default value.";
            Err(Refused::new(ErrorCode::InvalidPartitions, message))
        }
    }
}

fn count_assigned(topic: &CreatableTopic) -> Result<i32, Refused> {
    let refuse = |code, message: &str| Err(Refused::new(code, message));
    if topic.num_partitions != -1 {
        let message =
            "A manual partition assignment was specified, but numPartitions was not set to -1.";
        return refuse(ErrorCode::InvalidRequest, message);
    }
    if topic.replication_factor != -1 {
        let message = "A manual partition assignment was specified, but replication factor was not set to -1.";
        return refuse(ErrorCode::InvalidRequest, message);
    }
    let mut indexes: Vec<i32> = topic.assignments.iter().map(|one| one.partition_index).collect();
    indexes.sort_unstable();
    if indexes.iter().zip(0..).any(|(index, place)| *index != place) {
        let message = "partitions should be a consecutive 0-based integer sequence";
        return refuse(ErrorCode::InvalidReplicaAssignment, message);
    }
    if topic.assignments.iter().any(|one| one.broker_ids != [BROKER_ID]) {
        let message = format!(
            "The manual partition assignment includes a broker other than {BROKER_ID}, but no such \
             broker is registered."
        );
        return refuse(ErrorCode::InvalidReplicaAssignment, &message);
    }
    Ok(i32::try_from(indexes.len()).unwrap_or(i32::MAX))
}

/// Checks one configuration a client sets.
///
/// # Errors
/// `INVALID_CONFIG`.
pub(super) fn check_config(name: &str, value: Option<&str>) -> Result<(String, String), Refused> {
    let refuse = |message: String| Err(Refused::new(ErrorCode::InvalidConfig, message));
    let Some(definition) = topic_definition(name) else {
        return refuse(format!("Unknown topic config name: {name}"));
    };
    let Some(value) = value else {
        return refuse(format!("Null value not supported for topic configs: {name}"));
    };
    match check_value(definition, value) {
        Ok(()) => Ok((name.to_owned(), value.to_owned())),
        Err(message) => refuse(message),
    }
}

fn describe(call: &Call, configs: &Values) -> Vec<CreatableTopicConfigs> {
    let broker = call.node.topics.broker_configs();
    TOPIC
        .iter()
        .map(|definition| {
            let effective = effective_topic(definition, configs, &broker, &call.node.settings);
            let source: Source = effective.source;
            message!(CreatableTopicConfigs {
                name: definition.name.into(),
                value: effective.value.map(Into::into),
                config_source: source.number(),
            })
        })
        .collect()
}
