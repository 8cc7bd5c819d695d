//! `ListConfigResources` (74): version 0 lists client metrics subscriptions, of which there are
//! none; version 1 lists what else has configurations.

use super::Call;
use super::describe_configs::{BROKER_RESOURCE, TOPIC_RESOURCE};
use crate::service::BROKER_ID;
use crate::wire::message;
use kafka_wire::list_config_resources_response::ConfigResource;
use kafka_wire::{ListConfigResourcesRequest, ListConfigResourcesResponse};

pub(crate) async fn answer(
    call: &Call,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    let mut response = ListConfigResourcesResponse::default();
    if call.version == 0 {
        return response;
    }
    let wanted =
        |kind: i8| request.resource_types.is_empty() || request.resource_types.contains(&kind);
    if wanted(BROKER_RESOURCE) {
        response.config_resources.push(message!(ConfigResource {
            resource_name: BROKER_ID.to_string().into(),
            resource_type: BROKER_RESOURCE,
        }));
    }
    if wanted(TOPIC_RESOURCE) {
        let topics = call.node.topics.all();
        response.config_resources.extend(topics.iter().map(|topic| {
            message!(ConfigResource {
                resource_name: (&*topic.name).into(),
                resource_type: TOPIC_RESOURCE,
            })
        }));
    }
    response
}
