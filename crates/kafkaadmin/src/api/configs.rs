//! `DescribeConfigs` (32) and `IncrementalAlterConfigs` (44): settings, where they come from, and
//! changing some of them.

use std::collections::BTreeMap;

use kafka_wire::describe_configs_request::DescribeConfigsResource;
use kafka_wire::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_wire::{DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest};
use serde::Serialize;

use crate::Change;
use crate::admin::{Admin, Target};
use crate::error::Error;
use crate::wire::{message, text};

/// What has configs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigResource {
    /// A topic.
    Topic(String),
    /// A broker.
    Broker(i32),
    /// All brokers: their dynamic defaults.
    Brokers,
}

impl ConfigResource {
    fn kind(&self) -> i8 {
        match self {
            Self::Topic(_) => 2,
            Self::Broker(_) | Self::Brokers => 4,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Topic(name) => name.clone(),
            Self::Broker(id) => id.to_string(),
            Self::Brokers => String::new(),
        }
    }

    /// A broker answers for itself.
    fn target(&self) -> Target<'static> {
        match self {
            Self::Broker(id) => Target::Node(*id),
            Self::Topic(_) | Self::Brokers => Target::Controller,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Topic(name) => format!("topic {name:?}"),
            Self::Broker(id) => format!("broker {id}"),
            Self::Brokers => "all brokers".to_owned(),
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConfigSource {
    /// Set on the topic.
    DynamicTopicConfig,
    /// Set on the running broker.
    DynamicBrokerConfig,
    /// Set on all running brokers.
    DynamicDefaultBrokerConfig,
    /// In the broker's file.
    StaticBrokerConfig,
    /// Kafka's default.
    DefaultConfig,
    /// Another place that Kafka may know.
    Other,
}

impl ConfigSource {
    fn of(number: i8) -> Self {
        match number {
            1 => Self::DynamicTopicConfig,
            2 => Self::DynamicBrokerConfig,
            3 => Self::DynamicDefaultBrokerConfig,
            4 => Self::StaticBrokerConfig,
            5 => Self::DefaultConfig,
            _ => Self::Other,
        }
    }

    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::DynamicTopicConfig => "this topic",
            Self::DynamicBrokerConfig => "this broker",
            Self::DynamicDefaultBrokerConfig => "all brokers",
            Self::StaticBrokerConfig => "the broker's file",
            Self::DefaultConfig => "default",
            Self::Other => "elsewhere",
        }
    }
}

/// A config and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigEntry {
    /// Its name.
    pub name: String,
    /// Its value; none where it is secret or unset.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// Whether the value is not this resource's own.
    pub is_default: bool,
    /// Whether it cannot be changed while the broker runs.
    pub read_only: bool,
    /// Whether its value is a secret.
    pub sensitive: bool,
    /// What it is for, where the broker says it.
    pub documentation: Option<String>,
    /// The value it would have without this resource's own.
    pub default_value: Option<String>,
}

/// A change of one config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigChange {
    /// It gets this value.
    Set(String, String),
    /// It gets its default back.
    Delete(String),
}

impl Admin {
    /// The configs of a topic or broker, by name.
    ///
    /// # Errors
    /// The broker's refusal.
    pub async fn describe_configs(&self, of: &ConfigResource) -> Result<Vec<ConfigEntry>, Error> {
        let build = |version| {
            let resource = message!(DescribeConfigsResource {
                resource_type: of.kind(),
                resource_name: of.name().into(),
                configuration_keys: None,
            });
            message!(DescribeConfigsRequest {
                resources: vec![resource],
                include_synonyms: true,
                include_documentation: version >= 3,
            })
        };
        let code = |answer: &DescribeConfigsResponse| {
            answer.results.first().map_or(0, |result| result.error_code)
        };
        let mut reply = self.ask(of.target(), 1..=4, build, code).await?;
        let Some(result) = reply.body.results.pop() else { return Ok(Vec::new()) };
        reply.check(result.error_code, || of.words(), result.error_message)?;
        let own = match of {
            ConfigResource::Topic(_) => ConfigSource::DynamicTopicConfig,
            ConfigResource::Broker(_) => ConfigSource::DynamicBrokerConfig,
            ConfigResource::Brokers => ConfigSource::DynamicDefaultBrokerConfig,
        };
        let entries = result.configs.into_iter().map(|config| {
            let source = ConfigSource::of(config.config_source);
            let other = config.synonyms.iter().find(|one| ConfigSource::of(one.source) != own);
            let default_value = other.and_then(|one| one.value.as_ref()).map(ToString::to_string);
            ConfigEntry {
                name: config.name.to_string(),
                value: config.value.map(kafka_wire_core::StrBytes::into_string),
                source,
                is_default: source != own,
                read_only: config.read_only,
                sensitive: config.is_sensitive,
                documentation: text(config.documentation),
                default_value,
            }
        });
        let mut entries: Vec<ConfigEntry> = entries.collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Some configs of many topics in one request: values by topic and name. Topics that are gone are
    /// left out.
    ///
    /// # Errors
    /// No broker answers.
    pub async fn describe_topic_configs(
        &self,
        topics: &[&str],
        names: &[&str],
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, Error> {
        if topics.is_empty() {
            return Ok(BTreeMap::new());
        }
        let build = |_| {
            let resources = topics.iter().map(|topic| {
                message!(DescribeConfigsResource {
                    resource_type: 2,
                    resource_name: (*topic).into(),
                    configuration_keys: Some(names.iter().map(|name| (*name).into()).collect()),
                })
            });
            message!(DescribeConfigsRequest { resources: resources.collect() })
        };
        let code = |_: &DescribeConfigsResponse| 0;
        let reply = self.ask(Target::Any, 1..=4, build, code).await?;
        let known = reply.body.results.into_iter().filter(|result| result.error_code == 0);
        let values = known.map(|result| {
            let values = result.configs.into_iter().filter_map(|config| {
                Some((config.name.into_string(), config.value?.into_string()))
            });
            (result.resource_name.into_string(), values.collect())
        });
        Ok(values.collect())
    }

    /// Changes some configs and leaves the others as they are.
    ///
    /// # Errors
    /// The broker's refusal.
    pub async fn incremental_alter_configs(
        &self,
        of: &ConfigResource,
        changes: &[ConfigChange],
        change: Change,
    ) -> Result<(), Error> {
        let build = |_| {
            let configs = changes.iter().map(|change| match change {
                ConfigChange::Set(name, value) => message!(AlterableConfig {
                    name: name.as_str().into(),
                    config_operation: 0,
                    value: Some(value.as_str().into()),
                }),
                ConfigChange::Delete(name) => message!(AlterableConfig {
                    name: name.as_str().into(),
                    config_operation: 1,
                    value: None,
                }),
            });
            let resource = message!(AlterConfigsResource {
                resource_type: of.kind(),
                resource_name: of.name().into(),
                configs: configs.collect(),
            });
            message!(IncrementalAlterConfigsRequest {
                resources: vec![resource],
                validate_only: change.validates_only(),
            })
        };
        let code = |answer: &kafka_wire::IncrementalAlterConfigsResponse| {
            answer.responses.first().map_or(0, |one| one.error_code)
        };
        let reply = self.ask(of.target(), 0..=1, build, code).await?;
        reply.body.responses.iter().try_for_each(|one| {
            reply.check(one.error_code, || of.words(), one.error_message.clone())
        })
    }
}
