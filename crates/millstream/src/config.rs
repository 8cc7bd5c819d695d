//! The settings: one value per key, out of four layers, each with its origin.
//!
//! Owns the only list of keys ([`keys`]) and the only file of defaults ([`defaults`]). The order is
//! defaults, the project's `millstream.toml`, the environment, flags; a later layer wins.
//!
//! Never does: start a part, or know what a setting is used for.

pub(crate) mod defaults;
pub(crate) mod keys;
pub(crate) mod layers;
pub(crate) mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::addresses::Address;
use crate::failure::{Failure, Place};
use values::Value;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `defaults.toml`, embedded in the program.
    Default,
    /// A line of the project's file.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(out, "default"),
            Self::File(path, line) => write!(out, "file {}:{line}", path.display()),
            Self::Environment(name) => write!(out, "environment {name}"),
            Self::Flag(flag) => write!(out, "flag {flag}"),
        }
    }
}

impl Origin {
    /// The line of the file, for an error about the value.
    pub(crate) fn place(&self) -> Option<Place> {
        match self {
            Self::File(path, line) => Some(Place { file: path.clone(), line: *line, column: 0 }),
            _ => None,
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// The checked value.
    pub(crate) value: Value,
    /// The value as it was written.
    pub(crate) text: String,
    /// The layer it comes from.
    pub(crate) origin: Origin,
}

/// Every setting. Each key of [`keys::KEYS`] has a value, since the defaults name them all.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    settings: BTreeMap<&'static str, Setting>,
}

/// Reads one variant of a value. A key of another kind cannot get here: the key table decides the
/// kind when the value is read, and a test walks every getter.
macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $type:ty) => {
        $(#[$doc])*
        pub(crate) fn $name(&self, key: &str) -> Result<$type, Failure> {
            match &self.setting(key)?.value {
                Value::$variant(value) => Ok(value.clone()),
                other => Err(Failure::new(format!("{key} holds {other:?}, which is a bug"))),
            }
        }
    };
}

impl Config {
    /// The setting of a key, or a failure that names the nearest one.
    pub(crate) fn setting(&self, key: &str) -> Result<&Setting, Failure> {
        self.settings.get(key).ok_or_else(|| keys::unknown(key))
    }

    /// Every setting, by its key.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        self.settings.iter().map(|(key, setting)| (*key, setting))
    }

    getter!(/// An address to listen on.
        listen, Listen, SocketAddr);
    getter!(/// A whole number.
        count, Count, u64);
    getter!(/// A duration.
        span, Span, Duration);
    getter!(/// A size in bytes.
        size, Size, u64);
    getter!(/// True or false.
        flag, Flag, bool);
    getter!(/// A share, 0 to 100.
        percent, Percent, f64);
    getter!(/// Any text.
        text, Text, String);
    getter!(/// One of a few words.
        choice, Choice, String);
    getter!(/// Where a part runs.
        address, Place, Address);

    /// When an acknowledged write is safe.
    pub(crate) fn durability(&self) -> Result<runtime::Durability, Failure> {
        Ok(match self.choice("durability.mode")?.as_str() {
            "os" => runtime::Durability::Os,
            _ => runtime::Durability::Group,
        })
    }
}
