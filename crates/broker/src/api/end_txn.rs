//! `EndTxn` (26): commits or aborts. Answered once every marker is durable, so what was committed
//! can be read at once. From version 5 on the epoch is bumped with it (KIP-890).

use super::Call;
use crate::error::ErrorCode;
use crate::partition::Producer;
use crate::wire::message;
use kafka_wire::{EndTxnRequest, EndTxnResponse};

pub(crate) async fn answer(call: &Call, request: EndTxnRequest) -> EndTxnResponse {
    let producer = Producer { id: request.producer_id, epoch: request.producer_epoch };
    let bumps = call.version >= 5;
    let id = &request.transactional_id;
    let ended =
        call.node.transactions.end(&call.node, id, producer, request.committed, bumps).await;
    match ended {
        Ok(now) if bumps => {
            message!(EndTxnResponse { producer_id: now.id, producer_epoch: now.epoch })
        }
        Ok(_) => EndTxnResponse::default(),
        Err(error) => {
            let error = match error {
                // Below version 2 clients know the older code only.
                ErrorCode::ProducerFenced if call.version < 2 => ErrorCode::InvalidProducerEpoch,
                // The decision stands and is carried through; a retry is answered then.
                ErrorCode::KafkaStorageError => ErrorCode::CoordinatorNotAvailable,
                other => other,
            };
            message!(EndTxnResponse {
                error_code: error.code(),
                producer_id: -1,
                producer_epoch: -1,
            })
        }
    }
}
