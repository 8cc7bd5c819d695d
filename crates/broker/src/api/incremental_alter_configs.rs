//! `IncrementalAlterConfigs` (44): sets, unsets, adds to or takes from single configurations.

use super::Call;
use super::create_topics::check_config;
use super::describe_configs::{BROKER_RESOURCE, TOPIC_RESOURCE};
use crate::configs::{
    Definition, Kind, Values, broker_definition, check_value, effective_broker, effective_topic,
    topic_definition,
};
use crate::error::ErrorCode;
use crate::service::BROKER_ID;
use crate::topics::Refused;
use crate::wire::message;
use kafka_wire::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_wire::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_wire::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

pub(crate) async fn answer(
    call: &Call,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let responses = request.resources.iter().map(|resource| {
        let refused = alter(call, resource, request.validate_only).err();
        message!(AlterConfigsResourceResponse {
            error_code: refused.as_ref().map_or(ErrorCode::None, |refused| refused.code).code(),
            error_message: refused.map(|refused| refused.message.into()),
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
        })
    });
    message!(IncrementalAlterConfigsResponse { responses: responses.collect() })
}

fn alter(call: &Call, resource: &AlterConfigsResource, validate_only: bool) -> Result<(), Refused> {
    let name = resource.resource_name.as_str();
    let broker = call.node.topics.broker_configs();
    let mut values = match resource.resource_type {
        TOPIC_RESOURCE => topic_values(call, name)?,
        BROKER_RESOURCE => {
            check_broker(name)?;
            broker.clone()
        }
        other => return Err(unsupported(other)),
    };
    for config in &resource.configs {
        let definition = match resource.resource_type {
            TOPIC_RESOURCE => topic_definition(&config.name),
            _ => broker_definition(&config.name),
        };
        let present = definition.and_then(|definition| {
            let settings = &call.node.settings;
            match resource.resource_type {
                TOPIC_RESOURCE => effective_topic(definition, &values, &broker, settings).value,
                _ => effective_broker(definition, &broker, settings).value,
            }
        });
        let value = changed(definition, config, present)?;
        apply(resource.resource_type, &mut values, &config.name, value)?;
    }
    if validate_only {
        return Ok(());
    }
    store(call, resource.resource_type, name, values)
}

/// The value after one operation; None unsets it.
fn changed(
    definition: Option<&Definition>,
    config: &AlterableConfig,
    present: Option<String>,
) -> Result<Option<String>, Refused> {
    let given = || {
        config.value.as_ref().map(ToString::to_string).ok_or_else(|| {
            let message = format!("Null value not supported for : {}", config.name);
            Refused::new(ErrorCode::InvalidRequest, message)
        })
    };
    match config.config_operation {
        SET => given().map(Some),
        DELETE => Ok(None),
        operation @ (APPEND | SUBTRACT) => {
            if definition.is_some_and(|definition| definition.kind != Kind::List) {
                let message = format!(
                    "Can't {} to key {} because its type is not LIST.",
                    if operation == APPEND { "APPEND" } else { "SUBTRACT" },
                    config.name
                );
                return Err(Refused::new(ErrorCode::InvalidConfig, message));
            }
            let given = given()?;
            let named: Vec<&str> = given.split(',').filter(|part| !part.is_empty()).collect();
            let present = present.unwrap_or_default();
            let mut list: Vec<&str> = present.split(',').filter(|part| !part.is_empty()).collect();
            list.retain(|part| !named.contains(part));
            if operation == APPEND {
                list.extend(named);
            }
            Ok(Some(list.join(",")))
        }
        other => {
            let message = format!("Unknown operation type {other}");
            Err(Refused::new(ErrorCode::InvalidRequest, message))
        }
    }
}

/// What is set for a topic.
///
/// # Errors
/// `UNKNOWN_TOPIC_OR_PARTITION`.
pub(super) fn topic_values(call: &Call, name: &str) -> Result<Values, Refused> {
    match call.node.topics.get(name) {
        Some(topic) => Ok(topic.configs.clone()),
        None => Err(Refused::new(
            ErrorCode::UnknownTopicOrPartition,
            format!("The topic '{name}' does not exist."),
        )),
    }
}

/// Whether the name is this broker's, or the empty one of the cluster's defaults.
///
/// # Errors
/// `INVALID_REQUEST`.
pub(super) fn check_broker(name: &str) -> Result<(), Refused> {
    if name.is_empty() || name == BROKER_ID.to_string() {
        return Ok(());
    }
    let message = format!("Unexpected broker id, expected {BROKER_ID}, but received {name}");
    Err(Refused::new(ErrorCode::InvalidRequest, message))
}

pub(super) fn unsupported(resource_type: i8) -> Refused {
    let message = format!("Unknown resource type {resource_type}");
    Refused::new(ErrorCode::InvalidRequest, message)
}

/// Puts one value in, checked; None takes it out.
///
/// # Errors
/// `INVALID_CONFIG`, `INVALID_REQUEST` for a broker configuration that cannot change.
pub(super) fn apply(
    resource_type: i8,
    values: &mut Values,
    name: &str,
    value: Option<String>,
) -> Result<(), Refused> {
    let Some(value) = value else {
        if resource_type == TOPIC_RESOURCE && topic_definition(name).is_none() {
            let message = format!("Unknown topic config name: {name}");
            return Err(Refused::new(ErrorCode::InvalidConfig, message));
        }
        values.remove(name);
        return Ok(());
    };
    if resource_type == TOPIC_RESOURCE {
        check_config(name, Some(&value))?;
    } else {
        let definition = broker_definition(name).ok_or_else(|| {
            let message = format!("Unknown broker config name: {name}");
            Refused::new(ErrorCode::InvalidConfig, message)
        })?;
        if !definition.dynamic {
            let message = format!("Cannot update these configs dynamically: Set({name})");
            return Err(Refused::new(ErrorCode::InvalidRequest, message));
        }
        check_value(definition, &value)
            .map_err(|message| Refused::new(ErrorCode::InvalidConfig, message))?;
    }
    values.insert(name.to_owned(), value);
    Ok(())
}

/// Keeps the values, in force at once.
///
/// # Errors
/// `KAFKA_STORAGE_ERROR`.
pub(super) fn store(
    call: &Call,
    resource_type: i8,
    name: &str,
    values: Values,
) -> Result<(), Refused> {
    if resource_type == TOPIC_RESOURCE {
        call.node.topics.set_configs(name, values)
    } else {
        call.node.topics.set_broker_configs(values)
    }
}
