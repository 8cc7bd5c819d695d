//! `FindCoordinator` (10): this broker, for every group and transactional id.

use super::Call;
use crate::error::ErrorCode;
use crate::service::BROKER_ID;
use crate::wire::message;
use kafka_wire::find_coordinator_response::Coordinator;
use kafka_wire::{FindCoordinatorRequest, FindCoordinatorResponse};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

pub(crate) async fn answer(
    call: &Call,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let (host, port) = call.advertised();
    if call.version >= 4 {
        let coordinators = request.coordinator_keys.iter().map(|key| {
            let refusal = refusal(call, request.key_type, key);
            let found = refusal.is_none();
            message!(Coordinator {
                key: key.clone(),
                node_id: if found { BROKER_ID } else { -1 },
                host: if found { host.clone() } else { "".into() },
                port: if found { port } else { -1 },
                error_code: refusal.unwrap_or(ErrorCode::None).code(),
            })
        });
        return message!(FindCoordinatorResponse { coordinators: coordinators.collect() });
    }
    match refusal(call, request.key_type, &request.key) {
        Some(error) => {
            message!(FindCoordinatorResponse { error_code: error.code(), node_id: -1, port: -1 })
        }
        None => message!(FindCoordinatorResponse { node_id: BROKER_ID, host: host, port: port }),
    }
}

/// Why there is no coordinator, if so. Creates the topic it keeps its state in.
fn refusal(call: &Call, key_type: i8, key: &str) -> Option<ErrorCode> {
    match key_type {
        GROUP => call.node.topics.offsets_partition().err(),
        TRANSACTION if key.is_empty() => Some(ErrorCode::InvalidRequest),
        TRANSACTION => call.node.topics.transactions_partition().err(),
        _ => Some(ErrorCode::InvalidRequest),
    }
}
