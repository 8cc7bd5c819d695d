//! STARTUP: compression and language version of the connection.

use super::Session;
use crate::execute::failure::{Failure, Outcome};
use cql::Version;
use cql::frame::Compression;
use std::collections::BTreeMap;

/// Checks the options and returns the compression that was agreed. The answer is READY: there is no
/// authentication, so clients that carry credentials go on without them.
pub(crate) fn answer(
    session: &Session,
    version: Version,
    options: &BTreeMap<String, String>,
) -> Outcome<Option<Compression>> {
    let get = |name: &str| {
        options.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let Some(language) = get("CQL_VERSION") else {
        return Err(Failure::protocol("Missing value CQL_VERSION in STARTUP message"));
    };
    // The Rust driver asks for 4.0.0 whatever the server offers.
    if !language.starts_with("3.") && !language.starts_with("4.") {
        return Err(Failure::protocol(format!(
            "CQL version {language} is not supported by the binary protocol (supported version are >= 3.0.0)"
        )));
    }
    let compression = match get("COMPRESSION").filter(|name| !name.is_empty()) {
        None => None,
        Some(name) => match Compression::from_name(name) {
            Some(Compression::Snappy) if version == Version::V5 => {
                return Err(Failure::protocol(
                    "Unsupported compression type snappy for protocol version 5",
                ));
            }
            Some(compression) => Some(compression),
            None => {
                return Err(Failure::protocol(format!("Unknown compression algorithm: {name}")));
            }
        },
    };
    session.node.clients.update(session.client, |client| {
        client.driver_name = get("DRIVER_NAME").cloned();
        client.driver_version = get("DRIVER_VERSION").cloned();
        client.protocol = version as i32;
    });
    Ok(compression)
}
