//! The same partitions' content gives the same tables, late records, dead letters and ledger for any cut
//! into batches, any interleaving of partitions and any restart.

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use engine::journal::Mark;
use engine::judge::Judge;
use engine::ledger::Ledger;
use engine::operators::Operators;
use engine::project::{Project, Stream};
use engine::record::{Record, Side};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

const SQL: &str = "
CREATE TABLE visits (
  visitor STRING, page STRUCT<country: STRING>, spent INT, at TIMESTAMP METADATA FROM 'timestamp',
  WATERMARK FOR at AS at - INTERVAL '10' SECOND
) WITH ('connector' = 'kafka', 'topic' = 'visits', 'format' = 'json');

CREATE TABLE visitors (visitor STRING, country STRING, spent INT, PRIMARY KEY (visitor) NOT ENFORCED)
WITH ('connector' = 'cassandra', 'keyspace' = 'k');
INSERT INTO visitors
SELECT visitor, country, spent FROM (
  SELECT visitor, page.country AS country, 100 / spent AS spent,
         ROW_NUMBER() OVER (PARTITION BY visitor ORDER BY at) AS n
  FROM visits
) WHERE n = 1 AND country <> 'XX';

CREATE TABLE per_minute (
  country STRING, minute TIMESTAMP, visits BIGINT, spent BIGINT, least INT, mean DOUBLE,
  PRIMARY KEY (country, minute) NOT ENFORCED
) WITH ('connector' = 'cassandra', 'keyspace' = 'k');
INSERT INTO per_minute
SELECT page.country, window.start, count(*), sum(spent), min(spent), avg(spent)
FROM visits WHERE spent >= 0
GROUP BY window(at, '1 minute'), page.country;

CREATE TABLE unique_per_minute (
  country STRING, minute TIMESTAMP, visitors BIGINT, most INT, PRIMARY KEY (country, minute) NOT ENFORCED
) WITH ('connector' = 'cassandra', 'keyspace' = 'k');
INSERT INTO unique_per_minute
SELECT country, window.start, count(*), max(spent) FROM (
  SELECT page.country AS country, spent, at,
         ROW_NUMBER() OVER (PARTITION BY visitor ORDER BY at) AS n FROM visits
) WHERE n = 1 GROUP BY window(at, '1 minute'), country;
";

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

const PARTITIONS: i32 = 3;

fn content(random: &mut Random) -> Vec<Vec<Record>> {
    (0..PARTITIONS)
        .map(|partition| {
            (0..120_i64)
                .map(|offset| {
                    let late = if random.below(10) == 0 { 15_000 } else { 0 };
                    let time = 1_700_000_000_000 + offset * 1_000 - late
                        + i64::try_from(random.below(4_000)).unwrap();
                    let visitor = random.below(60);
                    let country = ["DE", "FR", "XX"][usize::try_from(random.below(3)).unwrap()];
                    let spent = random.below(5);
                    let value = match random.below(20) {
                        0 => format!("{{\"visitor\": \"v{visitor}\""),
                        1 => format!(r#"{{"visitor": "v{visitor}", "spent": "much"}}"#),
                        2 => r#"{"visitor": null, "spent": 1}"#.to_owned(),
                        _ => format!(
                            r#"{{"visitor": "v{visitor}", "page": {{"country": "{country}"}}, "spent": {spent}}}"#
                        ),
                    };
                    Record {
                        partition,
                        offset,
                        timestamp: Some(time),
                        key: None,
                        value: Some(value.into_bytes()),
                        headers: Vec::new(),
                    }
                })
                .collect()
        })
        .collect()
}

/// What is left when a stream has read everything.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    table: BTreeMap<String, String>,
    side: BTreeSet<(bool, i32, i64, String)>,
    ledger: Ledger,
}

fn row_text(batch: &RecordBatch, row: usize, columns: &[usize]) -> String {
    let options = FormatOptions::default().with_null("NULL");
    let cells = columns.iter().map(|at| {
        let array = batch.column(*at);
        if array.is_null(row) {
            "NULL".to_owned()
        } else {
            ArrayFormatter::try_new(array, &options).unwrap().value(row).to_string()
        }
    });
    cells.collect::<Vec<_>>().join("|")
}

/// Runs a stream over all content, cut and interrupted by `random`; `None` runs it in one batch.
fn run(stream: &Stream, content: &[Vec<Record>], mut random: Option<Random>) -> Outcome {
    let judge = Judge::new(&stream.plan, &stream.source, None).unwrap();
    let delay = stream.source.watermark.as_ref().unwrap().delay;
    let operators = || Operators::new(&stream.plan, judge.output(), delay, false).unwrap();
    let mut running = operators();
    let mut saved: BTreeMap<(u8, Vec<u8>), Vec<u8>> = BTreeMap::new();
    let mut marks: Vec<Mark> = vec![Mark::default(); content.len()];
    let mut outcome = Outcome::default();
    let key: Vec<usize> =
        stream.sink.primary_key.iter().map(|k| stream.plan.output.index_of(k).unwrap()).collect();
    let all: Vec<usize> = (0..stream.plan.output.fields().len()).collect();
    while marks.iter().zip(content).any(|(mark, records)| mark.position < records.len() as i64) {
        let mut judged = Vec::new();
        for (partition, records) in content.iter().enumerate() {
            let from = usize::try_from(marks[partition].position).unwrap();
            let count =
                random.as_mut().map_or(usize::MAX, |r| usize::try_from(r.below(25)).unwrap());
            let until = from.saturating_add(count).min(records.len());
            if from < until {
                let part = records[from..until].to_vec();
                judged.push(judge.judge(partition as i32, part, &mut marks[partition]).unwrap());
            }
        }
        for part in &judged {
            for left in &part.side {
                let late = left.side == Side::Late;
                let place = (late, left.record.partition, left.record.offset, left.reason.clone());
                assert!(outcome.side.insert(place), "a record left twice");
            }
        }
        let lowest = marks.iter().map(|mark| mark.max_event_time).min().unwrap();
        let watermark = lowest.map(|time| time - delay);
        let effects = running.apply(judged, watermark, &mut outcome.ledger).unwrap();
        for row in 0..effects.deletes.num_rows() {
            outcome.table.remove(&row_text(&effects.deletes, row, &key));
        }
        for row in 0..effects.upserts.num_rows() {
            let value = row_text(&effects.upserts, row, &all);
            outcome.table.insert(row_text(&effects.upserts, row, &key), value);
        }
        for (operator, key, value) in running.drain_changes() {
            match value {
                Some(value) => saved.insert((operator, key), value),
                None => saved.remove(&(operator, key)),
            };
        }
        if random.as_mut().is_some_and(|random| random.below(3) == 0) {
            running = operators();
            let state = saved.iter().map(|((o, k), v)| (*o, k.clone(), v.clone()));
            running.restore(state, watermark).unwrap();
        }
    }
    outcome
}

fn streams() -> Project {
    Project::parse(vec![(PathBuf::from("visits.sql"), SQL.to_owned())]).unwrap()
}

#[test]
fn tables_side_topics_and_ledger_do_not_depend_on_cuts_and_restarts() {
    let project = streams();
    for seed in 0..25 {
        let content = content(&mut Random(seed));
        for stream in &project.streams {
            let whole = run(stream, &content, None);
            assert!(whole.table.len() > 5, "{} has {} rows", stream.name, whole.table.len());
            for life in 0..4 {
                let cut = run(stream, &content, Some(Random(seed * 100 + life)));
                assert_eq!(cut, whole, "stream {} seed {seed} life {life}", stream.name);
            }
        }
    }
}

#[test]
fn every_record_has_one_fate_and_every_fate_occurs() {
    let project = streams();
    let content = content(&mut Random(7));
    for stream in &project.streams {
        let outcome = run(stream, &content, Some(Random(8)));
        let total = outcome.ledger.total();
        assert!(total.balanced(), "{total:?}");
        assert_eq!(total.read, 360);
        assert!(total.written > 0 && total.late > 0 && total.dead_lettered > 0, "{total:?}");
        assert_eq!(total.late + total.dead_lettered, outcome.side.len() as u64);
        assert_eq!(total.duplicate > 0, stream.plan.deduplicate.is_some(), "{total:?}");
    }
}

#[test]
fn the_naive_count_agrees() {
    let project = streams();
    let stream = project.streams.iter().find(|stream| stream.name == "per_minute").unwrap();
    let content = content(&mut Random(3));
    let outcome = run(stream, &content, Some(Random(4)));
    let counted: u64 = outcome
        .table
        .values()
        .map(|row| row.split('|').nth(2).unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(counted, outcome.ledger.total().written);
}
