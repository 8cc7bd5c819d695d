//! The text of a setting, read into its kind: durations, sizes, shares, addresses.
//!
//! Every refusal says what the setting takes, with an example.

use std::net::SocketAddr;
use std::time::Duration;

use super::keys::{Kind, Reach};
use crate::addresses::{self, Address};

/// A checked value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Any text.
    Text(String),
    /// True or false.
    Flag(bool),
    /// A whole number.
    Count(u64),
    /// A share, 0 to 100.
    Percent(f64),
    /// A duration.
    Span(Duration),
    /// A size in bytes.
    Size(u64),
    /// An address to listen on.
    Listen(SocketAddr),
    /// One of a few words.
    Choice(String),
    /// Where a part runs.
    Place(Address),
}

/// Units of time, longest name first so that "ms" is not read as "m" and a rest.
const SPAN_UNITS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Units of size, in bytes.
const SIZE_UNITS: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// Reads `text` as a value of this kind; the error is what the setting takes.
pub(crate) fn read(kind: Kind, text: &str) -> Result<Value, String> {
    let text = text.trim();
    match kind {
        Kind::Text => Ok(Value::Text(text.to_owned())),
        Kind::Flag => match text {
            "true" => Ok(Value::Flag(true)),
            "false" => Ok(Value::Flag(false)),
            _ => Err("takes true or false".to_owned()),
        },
        Kind::Count(min, max) => text
            .replace('_', "")
            .parse()
            .ok()
            .filter(|count| (min..=max).contains(count))
            .map(Value::Count)
            .ok_or_else(|| format!("takes a whole number from {min} to {max}")),
        Kind::Percent => read_percent(text),
        Kind::Span(min, max) => read_span(text)
            .filter(|span| (min..=max).contains(span))
            .map(Value::Span)
            .ok_or_else(|| {
                let (min, max) = (print_span(min), print_span(max));
                format!("takes a duration from {min} to {max}, such as \"30s\" (ms, s, m, h, d)")
            }),
        Kind::Size(min, max) => read_size(text)
            .filter(|size| (min..=max).contains(size))
            .map(Value::Size)
            .ok_or_else(|| {
                let (min, max) = (print_size(min), print_size(max));
                format!("takes a size from {min} to {max}, such as \"64MiB\"")
            }),
        Kind::Listen(reach) => read_listen(reach, text),
        Kind::Choice(words) => words
            .iter()
            .find(|word| **word == text)
            .map(|word| Value::Choice((*word).to_owned()))
            .ok_or_else(|| format!("takes one of {}", words.join(", "))),
        Kind::Place(part) => addresses::read(part, text).map(Value::Place),
        Kind::Database => addresses::read_database(text).map(Value::Text),
    }
}

fn read_percent(text: &str) -> Result<Value, String> {
    text.strip_suffix('%')
        .and_then(|number| number.trim().parse::<f64>().ok())
        .filter(|share| (0.0..=100.0).contains(share))
        .map(Value::Percent)
        .ok_or_else(|| "takes a share from \"0%\" to \"100%\"".to_owned())
}

fn read_listen(reach: Reach, text: &str) -> Result<Value, String> {
    let text = text.replacen("localhost:", "127.0.0.1:", 1);
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "takes an IP address and a port, such as \"127.0.0.1:9092\"".to_owned())?;
    if reach == Reach::Loopback && !address.ip().is_loopback() {
        return Err("takes a loopback address only, such as \"127.0.0.1:9021\": \
                    it has no authentication yet"
            .to_owned());
    }
    Ok(Value::Listen(address))
}

/// Splits `12.5MiB` into the number and the unit's factor.
fn read_with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (unit, factor) = units.iter().find(|(unit, _)| text.ends_with(unit))?;
    let number = text.strip_suffix(unit)?.trim().replace('_', "");
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn read_span(text: &str) -> Option<Duration> {
    read_with_unit(text, SPAN_UNITS).map(Duration::from_millis)
}

fn read_size(text: &str) -> Option<u64> {
    read_with_unit(text, SIZE_UNITS)
}

/// A duration in the largest unit that divides it.
pub(crate) fn print_span(span: Duration) -> String {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    print_in(millis, SPAN_UNITS.iter().rev()).unwrap_or_else(|| "0ms".to_owned())
}

/// A size in the largest binary unit that divides it.
pub(crate) fn print_size(size: u64) -> String {
    print_in(size, SIZE_UNITS[..5].iter().rev()).unwrap_or_else(|| format!("{size}B"))
}

fn print_in<'a>(
    amount: u64,
    mut units: impl Iterator<Item = &'a (&'a str, u64)>,
) -> Option<String> {
    let (unit, factor) = units.find(|(_, factor)| amount > 0 && amount.is_multiple_of(*factor))?;
    Some(format!("{}{unit}", amount / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_units_are_read_and_printed() {
        for (text, span) in [("5ms", 5), ("30s", 30_000), ("2m", 120_000), ("7d", 604_800_000)] {
            assert_eq!(read_span(text), Some(Duration::from_millis(span)));
            assert_eq!(print_span(Duration::from_millis(span)), text);
        }
        for (text, size) in [("0B", 0), ("64MiB", 64 << 20), ("1KiB", 1024), ("1000B", 1000)] {
            assert_eq!(read_size(text), Some(size));
            assert_eq!(print_size(size), text);
        }
        assert_eq!(read_size("2MB"), Some(2_000_000));
    }

    #[test]
    fn a_number_without_a_unit_is_refused() {
        assert_eq!(read_span("30"), None);
        assert_eq!(read_size("64"), None);
        assert_eq!(read_size("99999999999PiB"), None, "more than a u64 holds");
        assert!(read(Kind::Percent, "2").is_err());
        assert!(read(Kind::Percent, "101%").is_err());
    }

    #[test]
    fn the_status_service_and_the_page_stay_on_loopback() {
        let refusal = read(Kind::Listen(Reach::Loopback), "0.0.0.0:9021").unwrap_err();
        assert!(refusal.contains("loopback"), "{refusal}");
        assert!(read(Kind::Listen(Reach::Anyone), "0.0.0.0:9092").is_ok());
        assert!(read(Kind::Listen(Reach::Loopback), "localhost:1").is_ok());
    }
}
