//! Defaults, file, environment and flags, laid over each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::defaults::DEFAULTS;
use super::{Config, Origin, Setting, keys, values};
use crate::failure::Failure;
use spelling::nearest;

/// Variables of the environment that are no settings.
const OTHER_VARIABLES: &[&str] = &["MILLSTREAM_CRASH_AT", "MILLSTREAM_LOG"];

/// What lies over the defaults.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// The project's file: its path for messages, and its text.
    pub(crate) file: Option<(PathBuf, String)>,
    /// The environment, names and values.
    pub(crate) environment: Vec<(String, String)>,
    /// `--set KEY=VALUE`, in order.
    pub(crate) flags: Vec<String>,
}

/// How a value was written. A file tells text from numbers, the environment and flags do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Text,
    Bare,
    Untold,
}

impl Layers {
    /// Every setting's value, or everything that is wrong, in the order of the layers.
    pub(crate) fn resolve(self) -> Result<Config, Vec<Failure>> {
        let mut config = Config { settings: BTreeMap::new() };
        let mut failures = Vec::new();
        config.lay_file(None, DEFAULTS, &mut failures);
        if let Some((path, text)) = &self.file {
            config.lay_file(Some(path), text, &mut failures);
        }
        for (name, value) in self.environment {
            config.lay_variable(name, &value, &mut failures);
        }
        for flag in self.flags {
            config.lay_flag(&flag, &mut failures);
        }
        if failures.is_empty() { Ok(config) } else { Err(failures) }
    }
}

impl Config {
    fn lay_file(&mut self, path: Option<&PathBuf>, text: &str, failures: &mut Vec<Failure>) {
        let shown = path.map_or(Path::new("defaults.toml"), PathBuf::as_path);
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(error) => {
                let line = error.span().map_or(0, |span| line_of(text, span.start));
                let what = error.message().lines().next().unwrap_or("unreadable").to_owned();
                failures.push(Failure::new(format!("not valid TOML: {what}")).at(shown, line));
                return;
            }
        };
        for (section, keys) in table.get_ref() {
            let line = line_of(text, section.span().start);
            let name = section.get_ref().as_ref();
            match keys.get_ref() {
                DeValue::Table(keys) if keys::sections().contains(&name) => {
                    for (key, value) in keys {
                        let line = line_of(text, key.span().start);
                        let key = format!("{name}.{}", key.get_ref());
                        let origin =
                            path.map_or(Origin::Default, |path| Origin::File(path.clone(), line));
                        let laid = match print_toml(value.get_ref()) {
                            Some((written, text)) => self.lay(&key, &text, written, origin),
                            None => Err(Failure::new(format!("{key} takes one value"))),
                        };
                        failures.extend(laid.err().map(|failure| failure.at(shown, line)));
                    }
                }
                _ => failures.push(unknown_section(name).at(shown, line)),
            }
        }
    }

    fn lay_variable(&mut self, name: String, value: &str, failures: &mut Vec<Failure>) {
        if !name.starts_with("MILLSTREAM_") || OTHER_VARIABLES.contains(&name.as_str()) {
            return;
        }
        let laid = match keys::KEYS.iter().find(|(key, _)| keys::variable(key) == name) {
            Some((key, _)) => self.lay(key, value, Written::Untold, Origin::Environment(name)),
            None => Err(unknown_variable(&name)),
        };
        failures.extend(laid.err());
    }

    fn lay_flag(&mut self, flag: &str, failures: &mut Vec<Failure>) {
        let laid = match flag.split_once('=') {
            Some((key, value)) => {
                let origin = Origin::Flag(format!("--set {flag}"));
                self.lay(key.trim(), value, Written::Untold, origin)
            }
            None => Err(Failure::new(format!("--set {flag} has no value"))
                .next("write --set KEY=VALUE, such as --set broker.listen=127.0.0.1:9192")),
        };
        failures.extend(laid.err());
    }

    fn lay(
        &mut self,
        key: &str,
        text: &str,
        written: Written,
        origin: Origin,
    ) -> Result<(), Failure> {
        let (name, kind) = keys::find(key).ok_or_else(|| keys::unknown(key))?;
        let bare = matches!(kind, keys::Kind::Flag | keys::Kind::Count(..));
        let taken = values::read(kind, text).and_then(|value| match (written, bare) {
            (Written::Text, true) => Err("takes a value without quotes".to_owned()),
            (Written::Bare, false) => Err("takes a text in quotes".to_owned()),
            _ => Ok(value),
        });
        let value = taken.map_err(|takes| {
            let failure = match &origin {
                Origin::Environment(variable) => {
                    Failure::new(format!("{variable}={text} is refused: {key} {takes}"))
                }
                _ => Failure::new(format!("{key} = {text:?} is refused: it {takes}")),
            };
            failure.next(format!("`millstream config explain {key}` tells what it does"))
        })?;
        self.settings.insert(name, Setting { value, text: text.to_owned(), origin });
        Ok(())
    }
}

fn print_toml(value: &DeValue<'_>) -> Option<(Written, String)> {
    Some(match value {
        DeValue::String(text) => (Written::Text, text.to_string()),
        DeValue::Integer(number) => (Written::Bare, number.to_string()),
        DeValue::Float(number) => (Written::Bare, number.to_string()),
        DeValue::Boolean(flag) => (Written::Bare, flag.to_string()),
        _ => return None,
    })
}

fn unknown_section(name: &str) -> Failure {
    let failure = Failure::new(format!("[{name}] is not a section of settings"));
    let sections = keys::sections();
    match nearest(name, sections.iter().copied()) {
        Some(near) => failure.next(format!("did you mean [{near}]?")),
        None => failure.next(format!("the sections are {}", sections.join(", "))),
    }
}

fn unknown_variable(name: &str) -> Failure {
    let variables: Vec<_> = keys::KEYS.iter().map(|(key, _)| keys::variable(key)).collect();
    let failure = Failure::new(format!("the environment variable {name} is not a setting"));
    match nearest(name, variables.iter().map(String::as_str)) {
        Some(near) => failure.next(format!("did you mean {near}?")),
        None => failure.next("unset it, or see `millstream config defaults`"),
    }
}

/// The line of a byte offset, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn file(text: &str) -> Layers {
        Layers {
            file: Some((PathBuf::from("millstream.toml"), text.to_owned())),
            ..Layers::default()
        }
    }

    fn refusal(layers: Layers) -> String {
        layers.resolve().unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_defaults_give_every_key_a_value() {
        let config = Layers::default().resolve().unwrap();
        for (key, _) in keys::KEYS {
            assert_eq!(config.setting(key).unwrap().origin, Origin::Default);
        }
    }

    #[test]
    fn a_later_layer_wins_and_says_so() {
        let mut layers = file("[broker]\nretention = \"1h\"\n");
        let config = layers.resolve().unwrap();
        assert_eq!(config.span("broker.retention").unwrap(), Duration::from_secs(3600));
        assert_eq!(
            config.setting("broker.retention").unwrap().origin.to_string(),
            "file millstream.toml:2"
        );

        layers = file("[broker]\nretention = \"1h\"\n");
        layers.environment = vec![("MILLSTREAM_BROKER_RETENTION".into(), "2h".into())];
        let config = layers.resolve().unwrap();
        assert_eq!(
            config.setting("broker.retention").unwrap().origin.to_string(),
            "environment MILLSTREAM_BROKER_RETENTION"
        );

        layers = file("");
        layers.environment = vec![("MILLSTREAM_BROKER_RETENTION".into(), "2h".into())];
        layers.flags = vec!["broker.retention=3h".into()];
        let config = layers.resolve().unwrap();
        assert_eq!(config.span("broker.retention").unwrap(), Duration::from_secs(3 * 3600));
    }

    #[test]
    fn every_mistake_of_a_file_is_told_with_its_line() {
        let text = refusal(file(
            "[broker]\nretentoin = \"1h\"\npartitions = \"3\"\n\n[brokers]\n[store]\ncache = 5\n",
        ));
        assert_eq!(
            text,
            "error: broker.retentoin is not a setting\n   at: millstream.toml:2\n \
             next: did you mean broker.retention?\n\
             error: broker.partitions = \"3\" is refused: it takes a value without quotes\n   \
             at: millstream.toml:3\n next: `millstream config explain broker.partitions` tells what it does\n\
             error: [brokers] is not a section of settings\n   at: millstream.toml:5\n \
             next: did you mean [broker]?\n\
             error: store.cache = \"5\" is refused: it takes a size from 1MiB to 64GiB, such as \"64MiB\"\n   \
             at: millstream.toml:7\n next: `millstream config explain store.cache` tells what it does"
        );
    }

    #[test]
    fn a_file_that_is_not_toml_is_told_with_its_line() {
        let text = refusal(file("[broker]\nlisten = \n"));
        assert!(text.contains("not valid TOML") && text.contains("millstream.toml:2"), "{text}");
    }

    #[test]
    fn an_unknown_variable_is_refused_and_the_test_aids_are_not() {
        let environment = vec![
            ("MILLSTREAM_CRASH_AT".into(), "recovery:1".into()),
            ("PATH".into(), "/bin".into()),
            ("MILLSTREAM_BROKER_LISTN".into(), "x".into()),
        ];
        let layers = Layers { environment, ..Layers::default() };
        let text = refusal(layers);
        assert!(text.contains("did you mean MILLSTREAM_BROKER_LISTEN?"), "{text}");
        assert!(!text.contains("CRASH"), "{text}");
    }
}
