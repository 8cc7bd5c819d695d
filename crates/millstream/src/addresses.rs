//! Where a part runs: inside this process, or on servers the user has.
//!
//! Never does: connect. Health is [`crate::node`]'s.

use std::fmt;

use crate::config::keys::Part;

/// Where a part runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// Inside this process.
    Embedded,
    /// On these servers, each `host:port`; at least one.
    Servers(Vec<String>),
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => write!(out, "embedded"),
            Self::Servers(servers) => write!(out, "{}", servers.join(",")),
        }
    }
}

/// Reads `"embedded"` or `"host:port,host:port"`; the error is what the setting takes.
pub(crate) fn read(part: Part, text: &str) -> Result<Address, String> {
    if text == "embedded" {
        return Ok(Address::Embedded);
    }
    if part == Part::NotBuilt {
        return Err("takes \"embedded\" only, since this part is not built yet: \
                    remove the line and run that system beside Millstream"
            .to_owned());
    }
    let servers: Vec<_> = text.split(',').map(|server| server.trim().to_owned()).collect();
    match servers.iter().find(|server| !has_port(server)) {
        None => Ok(Address::Servers(servers)),
        Some(bad) => Err(format!(
            "takes \"embedded\" or \"host:port\" with further ones after commas, \
             and {bad:?} is neither"
        )),
    }
}

/// Reads `"embedded"`, the address of a PostgreSQL, or a file that processes of this machine share; the error is what the setting takes.
pub(crate) fn read_database(text: &str) -> Result<String, String> {
    let server =
        ["postgres://", "postgresql://", "sqlite:"].iter().any(|scheme| text.starts_with(scheme));
    if text == "embedded" || server {
        return Ok(text.to_owned());
    }
    Err("takes \"embedded\", \"postgres://user@host:port/database\" or \"sqlite:PATH\"; keep a password out of the \
         file: MILLSTREAM_ADDRESSES_DATABASE holds the whole address too"
        .to_owned())
}

fn has_port(server: &str) -> bool {
    server.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && !host.contains(char::is_whitespace)
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_embedded_or_a_list_of_servers() {
        assert_eq!(read(Part::Built, "embedded"), Ok(Address::Embedded));
        let two = read(Part::Built, "kafka-1:9092, [::1]:9092").unwrap();
        assert_eq!(two.to_string(), "kafka-1:9092,[::1]:9092");
        for bad in ["", "kafka", "kafka:0", "kafka:99999", ":9092", "a b:1", "kafka:1,"] {
            assert!(read(Part::Built, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_part_that_is_not_built_takes_embedded_only() {
        assert_eq!(read(Part::NotBuilt, "embedded"), Ok(Address::Embedded));
        assert!(read(Part::NotBuilt, "spark:15002").unwrap_err().contains("not built yet"));
    }
}
