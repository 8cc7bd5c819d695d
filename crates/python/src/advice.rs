//! What to do about errors that everybody meets once.

use std::path::Path;

/// Modules whose package has another name.
const PACKAGES: [(&str, &str); 12] = [
    ("kafka", "kafka-python"),
    ("confluent_kafka", "confluent-kafka"),
    ("cassandra", "cassandra-driver"),
    ("yaml", "PyYAML"),
    ("dateutil", "python-dateutil"),
    ("bs4", "beautifulsoup4"),
    ("sklearn", "scikit-learn"),
    ("psycopg2", "psycopg2-binary"),
    ("dotenv", "python-dotenv"),
    ("PIL", "Pillow"),
    ("pymongo", "pymongo"),
    ("airflow", "apache-airflow"),
];

/// The message, with what to do about it if that is known.
pub(crate) fn advised(message: &str, interpreter: &Path) -> String {
    let Some((_, rest)) = message.split_once("No module named '") else {
        return message.to_owned();
    };
    let Some((module, _)) = rest.split_once('\'') else { return message.to_owned() };
    let root = module.split('.').next().unwrap_or(module);
    let package = PACKAGES.iter().find(|(known, _)| *known == root).map_or(root, |(_, name)| name);
    format!("{message}; install it: {} -m pip install {package}", interpreter.display())
}

#[cfg(test)]
mod tests {
    use super::advised;
    use std::path::Path;

    #[test]
    fn a_missing_module_is_told_with_the_command_that_installs_it() {
        let python = Path::new("/venv/bin/python");
        assert_eq!(
            advised("ModuleNotFoundError: No module named 'kafka.errors'", python),
            "ModuleNotFoundError: No module named 'kafka.errors'; install it: /venv/bin/python -m pip \
             install kafka-python"
        );
        assert!(advised("No module named 'requests'", python).ends_with("pip install requests"));
        assert_eq!(advised("ValueError: boom", python), "ValueError: boom");
    }
}
