//! How hops hang together: who is upstream of whom.

use crate::facts::{Facts, Silence, SilenceKind, State, Stream, Target};
use crate::finding::{CASSANDRA, ENGINE, Hop, HopKind, KAFKA, METADATA};
use crate::words::has_word;
use std::collections::{BTreeMap, BTreeSet};

/// The hops of a project.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// The hops right before each.
    before: BTreeMap<Hop, BTreeSet<Hop>>,
    level: BTreeMap<Hop, usize>,
}

/// Where a stream's records come from.
pub(crate) fn source_hop(stream: &Stream) -> Hop {
    match stream.source.topic() {
        Some(topic) => Hop::new(HopKind::Topic, topic),
        None => Hop::new(HopKind::Source, &stream.source.name),
    }
}

/// Where a stream's rows go.
pub(crate) fn sink_hop(stream: &Stream) -> Hop {
    match stream.sink.topic() {
        Some(topic) => Hop::new(HopKind::Topic, topic),
        None => Hop::new(HopKind::Table, &stream.sink.name),
    }
}

/// A task of a DAG.
pub(crate) fn task_hop(dag_id: &str, task_id: &str) -> Hop {
    Hop::new(HopKind::Task, format!("{dag_id}.{task_id}"))
}

/// Whether a task, not the project, starts the stream, as far as can be told.
pub(crate) fn starts_by_task(stream: &Stream) -> bool {
    stream
        .starts_by_task
        .unwrap_or_else(|| stream.source.topic().is_none() && stream.state == Some(State::Stopped))
}

impl Graph {
    /// The hops of what was seen.
    pub(crate) fn of(facts: &Facts) -> Self {
        let mut graph = Self::default();
        for stream in &facts.streams {
            graph.add_stream(stream);
        }
        if let Some(cluster) = facts.kafka.known() {
            for group in cluster.groups.iter().flatten() {
                for at in &group.partitions {
                    let (topic, group) =
                        (Hop::new(HopKind::Topic, &at.topic), Hop::new(HopKind::Group, &group.id));
                    graph.join(&topic, &group);
                }
            }
        }
        graph.add_dags(facts);
        graph.add_taken_ports(facts);
        let topics: Vec<Hop> =
            graph.before.keys().filter(|hop| hop.kind == HopKind::Topic).cloned().collect();
        for topic in topics {
            graph.join(&Hop::new(HopKind::Server, KAFKA), &topic);
        }
        graph.find_levels();
        graph
    }

    fn add_stream(&mut self, stream: &Stream) {
        let server = |name| Hop::new(HopKind::Server, name);
        let hop = Hop::new(HopKind::Stream, &stream.name);
        let (source, sink) = (source_hop(stream), sink_hop(stream));
        self.join(&server(ENGINE), &hop);
        // Also a stream into a table tells Kafka what it has read.
        self.join(&server(KAFKA), &hop);
        self.join(&source, &hop);
        self.join(&hop, &sink);
        if stream.sink.table().is_some() {
            self.join(&server(CASSANDRA), &hop);
            self.join(&server(CASSANDRA), &sink);
        }
        if starts_by_task(stream) {
            self.join(&server(METADATA), &hop);
        }
    }

    fn add_dags(&mut self, facts: &Facts) {
        let Some(orchestrator) = facts.orchestrator.known() else { return };
        for dag in &orchestrator.dags {
            let hop = Hop::new(HopKind::Dag, &dag.id);
            self.join(&Hop::new(HopKind::Server, METADATA), &hop);
            for feed in &dag.feeds {
                let into = match &feed.into {
                    Target::Stream(name) => Hop::new(HopKind::Stream, name),
                    Target::Topic(name) => Hop::new(HopKind::Topic, name),
                };
                match &feed.task_id {
                    Some(task) => {
                        let task = task_hop(&dag.id, task);
                        self.join(&hop, &task);
                        self.join(&task, &into);
                    }
                    None => self.join(&hop, &into),
                }
            }
        }
        for broken in &orchestrator.import_errors {
            let hop = Hop::new(HopKind::Dag, &broken.file);
            for stream in &facts.streams {
                let named = Hop::new(HopKind::Stream, &stream.name);
                if starts_by_task(stream) && has_word(&broken.source, &stream.name) {
                    self.join(&hop, &named);
                }
                if let Some(topic) = stream.source.topic()
                    && has_word(&broken.source, topic)
                {
                    self.join(&hop, &source_hop(stream));
                }
            }
        }
    }

    /// A project starts all its parts or none: a port that somebody else has keeps the others away.
    fn add_taken_ports(&mut self, facts: &Facts) {
        let parts = [
            (ENGINE, facts.engine.embedded, facts.engine.silence()),
            (KAFKA, facts.kafka.embedded, facts.kafka.silence()),
            (CASSANDRA, facts.cassandra.embedded, facts.cassandra.silence()),
        ];
        let of = |kind: SilenceKind| {
            let is_it = move |silence: &Silence| silence.kind == kind;
            let found = parts
                .iter()
                .filter(move |(_, embedded, silence)| *embedded && silence.is_some_and(is_it));
            found.map(|(name, ..)| Hop::new(HopKind::Server, *name)).collect::<Vec<_>>()
        };
        for taken in of(SilenceKind::Foreign) {
            for away in of(SilenceKind::Away) {
                self.join(&taken, &away);
            }
        }
    }

    /// Whether another server's taken port explains why this one is away.
    pub(crate) fn is_kept_away(&self, server: &Hop) -> bool {
        self.before.get(server).is_some_and(|before| !before.is_empty())
    }

    fn join(&mut self, before: &Hop, after: &Hop) {
        self.before.entry(before.clone()).or_default();
        self.before.entry(after.clone()).or_default().insert(before.clone());
    }

    /// The longest way to each hop from one that has nothing before it. Hops in a circle come last.
    fn find_levels(&mut self) {
        let mut open: BTreeMap<&Hop, usize> =
            self.before.iter().map(|(hop, before)| (hop, before.len())).collect();
        let mut after: BTreeMap<&Hop, Vec<&Hop>> = BTreeMap::new();
        for (hop, before) in &self.before {
            for one in before {
                after.entry(one).or_default().push(hop);
            }
        }
        let mut ready: Vec<&Hop> =
            open.iter().filter(|(_, count)| **count == 0).map(|(hop, _)| *hop).collect();
        let mut level: BTreeMap<Hop, usize> = BTreeMap::new();
        while let Some(hop) = ready.pop() {
            let own = self.before[hop].iter().filter_map(|one| level.get(one)).max();
            level.insert(hop.clone(), own.map_or(0, |most| most + 1));
            for next in after.get(hop).into_iter().flatten() {
                if let Some(count) = open.get_mut(next) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(next);
                    }
                }
            }
        }
        self.level = level;
    }

    /// How far downstream a hop is: 0 for one with nothing before it.
    pub(crate) fn level(&self, hop: &Hop) -> usize {
        // A server stands before all, also one that no stream uses.
        let unknown = if hop.kind == HopKind::Server { 0 } else { usize::MAX };
        self.level.get(hop).copied().unwrap_or(unknown)
    }

    /// A hop and all that is before it.
    pub(crate) fn upstream(&self, hop: &Hop) -> BTreeSet<Hop> {
        let mut found = BTreeSet::from([hop.clone()]);
        let mut open = vec![hop];
        while let Some(hop) = open.pop() {
            for one in self.before.get(hop).into_iter().flatten() {
                if found.insert(one.clone()) {
                    open.push(one);
                }
            }
        }
        found
    }

    /// The streams that pipelines end with, in the project's order: nobody reads what they write.
    pub(crate) fn last_streams<'a>(&self, facts: &'a Facts) -> Vec<&'a Stream> {
        let read: BTreeSet<Hop> = facts.streams.iter().map(source_hop).collect();
        let (mut last, rest): (Vec<&Stream>, Vec<&Stream>) =
            facts.streams.iter().partition(|stream| !read.contains(&sink_hop(stream)));
        // What goes round in a circle ends nowhere: it is a pipeline by itself.
        let mut seen: BTreeSet<Hop> =
            last.iter().flat_map(|stream| self.upstream(&sink_hop(stream))).collect();
        for stream in rest {
            if !seen.contains(&Hop::new(HopKind::Stream, &stream.name)) {
                seen.extend(self.upstream(&sink_hop(stream)));
                last.push(stream);
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Endpoint;

    fn stream(source: &str, sink: &str) -> Stream {
        let topic = |name: &str| Endpoint { kind: "kafka".into(), name: name.into() };
        Stream { name: sink.into(), source: topic(source), sink: topic(sink), ..Stream::default() }
    }

    #[test]
    fn a_pipeline_is_followed_to_its_beginning_and_a_circle_ends() {
        let streams = vec![stream("a", "b"), stream("b", "c"), stream("x", "y"), stream("y", "x")];
        let facts = Facts { streams, ..Facts::default() };
        let graph = Graph::of(&facts);
        let last: Vec<&str> =
            graph.last_streams(&facts).iter().map(|stream| stream.name.as_str()).collect();
        assert_eq!(last, ["c", "y"]);
        let topic = |name: &str| Hop::new(HopKind::Topic, name);
        assert!(graph.upstream(&topic("c")).contains(&topic("a")));
        assert!(graph.upstream(&topic("x")).contains(&topic("y")));
        assert!(graph.level(&topic("a")) < graph.level(&topic("b")));
        assert_eq!(graph.level(&topic("x")), usize::MAX);
    }
}
