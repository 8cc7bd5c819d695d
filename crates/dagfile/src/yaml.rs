//! YAML as a tree in which every key and value knows its place.
//!
//! Plain words mean what PyYAML takes them for, which dag-factory reads with: `yes` is true.

use crate::{Position, Problem};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// The most values in a file, those that aliases repeat counted each time.
const NODES_MAX: usize = 100_000;
/// How deep values may lie in one another.
const DEPTH_MAX: usize = 64;

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) content: Content,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Null,
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) at: Position,
    pub(crate) name: String,
}

impl Node {
    pub(crate) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem { at: self.at, message: message.into() }
    }

    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Null => "nothing",
            Content::Flag(_) => "true or false",
            Content::Integer(_) | Content::Float(_) => "a number",
            Content::Text(_) => "a text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        match &self.content {
            Content::Map(pairs) => pairs.iter().find(|(key, _)| key.name == name).map(|(_, v)| v),
            _ => None,
        }
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Flag(flag) => Value::Bool(*flag),
            Content::Integer(number) => Value::from(*number),
            Content::Float(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => Value::Array(items.iter().map(Self::json).collect()),
            Content::Map(pairs) => Value::Object(
                pairs.iter().map(|(key, value)| (key.name.clone(), value.json())).collect(),
            ),
        }
    }
}

/// Reads the one document of a text.
pub(crate) fn parse(text: &str) -> Result<Node, Problem> {
    let mut reader =
        Reader { parser: Parser::new_from_str(text), anchors: BTreeMap::new(), nodes: 0 };
    let mut root = None;
    loop {
        let (event, _) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(_) => {
                let (event, span) = reader.next()?;
                if root.is_some() {
                    return Err(problem(
                        span,
                        "a DAG file holds one document; remove the second ---",
                    ));
                }
                root = Some(reader.node(event, span, 0)?);
            }
            _ => {}
        }
    }
    let nothing = Position { line: 1, column: 1 };
    Ok(root.unwrap_or(Node { at: nothing, content: Content::Null }))
}

fn place(span: Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

fn problem(span: Span, message: impl Into<String>) -> Problem {
    Problem { at: place(span), message: message.into() }
}

struct Reader<'text> {
    parser: Parser<'text, saphyr_parser::StrInput<'text>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

impl<'text> Reader<'text> {
    fn next(&mut self) -> Result<(Event<'text>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => {
                let at = error.marker();
                let at = Position { line: at.line(), column: at.col() + 1 };
                Err(Problem { at, message: format!("this is not YAML: {}", error.info()) })
            }
            None => {
                let at = Position { line: 1, column: 1 };
                Err(Problem { at, message: "the YAML ends early".to_owned() })
            }
        }
    }

    fn node(&mut self, event: Event<'text>, span: Span, depth: usize) -> Result<Node, Problem> {
        if depth > DEPTH_MAX {
            return Err(problem(
                span,
                format!("values lie in one another at most {DEPTH_MAX} deep"),
            ));
        }
        self.count(span, 1)?;
        let at = place(span);
        let (anchor, content) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
                    return Err(problem(span, format!("the tag {tag} is not understood")));
                }
                (anchor, scalar(text.into_owned(), style == ScalarStyle::Plain))
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
                (anchor, Content::List(items))
            }
            Event::MappingStart(anchor, _) => (anchor, self.map(depth)?),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node =
                    node.ok_or_else(|| problem(span, "this alias has no anchor before it"))?;
                self.count(span, size(&node))?;
                return Ok(node);
            }
            _ => return Err(problem(span, "a value is missing here")),
        };
        let node = Node { at, content };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn map(&mut self, depth: usize) -> Result<Content, Problem> {
        let mut pairs: Vec<(Key, Node)> = Vec::new();
        let mut merged: Vec<(Key, Node)> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let name = match event {
                Event::MappingEnd => break,
                Event::Scalar(name, ..) => name.into_owned(),
                _ => return Err(problem(span, "a key is a text")),
            };
            let (event, at_value) = self.next()?;
            let value = self.node(event, at_value, depth + 1)?;
            if name == "<<" {
                merged.extend(merge(&value)?);
            } else if pairs.iter().any(|(key, _)| key.name == name) {
                return Err(problem(span, format!("the key {name} is there twice")));
            } else {
                pairs.push((Key { at: place(span), name }, value));
            }
        }
        for (key, value) in merged {
            if !pairs.iter().any(|(own, _)| own.name == key.name) {
                pairs.push((key, value));
            }
        }
        Ok(Content::Map(pairs))
    }

    fn count(&mut self, span: Span, more: usize) -> Result<(), Problem> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > NODES_MAX {
            return Err(problem(span, format!("a DAG file holds at most {NODES_MAX} values")));
        }
        Ok(())
    }
}

/// What `<<` adds: the keys of a map, or of several, of which the first wins.
fn merge(value: &Node) -> Result<Vec<(Key, Node)>, Problem> {
    match &value.content {
        Content::Map(pairs) => Ok(pairs.clone()),
        Content::List(maps) => {
            let maps = maps.iter().map(merge).collect::<Result<Vec<_>, _>>()?;
            Ok(maps.into_iter().flatten().collect())
        }
        _ => Err(value.problem(format!("<< takes a map, not {}", value.kind()))),
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.content {
        Content::List(items) => items.iter().map(size).sum(),
        Content::Map(pairs) => pairs.iter().map(|(_, value)| size(value)).sum(),
        _ => 0,
    }
}

fn scalar(text: String, plain: bool) -> Content {
    if !plain {
        return Content::Text(text);
    }
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Content::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Content::Flag(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Content::Flag(false);
        }
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if digits.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(number) = text.parse()
    {
        return Content::Integer(number);
    }
    if digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.contains('.')
        && let Ok(number) = text.parse()
    {
        return Content::Float(number);
    }
    Content::Text(text)
}
