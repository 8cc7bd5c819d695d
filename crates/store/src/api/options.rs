//! OPTIONS: what the server speaks.

use cql::response::Response;

/// Answers with versions and compressions.
pub(crate) fn answer() -> Response {
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    Response::Supported(vec![
        ("PROTOCOL_VERSIONS".to_owned(), list(&["3/v3", "4/v4", "5/v5"])),
        ("COMPRESSION".to_owned(), list(&["snappy", "lz4"])),
        ("CQL_VERSION".to_owned(), list(&[crate::node::CQL_VERSION])),
    ])
}
