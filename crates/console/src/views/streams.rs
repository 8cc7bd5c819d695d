//! `/streams` and `/streams/{stream}`: jobs, batches, watermark and state, in Spark's names beside ours.

use axum::extract::Path;
use axum::response::Response;
use chrono::{DateTime, Utc};
use pages::{Column, Html, Icon, Table, Tone};

use super::{ago, badge, chart, group_path, link, main_cell, or_dash, range, ranges, topic_path};
use crate::fields::{Asked, Fields};
use crate::model::{End, Partition, Reach, Snapshot, Stream};
use crate::numbers;
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

pub(crate) async fn list(visit: Visit) -> Response {
    visit.show(list_page).await
}

async fn list_page(visit: Visit) -> Made {
    let snapshot = visit.desk.latest().await;
    let columns = [
        Column::left("Stream"),
        Column::left("State"),
        Column::left("From"),
        Column::left("To"),
        Column::right("Records/s"),
        Column::right("Lag"),
        Column::right("Batches"),
        Column::right("Late"),
        Column::right("Dead-lettered"),
    ];
    let mut table = Table::new(&columns).live("streams");
    for stream in &snapshot.streams {
        let name = link(&pages::path(&["streams", &stream.name]), &stream.name);
        table.row(&[
            &main_cell(&name, &stream.file),
            &state(stream),
            &end(&stream.source),
            &end(&stream.sink),
            &numbers::rate(stream.records_per_second),
            &or_dash(stream.lag.map(numbers::count)),
            &numbers::count(stream.batches),
            &numbers::count(stream.late),
            &numbers::count(stream.dead_lettered),
        ]);
    }
    let body = Html::of(|out| {
        out.push(&pages::page_head("Streams", None, &Html::new()));
        out.region("engine", |out| engine(out, &snapshot));
        if table.is_empty() {
            let text = "A stream reads a topic or a source and writes a table or a topic. Put one into a \
                        .sql file of the project.";
            let body = pages::empty_state(Icon::Stream, "No streams yet", text, &Html::new());
            out.push(&pages::card("", &Html::new(), &body));
        } else {
            out.push(&table.finish());
        }
    });
    Ok(Page {
        title: "Streams".to_owned(),
        section: "streams",
        body,
        live: true,
        ..Page::default()
    })
}

/// Says that the engine does not answer.
fn engine(out: &mut Html, snapshot: &Snapshot) {
    if let Reach::Down { why } = &snapshot.engine.reach {
        let title = format!("The engine at {} does not answer", snapshot.engine.address);
        out.put("<div class=\"gap\">{}</div>", &[&super::failed(&title, why)]);
    }
}

/// The state of a stream.
pub(crate) fn state(stream: &Stream) -> Html {
    let alike = match stream.state.word() {
        "starting" => "queued",
        "waiting" => "up_for_retry",
        "stopped" | "unknown" => "none",
        other => other,
    };
    let word = stream.state.word();
    Html::with("<span class=\"chip\" data-state=\"{}\"><i></i>{}</span>", &[&alike, &word])
}

/// Where a stream reads or writes, with a link.
pub(crate) fn end(end: &End) -> Html {
    match end.kind.as_str() {
        "kafka" => link(&topic_path(&end.name), &end.name),
        "cassandra" => match end.name.split_once('.') {
            Some((keyspace, table)) => link(&pages::path(&["tables", keyspace, table]), &end.name),
            None => Html::with("{}", &[&end.name]),
        },
        _ => Html::with("<span class=\"clip\" title=\"{}\">{}</span>", &[&end.name, &end.name]),
    }
}

/// The stream of this name.
pub(crate) fn find<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a Stream, Problem> {
    snapshot
        .streams
        .iter()
        .find(|stream| stream.name == name)
        .ok_or_else(|| Problem::missing(format!("the project has no stream {name:?}")))
}

pub(crate) async fn one(visit: Visit, Path(name): Path<String>, Asked(asked): Asked) -> Response {
    visit.show(move |visit| one_page(visit, name.clone(), asked.clone())).await
}

async fn one_page(visit: Visit, name: String, asked: Fields) -> Made {
    let snapshot = visit.desk.latest().await;
    let stream = find(&snapshot, &name)?;
    let range = range(&asked);
    let body = Html::of(|out| {
        out.push(&head(stream));
        out.raw("<div class=\"stack\">");
        out.region("engine", |out| {
            engine(out, &snapshot);
            trouble(out, stream);
        });
        out.region_as("div", "tiles", "totals", |out| totals(out, stream, visit.now));
        let series = |what: &str| format!("stream.{name}.{what}");
        let path = pages::path(&["streams", &name]);
        out.put("<div>{}</div><div class=\"two\">", &[&ranges(&path, range)]);
        out.push(&chart("Records read per second", &[("in", &series("rate"))], "records/s", range));
        let latency = [("p50", series("p50")), ("p99", series("p99"))];
        let latency = latency.each_ref().map(|(label, name)| (*label, name.as_str()));
        out.push(&chart("Latency, record to row", &latency, "ms", range));
        out.push(&chart("Records to read", &[("lag", &series("lag"))], "records", range));
        out.push(&chart("Entries of state", &[("state", &series("state"))], "entries", range));
        out.raw("</div>");
        out.push(&spark(stream));
        out.push(&partitions(stream, visit.now));
        out.raw("</div>");
    });
    Ok(Page {
        title: name,
        section: "streams",
        crumbs: vec![("Streams".to_owned(), "/streams".to_owned())],
        body,
        live: true,
        ..Page::default()
    })
}

fn head(stream: &Stream) -> Html {
    let note = Html::of(|out| {
        out.region_as("span", "", "state", |out| out.push(&state(stream)));
        out.put(
            "<span>{} &rarr; {}</span><span><code>{}</code></span>",
            &[&end(&stream.source), &end(&stream.sink), &stream.file],
        );
        if let Some(note) = stream.position_note.as_deref().filter(|note| !note.is_empty()) {
            out.put("<span>{}</span>", &[&note]);
        }
    });
    let actions = Html::of(|out| {
        let pipeline = pages::path(&["pipelines", &stream.name]);
        out.push(&pages::action(&pipeline, Icon::Dag, "Pipeline", false));
        let dead = pages::path(&["dead-letters", &stream.dead_letter_topic()]);
        out.push(&pages::action(&dead, Icon::Alert, "Dead letters", false));
        if stream.source.kind == "kafka" {
            out.push(&pages::action(&group_path(&stream.group()), Icon::Group, "Group", false));
        }
    });
    pages::page_head(&stream.name, Some(&note), &actions)
}

/// Why a stream has failed or waits.
pub(crate) fn trouble(out: &mut Html, stream: &Stream) {
    if let Some(error) = &stream.error {
        let hint = error.hint.as_deref().unwrap_or_default();
        let body = Html::with("<p>{}</p>", &[&hint]);
        out.put("<div class=\"gap\">{}</div>", &[&pages::banner(Tone::Bad, &error.message, &body)]);
    }
}

fn totals(out: &mut Html, stream: &Stream, now: DateTime<Utc>) {
    let text = |text: String| Html::with("{}", &[&text]);
    let total = stream.total();
    let read = format!("{} read in total", numbers::short(total.read));
    out.push(&pages::tile(
        "Throughput",
        &text(format!("{}/s", numbers::rate(stream.records_per_second))),
        &text(read),
    ));
    let lag = or_dash(stream.lag.map(numbers::count));
    out.push(&pages::tile("Lag", &lag, &text("records to read".to_owned())));
    let p50 = format!("median {}", numbers::millis(stream.latency_ms.p50));
    let p99 = text(numbers::millis(stream.latency_ms.p99));
    out.push(&pages::tile("Latency p99", &p99, &text(p50)));
    let watermark = or_dash(stream.watermark_ms().map(|at| ago(at, now)));
    let note = or_dash(stream.watermark_ms().map(super::moment));
    out.push(&pages::tile("Watermark", &watermark, &note));
    let entries = or_dash(stream.state_entries.map(numbers::count));
    out.push(&pages::tile("State", &entries, &text("entries kept".to_owned())));
    let aside = numbers::count(stream.late + stream.dead_lettered);
    let note = format!("{} late, {} dead-lettered", stream.late, stream.dead_lettered);
    out.push(&pages::tile("Set aside", &text(aside), &text(note)));
}

/// The stream in Spark's words.
fn spark(stream: &Stream) -> Html {
    let tasks = numbers::of(numbers::len(stream.partitions.len()), "task");
    let facts = pages::key_values(&[
        ("Query", Html::with("{}", &[&stream.name])),
        ("Driver", Html::with("the engine's planner, in this process or at its address", &[])),
        (
            "Job",
            Html::of(|out| {
                out.region_as("span", "", "job", |out| {
                    out.put("batch {}", &[&numbers::count(stream.batches)]);
                });
            }),
        ),
        (
            "Stages",
            Html::with("read {}, evaluate, write {}", &[&stream.source.name, &stream.sink.name]),
        ),
        ("Tasks", Html::with("{} in each batch, one for each partition read", &[&tasks])),
        ("Executor slots", Html::with("the engine's shard threads", &[])),
        (
            "State store",
            Html::of(|out| {
                out.region_as("span", "", "store", |out| {
                    out.put("{} rows", &[&or_dash(stream.state_entries.map(numbers::count))]);
                });
            }),
        ),
        (
            "Checkpoint",
            Html::with(
                "the engine's journal; offsets of group <code>{}</code>",
                &[&stream.group()],
            ),
        ),
    ]);
    let aside = badge(Tone::Plain, "Spark's names");
    pages::card("Job", &aside, &Html::with("<div class=\"wide-facts\">{}</div>", &[&facts]))
}

fn partitions(stream: &Stream, now: DateTime<Utc>) -> Html {
    let columns = [
        Column::left("Partition"),
        Column::right("Read"),
        Column::right("Written"),
        Column::right("Filtered"),
        Column::right("Duplicate"),
        Column::right("Late"),
        Column::right("Dead-lettered"),
        Column::right("Position"),
        Column::right("End"),
        Column::left("Watermark"),
    ];
    let mut table = Table::new(&columns).live("partitions");
    for one in &stream.partitions {
        let Partition { read, written, filtered, duplicate, late, dead_lettered, .. } = one;
        let watermark = one.watermark_ms.map(|at| ago(at, now));
        table.row(&[
            &Html::with("<b>{}</b>", &[&one.partition]),
            &numbers::count(*read),
            &numbers::count(*written),
            &numbers::count(*filtered),
            &numbers::count(*duplicate),
            &numbers::count(*late),
            &numbers::count(*dead_lettered),
            &or_dash(one.position),
            &or_dash(one.end),
            &or_dash(watermark),
        ]);
    }
    pages::card("Partitions", &Html::new(), &table.finish())
}
