//! The kinds of tasks: what each is called, in Airflow and for short, and what it takes.

use serde_json::{Map, Value};

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// A shell command.
    Bash,
    /// A Python function.
    Python,
    /// An HTTP request.
    Http,
    /// SQL on a database.
    Sql,
    /// CQL on the table store.
    Cql,
    /// A record into a topic.
    KafkaProduce,
    /// A stream: started, stopped or waited for.
    Stream,
    /// A wait for a topic, a table or a file.
    Sensor,
    /// Nothing.
    Empty,
    /// What only Python knows: any operator of a Python DAG file. Not for YAML files.
    Airflow,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A whole number, not negative.
    Count,
    /// true or false.
    Flag,
    /// A text or a list of texts.
    Texts,
    /// Names with texts.
    Map,
    /// Anything.
    Any,
}

/// A parameter of an operator.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether it must be given.
    pub required: bool,
    /// Whether its texts are templates.
    pub templated: bool,
}

const fn required(name: &'static str, kind: Kind, templated: bool) -> Parameter {
    Parameter { name, kind, required: true, templated }
}

const fn optional(name: &'static str, kind: Kind, templated: bool) -> Parameter {
    Parameter { name, kind, required: false, templated }
}

/// An operator, its names and its parameters.
struct Entry {
    operator: Operator,
    name: &'static str,
    /// The last part of a class path stands for all modules that Airflow has had it in.
    classes: &'static [&'static str],
    parameters: &'static [Parameter],
}

const ENTRIES: &[Entry] = &[
    Entry {
        operator: Operator::Bash,
        name: "bash",
        classes: &["BashOperator"],
        parameters: &[
            required("bash_command", Kind::Text, true),
            optional("env", Kind::Map, true),
            optional("append_env", Kind::Flag, false),
            optional("cwd", Kind::Text, true),
            optional("skip_on_exit_code", Kind::Count, false),
        ],
    },
    Entry {
        operator: Operator::Python,
        name: "python",
        classes: &["PythonOperator"],
        parameters: &[
            optional("python_callable", Kind::Text, false),
            optional("python_callable_name", Kind::Text, false),
            optional("python_callable_file", Kind::Text, false),
            optional("op_args", Kind::Any, true),
            optional("op_kwargs", Kind::Any, true),
        ],
    },
    Entry {
        operator: Operator::Http,
        name: "http",
        classes: &["HttpOperator", "SimpleHttpOperator"],
        parameters: &[
            required("endpoint", Kind::Text, true),
            optional("http_conn_id", Kind::Text, false),
            optional("method", Kind::Choice(&["GET", "POST", "PUT", "PATCH", "DELETE"]), false),
            optional("data", Kind::Any, true),
            optional("headers", Kind::Map, true),
        ],
    },
    Entry {
        operator: Operator::Sql,
        name: "sql",
        classes: &["SQLExecuteQueryOperator"],
        parameters: &[
            required("sql", Kind::Texts, true),
            optional("conn_id", Kind::Text, false),
            optional("parameters", Kind::Any, true),
        ],
    },
    Entry {
        operator: Operator::Cql,
        name: "cql",
        classes: &[],
        parameters: &[required("cql", Kind::Texts, true), optional("conn_id", Kind::Text, false)],
    },
    Entry {
        operator: Operator::KafkaProduce,
        name: "kafka.produce",
        classes: &[],
        parameters: &[
            required("topic", Kind::Text, true),
            required("value", Kind::Any, true),
            optional("key", Kind::Text, true),
            optional("headers", Kind::Map, true),
            optional("conn_id", Kind::Text, false),
        ],
    },
    Entry {
        operator: Operator::Stream,
        name: "stream",
        classes: &[],
        parameters: &[
            required("stream", Kind::Text, false),
            required("action", Kind::Choice(&["start", "stop", "wait", "run"]), false),
            optional("seconds", Kind::Count, false),
        ],
    },
    Entry {
        operator: Operator::Sensor,
        name: "sensor",
        classes: &[],
        parameters: &[
            optional("topic", Kind::Text, true),
            optional("table", Kind::Text, true),
            optional("file", Kind::Text, true),
            optional("poke_interval", Kind::Count, false),
            optional("timeout", Kind::Count, false),
            optional("soft_fail", Kind::Flag, false),
        ],
    },
    Entry {
        operator: Operator::Empty,
        name: "empty",
        classes: &["EmptyOperator", "DummyOperator"],
        parameters: &[],
    },
    Entry {
        operator: Operator::Airflow,
        name: "airflow",
        classes: &[],
        parameters: &[required("operator", Kind::Text, false)],
    },
];

/// What YAML files may write.
fn written() -> impl Iterator<Item = &'static Entry> {
    ENTRIES.iter().filter(|entry| entry.operator != Operator::Airflow)
}

impl Operator {
    /// The operator of a short name or of an Airflow class path, as YAML files write it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let class = name.rsplit('.').next().unwrap_or(name);
        let airflow = name.starts_with("airflow.");
        written()
            .find(|entry| entry.name == name || (airflow && entry.classes.contains(&class)))
            .map(|entry| entry.operator)
    }

    /// The operator of a short name alone, as [`Self::name`] gives it.
    #[must_use]
    pub fn of_short_name(name: &str) -> Option<Self> {
        ENTRIES.iter().find(|entry| entry.name == name).map(|entry| entry.operator)
    }

    /// The short names of all that YAML files may write.
    pub fn names() -> impl Iterator<Item = &'static str> {
        written().map(|entry| entry.name)
    }

    /// Its short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().map_or("", |entry| entry.name)
    }

    /// What it takes.
    #[must_use]
    pub fn parameters(self) -> &'static [Parameter] {
        self.entry().map_or(&[], |entry| entry.parameters)
    }

    fn entry(self) -> Option<&'static Entry> {
        ENTRIES.iter().find(|entry| entry.operator == self)
    }

    /// What is wrong with arguments as a whole, once each has its parameter's type.
    ///
    /// # Errors
    /// One sentence.
    pub fn check(self, arguments: &Map<String, Value>) -> Result<(), String> {
        let given =
            |names: &[&str]| names.iter().filter(|name| arguments.contains_key(**name)).count();
        if let Some(missing) = self
            .parameters()
            .iter()
            .find(|parameter| parameter.required && !arguments.contains_key(parameter.name))
        {
            return Err(format!("operator {} needs {}", self.name(), missing.name));
        }
        match self {
            Self::Python if given(&["python_callable"]) == given(&["python_callable_name"]) => {
                Err("operator python needs python_callable, or python_callable_name with \
                 python_callable_file"
                    .to_owned())
            }
            Self::Python if given(&["python_callable_name", "python_callable_file"]) == 1 => {
                Err("python_callable_name and python_callable_file belong together".to_owned())
            }
            Self::Sensor if given(&["topic", "table", "file"]) != 1 => {
                Err("operator sensor needs one of topic, table and file".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl Kind {
    /// Whether a value is of this type.
    ///
    /// # Errors
    /// What is wanted.
    pub fn check(self, value: &Value) -> Result<(), String> {
        let right = match self {
            Self::Text => value.is_string(),
            Self::Choice(names) => value.as_str().is_some_and(|text| names.contains(&text)),
            Self::Count => value.is_u64(),
            Self::Flag => value.is_boolean(),
            Self::Texts => {
                value.is_string()
                    || value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
            }
            Self::Map => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
            Self::Any => true,
        };
        if right { Ok(()) } else { Err(self.wanted()) }
    }

    fn wanted(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Choice(names) => format!("one of {}", names.join(", ")),
            Self::Count => "a whole number that is not negative".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Texts => "a text or a list of texts".to_owned(),
            Self::Map => "names with texts".to_owned(),
            Self::Any => "a value".to_owned(),
        }
    }
}
