//! Reading of a map's keys, each once and with its type; what is left over is a problem.

use crate::Problem;
use crate::yaml::{Content, Key, Node};
use serde_json::{Map, Value};

/// The keys of one map that have not been read yet.
pub(crate) struct Fields<'a, 'p> {
    node: &'a Node,
    left: Vec<&'a (Key, Node)>,
    /// Every key that was asked for.
    known: Vec<&'static str>,
    problems: &'p mut Vec<Problem>,
}

impl<'a, 'p> Fields<'a, 'p> {
    /// The keys of a node, or nothing if it is no map.
    pub(crate) fn of(node: &'a Node, what: &str, problems: &'p mut Vec<Problem>) -> Option<Self> {
        let Content::Map(pairs) = &node.content else {
            problems.push(node.problem(format!("{what} is a map, not {}", node.kind())));
            return None;
        };
        Some(Self { node, left: pairs.iter().collect(), known: Vec::new(), problems })
    }

    pub(crate) fn node(&self) -> &'a Node {
        self.node
    }

    pub(crate) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// All problems so far, to add to.
    pub(crate) fn problems(&mut self) -> &mut Vec<Problem> {
        self.problems
    }

    /// The value of a key. `null` counts as not given.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<&'a Node> {
        self.known.push(name);
        let at = self.left.iter().position(|(key, _)| key.name == name)?;
        let (_, value) = self.left.remove(at);
        (!matches!(value.content, Content::Null)).then_some(value)
    }

    /// The value of a key that may be `null`: whether the key is there at all.
    pub(crate) fn take_nullable(&mut self, name: &'static str) -> Option<&'a Node> {
        self.known.push(name);
        let at = self.left.iter().position(|(key, _)| key.name == name)?;
        Some(&self.left.remove(at).1)
    }

    fn wrong(&mut self, name: &str, node: &Node, wanted: &str) {
        let message = format!("{name} is {wanted}, not {}", node.kind());
        self.problems.push(node.problem(message));
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let node = self.take(name)?;
        match &node.content {
            Content::Text(text) => Some(text.clone()),
            _ => {
                self.wrong(name, node, "a text");
                None
            }
        }
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let node = self.take(name)?;
        match &node.content {
            Content::Flag(flag) => Some(*flag),
            _ => {
                self.wrong(name, node, "true or false");
                None
            }
        }
    }

    pub(crate) fn count(&mut self, name: &'static str) -> Option<u32> {
        let node = self.take(name)?;
        match &node.content {
            Content::Integer(number) if u32::try_from(*number).is_ok() => {
                u32::try_from(*number).ok()
            }
            _ => {
                self.wrong(name, node, "a whole number from 0 on");
                None
            }
        }
    }

    pub(crate) fn integer(&mut self, name: &'static str) -> Option<i32> {
        let node = self.take(name)?;
        match &node.content {
            Content::Integer(number) if i32::try_from(*number).is_ok() => {
                i32::try_from(*number).ok()
            }
            _ => {
                self.wrong(name, node, "a whole number");
                None
            }
        }
    }

    /// A factor; `true` stands for 2, as in older Airflow, and `false` for 1.
    pub(crate) fn factor(&mut self, name: &'static str) -> Option<f64> {
        let node = self.take(name)?;
        match &node.content {
            Content::Integer(number) => i32::try_from(*number).ok().map(f64::from),
            Content::Float(number) => Some(*number),
            Content::Flag(flag) => Some(if *flag { 2.0 } else { 1.0 }),
            _ => {
                self.wrong(name, node, "a number");
                None
            }
        }
    }

    /// A list of texts; one text stands for a list of it.
    pub(crate) fn texts(&mut self, name: &'static str) -> Vec<String> {
        let Some(node) = self.take(name) else { return Vec::new() };
        match &node.content {
            Content::Text(text) => vec![text.clone()],
            Content::List(items) => {
                let mut texts = Vec::new();
                for item in items {
                    match &item.content {
                        Content::Text(text) => texts.push(text.clone()),
                        Content::Integer(number) => texts.push(number.to_string()),
                        _ => self.wrong(&format!("each of {name}"), item, "a text"),
                    }
                }
                texts
            }
            _ => {
                self.wrong(name, node, "a list of texts");
                Vec::new()
            }
        }
    }

    pub(crate) fn object(&mut self, name: &'static str) -> Map<String, Value> {
        let Some(node) = self.take(name) else { return Map::new() };
        match node.json() {
            Value::Object(map) => map,
            _ => {
                self.wrong(name, node, "a map");
                Map::new()
            }
        }
    }

    /// Refuses keys that Airflow knows and Millstream does not do anything with.
    pub(crate) fn unsupported(&mut self, names: &[&'static str]) {
        for name in names {
            if let Some(node) = self.take(name) {
                let message = format!("{name} is not supported; remove it");
                self.problems.push(node.problem(message));
            }
        }
    }

    /// Takes every key that is left, for what has parameters of its own.
    pub(crate) fn rest(&mut self) -> Vec<&'a (Key, Node)> {
        std::mem::take(&mut self.left)
    }

    /// Every key that was not read is a problem.
    pub(crate) fn end(self) {
        let Self { left, known, problems, .. } = self;
        for (key, _) in left {
            problems.push(unknown(key, "a key", known.iter().copied()));
        }
    }
}

/// A key that nobody knows, with the nearest that is known.
pub(crate) fn unknown<'n>(
    key: &Key,
    what: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Problem {
    let hint = spelling::hint(&key.name, known);
    let hint = hint.map_or(String::new(), |hint| format!("; {hint}"));
    Problem { at: key.at, message: format!("{} is not {what} here{hint}", key.name) }
}
