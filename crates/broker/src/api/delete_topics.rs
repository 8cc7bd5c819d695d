//! `DeleteTopics` (20): by name, and from version 6 by id.

use super::Call;
use crate::error::ErrorCode;
use crate::topics::Refused;
use crate::wire::message;
use kafka_wire::delete_topics_request::DeleteTopicState;
use kafka_wire::delete_topics_response::DeletableTopicResult;
use kafka_wire::{DeleteTopicsRequest, DeleteTopicsResponse};

pub(crate) async fn answer(call: &Call, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let named = request
        .topic_names
        .iter()
        .map(|name| message!(DeleteTopicState { name: Some(name.clone()) }));
    let topics: Vec<DeleteTopicState> = named.chain(request.topics).collect();
    let responses = topics.iter().map(|topic| delete(call, topic)).collect();
    message!(DeleteTopicsResponse { responses: responses })
}

fn delete(call: &Call, topic: &DeleteTopicState) -> DeletableTopicResult {
    let mut result =
        message!(DeletableTopicResult { name: topic.name.clone(), topic_id: topic.topic_id });
    let deleted = match (&topic.name, topic.topic_id.is_zero()) {
        (Some(name), true) => match call.node.topics.get(name) {
            Some(topic) => Ok(topic),
            None => Err(Refused::new(
                ErrorCode::UnknownTopicOrPartition,
                "This server does not host this topic-partition.",
            )),
        },
        (None, false) => call.node.topics.by_id(topic.topic_id).ok_or_else(|| {
            let message = "This server does not host this topic ID.";
            Refused::new(ErrorCode::UnknownTopicId, message)
        }),
        (Some(_), false) => Err(Refused::new(
            ErrorCode::InvalidRequest,
            "You may not specify both topic name and topic id.",
        )),
        (None, true) => Err(Refused::new(
            ErrorCode::InvalidRequest,
            "Neither topic name nor id were specified.",
        )),
    };
    let deleted = deleted.and_then(|topic| {
        if topic.internal() {
            let message = format!("Cannot delete internal topic {}", topic.name);
            return Err(Refused::new(ErrorCode::InvalidTopicException, message));
        }
        call.node.topics.delete(&topic.name)?;
        call.node.groups.forget_topic(&call.node, &topic.name);
        Ok(topic)
    });
    match deleted {
        Ok(topic) => {
            result.name = Some((&*topic.name).into());
            result.topic_id = topic.id;
        }
        Err(refused) => {
            result.error_code = refused.code.code();
            result.error_message = Some(refused.message.into());
        }
    }
    result
}
