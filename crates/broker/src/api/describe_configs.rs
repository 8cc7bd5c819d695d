//! `DescribeConfigs` (32): every configuration of a topic or of the broker, with its default and
//! the values it hides.

use super::Call;
use crate::configs::{
    BROKER, Definition, Effective, Source, TOPIC, effective_broker, effective_topic,
};
use crate::error::ErrorCode;
use crate::service::BROKER_ID;
use crate::topics::Refused;
use crate::wire::message;
use kafka_wire::describe_configs_request::DescribeConfigsResource;
use kafka_wire::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_wire::{DescribeConfigsRequest, DescribeConfigsResponse};

/// Kafka's number for a topic.
pub(super) const TOPIC_RESOURCE: i8 = 2;
/// Kafka's number for a broker.
pub(super) const BROKER_RESOURCE: i8 = 4;
/// Kafka's number for a broker's logger levels.
const LOGGER_RESOURCE: i8 = 8;
/// Kafka's number for client metrics subscriptions.
const METRICS_RESOURCE: i8 = 16;
/// Kafka's number for a group.
const GROUP_RESOURCE: i8 = 32;

pub(crate) async fn answer(
    call: &Call,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let results = request.resources.iter().map(|resource| {
        let mut result = message!(DescribeConfigsResult {
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
        });
        match describe(call, &request, resource) {
            Ok(configs) => result.configs = configs,
            Err(refused) => {
                result.error_code = refused.code.code();
                result.error_message = Some(refused.message.into());
            }
        }
        result
    });
    message!(DescribeConfigsResponse { results: results.collect() })
}

fn describe(
    call: &Call,
    request: &DescribeConfigsRequest,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, Refused> {
    let wanted = |definition: &&Definition| {
        resource
            .configuration_keys
            .as_ref()
            .is_none_or(|keys| keys.iter().any(|key| key.as_str() == definition.name))
    };
    let broker = call.node.topics.broker_configs();
    let settings = &call.node.settings;
    match resource.resource_type {
        TOPIC_RESOURCE => {
            crate::topics::check_name(&resource.resource_name)?;
            let topic = call.node.topics.get(&resource.resource_name).ok_or_else(|| {
                Refused::new(
                    ErrorCode::UnknownTopicOrPartition,
                    "This server does not host this topic-partition.",
                )
            })?;
            let list = TOPIC.iter().filter(wanted).map(|definition| {
                let effective = effective_topic(definition, &topic.configs, &broker, settings);
                entry(request, definition, effective, false)
            });
            Ok(list.collect())
        }
        BROKER_RESOURCE => {
            let name = resource.resource_name.as_str();
            if !name.is_empty() && name != BROKER_ID.to_string() {
                let message = format!(
                    "Unexpected broker id, expected {BROKER_ID} or empty string, but received {name}"
                );
                return Err(Refused::new(ErrorCode::InvalidRequest, message));
            }
            let list = BROKER
                .iter()
                .filter(wanted)
                // The cluster-wide defaults are what was set dynamically, nothing else.
                .filter(|definition| !name.is_empty() || broker.contains_key(definition.name))
                .map(|definition| {
                    let effective = effective_broker(definition, &broker, settings);
                    entry(request, definition, effective, !definition.dynamic)
                });
            Ok(list.collect())
        }
        LOGGER_RESOURCE | METRICS_RESOURCE | GROUP_RESOURCE => Ok(Vec::new()),
        other => {
            let message = format!("Unsupported resource type: {other}");
            Err(Refused::new(ErrorCode::InvalidRequest, message))
        }
    }
}

fn entry(
    request: &DescribeConfigsRequest,
    definition: &Definition,
    effective: Effective,
    read_only: bool,
) -> DescribeConfigsResourceResult {
    let mut entry = message!(DescribeConfigsResourceResult {
        name: definition.name.into(),
        value: effective.value.map(Into::into),
        read_only: read_only,
        config_source: effective.source.number(),
        config_type: definition.kind.number(),
    });
    if request.include_synonyms {
        entry.synonyms = effective
            .synonyms
            .into_iter()
            // A name without any value has no synonym.
            .filter(|(_, value, source)| value.is_some() || *source != Source::Default)
            .map(|(name, value, source)| {
                message!(DescribeConfigsSynonym {
                    name: name.into(),
                    value: value.map(Into::into),
                    source: source.number(),
                })
            })
            .collect();
    }
    if request.include_documentation {
        entry.documentation = Some(definition.documentation.into());
    }
    entry
}
