//! `millstream topics`: list, create, delete, describe, on any Kafka broker.

use rdkafka::admin::{AdminOptions, NewTopic, ResourceSpecifier, TopicReplication, TopicResult};
use rdkafka::consumer::BaseConsumer;

use super::{Outcome, cluster, small_runtime};
use crate::cli::{Broker, Topics};
use crate::config::Config;
use crate::failure::Failure;
use crate::kafka::{Cluster, WAIT};
use crate::numbers;
use crate::screen;
use crate::screen::table::{Side, Table};

/// Does what was asked about topics; lists them if nothing was.
pub(crate) fn run(action: Option<Topics>, broker: &Broker, set: &[String]) -> Outcome {
    let (cluster, config) = cluster(broker, set)?;
    match action.unwrap_or(Topics::List) {
        Topics::List => list(&cluster)?,
        Topics::Create { name, partitions, replication, config: settings } => {
            let partitions = match partitions {
                Some(partitions) => partitions,
                None => default_partitions(&config)?,
            };
            create(&cluster, &name, (partitions, replication), &settings)?;
        }
        Topics::Delete { name } => delete(&cluster, &name)?,
        Topics::Describe { name } => describe(&cluster, &name)?,
    }
    Ok(())
}

fn default_partitions(config: &Config) -> Result<i32, Failure> {
    Ok(i32::try_from(config.count("broker.partitions")?).unwrap_or(1))
}

fn list(cluster: &Cluster) -> Result<(), Failure> {
    let reader = cluster.reader()?;
    let metadata = cluster.metadata(&reader, None)?;
    let mut table =
        Table::new(&[("TOPIC", Side::Left), ("PARTITIONS", Side::Right), ("RECORDS", Side::Right)]);
    let mut topics: Vec<_> = metadata.topics().iter().collect();
    topics.sort_by_key(|topic| topic.name());
    for topic in topics {
        let mut records = 0;
        for partition in topic.partitions() {
            let (first, next) = cluster.offsets(&reader, topic.name(), partition.id())?;
            records += u64::try_from(next - first).unwrap_or(0);
        }
        table.row(vec![
            topic.name().to_owned(),
            topic.partitions().len().to_string(),
            numbers::count(records),
        ]);
    }
    for line in table.lines() {
        screen::say(&line);
    }
    Ok(())
}

fn create(
    cluster: &Cluster,
    name: &str,
    (partitions, replication): (i32, i32),
    settings: &[String],
) -> Result<(), Failure> {
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replication));
    for setting in settings {
        let (key, value) = setting.split_once('=').ok_or_else(|| {
            Failure::new(format!("--config {setting} has no value"))
                .next("write --config NAME=VALUE, such as --config retention.ms=86400000")
        })?;
        topic = topic.set(key, value);
    }
    let admin = cluster.admin()?;
    let answer = small_runtime()?.block_on(admin.create_topics([&topic], &options()));
    done(cluster, answer.map_err(|error| cluster.unreachable(&error))?, "create")?;
    screen::say(&format!("created {name} with {partitions} partitions"));
    Ok(())
}

fn delete(cluster: &Cluster, name: &str) -> Result<(), Failure> {
    let admin = cluster.admin()?;
    let answer = small_runtime()?.block_on(admin.delete_topics(&[name], &options()));
    done(cluster, answer.map_err(|error| cluster.unreachable(&error))?, "delete")?;
    screen::say(&format!("deleted {name}"));
    Ok(())
}

fn describe(cluster: &Cluster, name: &str) -> Result<(), Failure> {
    let reader = cluster.reader()?;
    let mut table = Table::new(&[
        ("PARTITION", Side::Right),
        ("FIRST", Side::Right),
        ("NEXT", Side::Right),
        ("RECORDS", Side::Right),
    ]);
    for partition in cluster.partitions(&reader, name)? {
        let (first, next) = cluster.offsets(&reader, name, partition)?;
        let records = numbers::count(u64::try_from(next - first).unwrap_or(0));
        table.row(vec![partition.to_string(), first.to_string(), next.to_string(), records]);
    }
    let mut lines = table.lines();
    lines.push(String::new());
    lines.extend(settings(cluster, &reader, name)?);
    for line in lines {
        screen::say(&line);
    }
    Ok(())
}

/// The settings of a topic that differ from the broker's, `name = value`.
fn settings(cluster: &Cluster, _: &BaseConsumer, name: &str) -> Result<Vec<String>, Failure> {
    let admin = cluster.admin()?;
    let resource = ResourceSpecifier::Topic(name);
    let answer = small_runtime()?
        .block_on(admin.describe_configs([&resource], &options()))
        .map_err(|error| cluster.unreachable(&error))?;
    let entries = answer.into_iter().filter_map(Result::ok).flat_map(|config| config.entries);
    let mut lines: Vec<_> = entries
        .filter(|entry| !entry.is_default)
        .map(|entry| format!("{} = {}", entry.name, entry.value.unwrap_or_default()))
        .collect();
    lines.sort();
    if lines.is_empty() {
        lines.push("settings: all as the broker's".to_owned());
    }
    Ok(lines)
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(WAIT)).request_timeout(Some(WAIT))
}

fn done(cluster: &Cluster, results: Vec<TopicResult>, verb: &str) -> Result<(), Failure> {
    for result in results {
        if let Err((name, code)) = result {
            let broker = &cluster.bootstrap;
            let failure =
                Failure::new(format!("the broker at {broker} did not {verb} {name:?}: {code}"));
            return Err(failure.next("`millstream topics` lists the topics there"));
        }
    }
    Ok(())
}
