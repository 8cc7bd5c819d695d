//! The configuration names of topics and of the broker: types, defaults, checks, and which of them
//! stand for one another.
//!
//! Never does: keep a value. [`crate::topics`] keeps what was set.

mod broker;
mod topic;

pub(crate) use broker::{BROKER, broker_value};
pub(crate) use topic::{TOPIC, log_settings};

use crate::settings::Settings;
use std::collections::BTreeMap;

/// What was set, by name.
pub(crate) type Values = BTreeMap<String, String>;

/// A value's type, by Kafka's numbers in `DescribeConfigs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    String,
    Int,
    Short,
    Long,
    Double,
    List,
}

impl Kind {
    pub(crate) const fn number(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::String => 2,
            Self::Int => 3,
            Self::Short => 4,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
        }
    }

    /// Kafka's name of the type in its refusals.
    const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::String => "STRING",
        }
    }
}

/// Where a value comes from, by Kafka's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Topic,
    DynamicBroker,
    StaticBroker,
    Default,
}

impl Source {
    pub(crate) const fn number(self) -> i8 {
        match self {
            Self::Topic => 1,
            Self::DynamicBroker => 2,
            Self::StaticBroker => 4,
            Self::Default => 5,
        }
    }
}

/// One configuration name.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Kafka's default.
    pub(crate) default: Option<&'static str>,
    /// For a topic's: the broker's name that gives topics their default.
    pub(crate) broker_name: Option<&'static str>,
    /// The values allowed, where they are a closed list.
    pub(crate) allowed: &'static [&'static str],
    /// The least number allowed.
    pub(crate) least: i64,
    /// For a broker's: whether it can be changed while the broker runs.
    pub(crate) dynamic: bool,
    pub(crate) documentation: &'static str,
}

/// A value in force, and the values it hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effective {
    pub(crate) value: Option<String>,
    pub(crate) source: Source,
    /// Name, value, source: the value in force first.
    pub(crate) synonyms: Vec<(&'static str, Option<String>, Source)>,
}

/// The topic configuration of this name.
pub(crate) fn topic_definition(name: &str) -> Option<&'static Definition> {
    TOPIC.iter().find(|definition| definition.name == name)
}

/// The broker configuration of this name.
pub(crate) fn broker_definition(name: &str) -> Option<&'static Definition> {
    BROKER.iter().find(|definition| definition.name == name)
}

/// The value of a topic's configuration.
pub(crate) fn effective_topic(
    definition: &'static Definition,
    topic: &Values,
    broker: &Values,
    settings: &Settings,
) -> Effective {
    let mut synonyms = Vec::new();
    if let Some(value) = topic.get(definition.name) {
        synonyms.push((definition.name, Some(value.clone()), Source::Topic));
    }
    if let Some(definition) = definition.broker_name.and_then(broker_definition) {
        synonyms.extend(broker_synonyms(definition, broker, settings));
    } else {
        let default = definition.default.map(str::to_owned);
        synonyms.push((definition.name, default, Source::Default));
    }
    first(synonyms)
}

/// The value of a broker's configuration.
pub(crate) fn effective_broker(
    definition: &'static Definition,
    broker: &Values,
    settings: &Settings,
) -> Effective {
    first(broker_synonyms(definition, broker, settings))
}

fn broker_synonyms(
    definition: &'static Definition,
    broker: &Values,
    settings: &Settings,
) -> Vec<(&'static str, Option<String>, Source)> {
    let mut synonyms = Vec::new();
    if let Some(value) = broker.get(definition.name) {
        synonyms.push((definition.name, Some(value.clone()), Source::DynamicBroker));
    }
    let default = definition.default.map(str::to_owned);
    if let Some(value) = broker_value(definition.name, settings)
        && Some(&value) != default.as_ref()
    {
        synonyms.push((definition.name, Some(value), Source::StaticBroker));
    }
    synonyms.push((definition.name, default, Source::Default));
    synonyms
}

fn first(synonyms: Vec<(&'static str, Option<String>, Source)>) -> Effective {
    let (value, source) = synonyms
        .first()
        .map_or((None, Source::Default), |(_, value, source)| (value.clone(), *source));
    Effective { value, source, synonyms }
}

/// Checks a value, in Kafka's words.
pub(crate) fn check_value(definition: &Definition, value: &str) -> Result<(), String> {
    let name = definition.name;
    let wrong = |why: String| Err(format!("Invalid value {value} for configuration {name}: {why}"));
    let number = match definition.kind {
        Kind::Boolean if !matches!(value.to_ascii_lowercase().as_str(), "true" | "false") => {
            return wrong("Expected value to be either true or false".to_owned());
        }
        Kind::Double => match value.trim().parse::<f64>() {
            Ok(number) if (0.0..=1.0).contains(&number) => None,
            Ok(_) => return wrong("Value must be between 0 and 1".to_owned()),
            Err(_) => return wrong("Not a number of type DOUBLE".to_owned()),
        },
        Kind::Int | Kind::Short | Kind::Long => {
            let most = match definition.kind {
                Kind::Int => i64::from(i32::MAX),
                Kind::Short => i64::from(i16::MAX),
                _ => i64::MAX,
            };
            match value.trim().parse::<i64>() {
                Ok(number) if number <= most => Some(number),
                _ => return wrong(format!("Not a number of type {}", definition.kind.name())),
            }
        }
        _ => None,
    };
    if let Some(number) = number
        && number < definition.least
    {
        return wrong(format!("Value must be at least {}", definition.least));
    }
    if !definition.allowed.is_empty() {
        let parts: Vec<&str> = match definition.kind {
            Kind::List => value.split(',').map(str::trim).collect(),
            _ => vec![value],
        };
        if parts.iter().any(|part| !definition.allowed.contains(part)) {
            return wrong(format!("String must be one of: {}", definition.allowed.join(", ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_passes_its_own_check_and_names_are_sorted() {
        for list in [TOPIC, BROKER] {
            assert!(list.is_sorted_by_key(|definition| definition.name));
            for definition in list {
                if let Some(default) = definition.default {
                    assert_eq!(check_value(definition, default), Ok(()), "{}", definition.name);
                }
            }
        }
    }

    #[test]
    fn every_broker_name_of_a_topic_configuration_is_known() {
        for definition in TOPIC {
            let known = definition.broker_name.is_none_or(|name| broker_definition(name).is_some());
            assert!(known, "{}", definition.name);
        }
    }

    #[test]
    fn a_wrong_value_is_refused_in_kafkas_words() {
        let retention = topic_definition("retention.ms").unwrap();
        assert_eq!(
            check_value(retention, "x").unwrap_err(),
            "Invalid value x for configuration retention.ms: Not a number of type LONG"
        );
        let policy = topic_definition("cleanup.policy").unwrap();
        assert!(check_value(policy, "compact,delete").is_ok());
        assert!(check_value(policy, "shred").is_err());
    }
}
