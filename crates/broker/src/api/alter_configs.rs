//! `AlterConfigs` (33): replaces everything that is set for a topic or for the broker.

use super::Call;
use super::describe_configs::{BROKER_RESOURCE, TOPIC_RESOURCE};
use super::incremental_alter_configs::{apply, check_broker, store, topic_values, unsupported};
use crate::configs::Values;
use crate::error::ErrorCode;
use crate::topics::Refused;
use crate::wire::message;
use kafka_wire::alter_configs_request::AlterConfigsResource;
use kafka_wire::alter_configs_response::AlterConfigsResourceResponse;
use kafka_wire::{AlterConfigsRequest, AlterConfigsResponse};

pub(crate) async fn answer(call: &Call, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let responses = request.resources.iter().map(|resource| {
        let refused = alter(call, resource, request.validate_only).err();
        message!(AlterConfigsResourceResponse {
            error_code: refused.as_ref().map_or(ErrorCode::None, |refused| refused.code).code(),
            error_message: refused.map(|refused| refused.message.into()),
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
        })
    });
    message!(AlterConfigsResponse { responses: responses.collect() })
}

fn alter(call: &Call, resource: &AlterConfigsResource, validate_only: bool) -> Result<(), Refused> {
    let name = resource.resource_name.as_str();
    match resource.resource_type {
        TOPIC_RESOURCE => drop(topic_values(call, name)?),
        BROKER_RESOURCE => check_broker(name)?,
        other => return Err(unsupported(other)),
    }
    let mut values = Values::new();
    for config in &resource.configs {
        let value = config.value.as_ref().map(ToString::to_string).ok_or_else(|| {
            let message = format!("Null value not supported for : {}", config.name);
            Refused::new(ErrorCode::InvalidRequest, message)
        })?;
        apply(resource.resource_type, &mut values, &config.name, Some(value))?;
    }
    if validate_only {
        return Ok(());
    }
    store(call, resource.resource_type, name, values)
}
