//! `DescribeClientQuotas` (48): none are set.

use super::Call;
use crate::wire::message;
use kafka_wire::{DescribeClientQuotasRequest, DescribeClientQuotasResponse};

pub(crate) async fn answer(
    _call: &Call,
    _request: DescribeClientQuotasRequest,
) -> DescribeClientQuotasResponse {
    message!(DescribeClientQuotasResponse { entries: Some(Vec::new()) })
}
