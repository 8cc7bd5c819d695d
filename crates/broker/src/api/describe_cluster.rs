//! `DescribeCluster` (60).

use super::Call;
use super::metadata::CLUSTER_OPERATIONS;
use crate::error::ErrorCode;
use crate::service::BROKER_ID;
use crate::wire::message;
use kafka_wire::describe_cluster_response::DescribeClusterBroker;
use kafka_wire::{DescribeClusterRequest, DescribeClusterResponse};

/// Brokers are asked for; controllers have no listener here.
const BROKERS: i8 = 1;

pub(crate) async fn answer(
    call: &Call,
    request: DescribeClusterRequest,
) -> DescribeClusterResponse {
    if call.version >= 1 && request.endpoint_type != BROKERS {
        return message!(DescribeClusterResponse {
            error_code: ErrorCode::MismatchedEndpointType.code(),
            error_message: Some("This broker has no controller listener.".into()),
        });
    }
    let (host, port) = call.advertised();
    let mut response = message!(DescribeClusterResponse {
        cluster_id: call.node.cluster_id().into(),
        controller_id: BROKER_ID,
        brokers: vec![message!(DescribeClusterBroker {
            broker_id: BROKER_ID,
            host: host,
            port: port,
        })],
    });
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    response
}
