//! `DescribeAcls` (29): there is no authorizer.

use super::Call;
use crate::error::ErrorCode;
use crate::wire::message;
use kafka_wire::{DescribeAclsRequest, DescribeAclsResponse};

pub(crate) async fn answer(_call: &Call, _request: DescribeAclsRequest) -> DescribeAclsResponse {
    message!(DescribeAclsResponse {
        error_code: ErrorCode::SecurityDisabled.code(),
        error_message: Some("No Authorizer is configured.".into()),
    })
}
