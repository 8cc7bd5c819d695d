//! Streams that share a topic or table form one pipeline; this room finds them and lays them out.
//!
//! The layout is columns from source to sink and rows within a column. Pure: same streams, same
//! picture. Sizes are bounded by the engine's answer, which is bounded by its bytes.

use std::collections::BTreeMap;

use crate::model::{End, State, Stream};

/// One picture: nodes in columns, edges from left to right.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pipeline {
    /// By column, then row.
    pub(crate) nodes: Vec<Node>,
    /// From node to node, as indexes into `nodes`, with the stream that moves the records.
    pub(crate) edges: Vec<Edge>,
    /// Indexes into the snapshot's streams.
    pub(crate) streams: Vec<usize>,
    /// Columns in use.
    pub(crate) columns: usize,
}

/// A box of the picture.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Column and row, from 0.
    pub(crate) place: (usize, usize),
    /// What it stands for.
    pub(crate) what: What,
}

/// What a box stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// A source, topic or table.
    End(End),
    /// A stream, as index into the snapshot's streams.
    Stream(usize),
}

/// An arrow of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edge {
    /// Index of the box it leaves.
    pub(crate) from: usize,
    /// Index of the box it enters.
    pub(crate) to: usize,
    /// Index of the stream that moves the records.
    pub(crate) stream: usize,
}

impl Pipeline {
    /// The worst state of its streams.
    pub(crate) fn state(&self, streams: &[Stream]) -> State {
        self.streams.iter().map(|at| streams[*at].state).max().unwrap_or_default()
    }
}

/// The pipelines of some streams, in the order of their first stream.
pub(crate) fn pipelines(streams: &[Stream]) -> Vec<Pipeline> {
    let mut group: Vec<usize> = (0..streams.len()).collect();
    let mut first_user: BTreeMap<&End, usize> = BTreeMap::new();
    for (at, stream) in streams.iter().enumerate() {
        for end in [&stream.source, &stream.sink] {
            let other = *first_user.entry(end).or_insert(at);
            let (mine, theirs) = (group[at], group[other]);
            let joined = mine.min(theirs);
            for member in &mut group {
                if *member == mine || *member == theirs {
                    *member = joined;
                }
            }
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, group) in group.into_iter().enumerate() {
        members.entry(group).or_default().push(at);
    }
    members.into_values().map(|members| lay_out(streams, members)).collect()
}

fn lay_out(streams: &[Stream], members: Vec<usize>) -> Pipeline {
    let mut column: BTreeMap<What, usize> = BTreeMap::new();
    // Each pass moves every box right of what feeds it. A loop in the graph ends with the passes.
    for _ in 0..=members.len() {
        for at in &members {
            let source = *column.entry(What::End(streams[*at].source.clone())).or_insert(0);
            let stream = column.entry(What::Stream(*at)).or_insert(0);
            *stream = (*stream).max(source + 1).min(2 * members.len());
            let stream = *stream;
            let sink = column.entry(What::End(streams[*at].sink.clone())).or_insert(0);
            *sink = (*sink).max(stream + 1).min(2 * members.len());
        }
    }
    let mut ordered: Vec<_> = column.into_iter().collect();
    ordered.sort_by_key(|(what, column)| (*column, first_stream(what, streams, &members)));
    let mut nodes: Vec<Node> = Vec::new();
    for (what, column) in ordered {
        let row = nodes.iter().filter(|node| node.place.0 == column).count();
        nodes.push(Node { place: (column, row), what });
    }
    let find = |what: &What| nodes.iter().position(|node| node.what == *what).unwrap_or(0);
    let edges = members
        .iter()
        .flat_map(|at| {
            let stream = find(&What::Stream(*at));
            let source = find(&What::End(streams[*at].source.clone()));
            let sink = find(&What::End(streams[*at].sink.clone()));
            [
                Edge { from: source, to: stream, stream: *at },
                Edge { from: stream, to: sink, stream: *at },
            ]
        })
        .collect();
    let columns = nodes.iter().map(|node| node.place.0 + 1).max().unwrap_or(0);
    Pipeline { nodes, edges, streams: members, columns }
}

/// The first stream that uses a box: rows follow the order of the project.
fn first_stream(what: &What, streams: &[Stream], members: &[usize]) -> usize {
    match what {
        What::Stream(at) => *at,
        What::End(end) => members
            .iter()
            .copied()
            .find(|at| streams[*at].source == *end || streams[*at].sink == *end)
            .unwrap_or(usize::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(pairs: &[(&str, &str)]) -> Vec<Stream> {
        pairs
            .iter()
            .enumerate()
            .map(|(at, (source, sink))| {
                serde_json::from_value(serde_json::json!({
                    "name": format!("s{at}"), "source": {"name": source}, "sink": {"name": sink},
                }))
                .unwrap()
            })
            .collect()
    }

    fn picture(pairs: &[(&str, &str)]) -> Vec<Vec<String>> {
        pipelines(&streams(pairs))
            .iter()
            .map(|pipeline| {
                let print = |node: &Node| match &node.what {
                    What::End(end) => format!("{}@{},{}", end.name, node.place.0, node.place.1),
                    What::Stream(at) => format!("s{at}@{},{}", node.place.0, node.place.1),
                };
                pipeline.nodes.iter().map(print).collect()
            })
            .collect()
    }

    #[test]
    fn streams_that_share_a_topic_are_one_pipeline() {
        let pictures = picture(&[("topic", "table"), ("api", "topic"), ("other", "elsewhere")]);
        assert_eq!(pictures.len(), 2);
        assert_eq!(pictures[0], ["api@0,0", "s1@1,0", "topic@2,0", "s0@3,0", "table@4,0"]);
    }

    #[test]
    fn a_topic_with_two_readers_spreads_over_rows() {
        let pictures = picture(&[("topic", "a"), ("topic", "b")]);
        assert_eq!(pictures[0], ["topic@0,0", "s0@1,0", "s1@1,1", "a@2,0", "b@2,1"]);
    }

    #[test]
    fn a_loop_ends() {
        assert_eq!(picture(&[("a", "b"), ("b", "a")]).len(), 1);
        assert_eq!(picture(&[("a", "a")]).len(), 1);
        assert!(picture(&[]).is_empty());
    }
}
