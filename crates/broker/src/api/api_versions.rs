//! `ApiVersions` (18): which requests are served, in which versions, with which features.
//!
//! Unlike every other request, an unknown version of it is answered, with error 35 in version 0's
//! layout (KIP-511), and its response header never has tagged fields.

use super::Call;
use super::list::{API_VERSIONS, APIS};
use crate::error::ErrorCode;
use crate::wire::message;
use kafka_wire::api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};
use kafka_wire::{ApiVersionsRequest, ApiVersionsResponse};

/// The level of `transaction.version` that turns on KIP-890's second part.
pub(crate) const TRANSACTION_VERSION: i16 = 2;

/// `(name, least, most, finalized)`. `metadata.version` 29 is Kafka 4.2's.
const FEATURES: &[(&str, i16, i16, i16)] = &[
    ("group.version", 0, 1, 1),
    ("metadata.version", 7, 29, 29),
    ("transaction.version", 0, 2, TRANSACTION_VERSION),
];

pub(crate) async fn answer(call: &Call, request: ApiVersionsRequest) -> ApiVersionsResponse {
    let mut response = ApiVersionsResponse::default();
    if call.version >= 3
        && !(named(&request.client_software_name) && named(&request.client_software_version))
    {
        response.error_code = ErrorCode::InvalidRequest.code();
        return response;
    }
    response.api_keys = keys();
    if call.version >= 3 {
        response.finalized_features_epoch = 0;
        response.finalized_features = FEATURES
            .iter()
            .map(|&(name, _, _, level)| {
                message!(FinalizedFeatureKey {
                    name: name.into(),
                    max_version_level: level,
                    min_version_level: level,
                })
            })
            .collect();
        response.supported_features = FEATURES
            .iter()
            // Clients of version 3 refuse a least version of 0.
            .filter(|(_, least, _, _)| call.version >= 4 || *least > 0)
            .map(|&(name, least, most, _)| {
                message!(SupportedFeatureKey {
                    name: name.into(),
                    min_version: least,
                    max_version: most,
                })
            })
            .collect();
    }
    response
}

/// The answer to a version that is not served.
pub(crate) fn unsupported() -> ApiVersionsResponse {
    message!(ApiVersionsResponse {
        error_code: ErrorCode::UnsupportedVersion.code(),
        api_keys: keys().into_iter().filter(|api| api.api_key == API_VERSIONS).collect(),
    })
}

fn keys() -> Vec<ApiVersion> {
    APIS.iter()
        .map(|api| {
            message!(ApiVersion {
                api_key: api.key,
                min_version: api.advertised_min,
                max_version: api.max,
            })
        })
        .collect()
}

/// Kafka's pattern `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?` for a client's name and version.
fn named(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(inner)
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_software_name_follows_kafkas_pattern() {
        for good in ["librdkafka", "apache-kafka-java", "3.0.12", "a"] {
            assert!(named(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a b", "a/b", "\u{e9}"] {
            assert!(!named(bad), "{bad}");
        }
    }
}
