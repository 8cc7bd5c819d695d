//! `/pipelines/{stream}`: one pipeline from its source to its tables, hop by hop, with the slowest hop
//! named.

use axum::extract::Path;
use axum::response::Response;
use pages::{Column, Html, Icon, Part, Table, Tone};

use super::streams::{end, state, trouble};
use super::{chart, or_dash, range, ranges};
use crate::fields::{Asked, Fields};
use crate::graph::{self, Pipeline};
use crate::model::{Bucket, Snapshot, Stream, approximate};
use crate::numbers;
use crate::visit::{Made, Page, Visit};

pub(crate) async fn one(visit: Visit, Path(name): Path<String>, Asked(asked): Asked) -> Response {
    visit.show(move |visit| page(visit, name.clone(), asked.clone())).await
}

async fn page(visit: Visit, name: String, asked: Fields) -> Made {
    let snapshot = visit.desk.latest().await;
    super::streams::find(&snapshot, &name)?;
    let pipelines = graph::pipelines(&snapshot.streams);
    let of =
        |pipeline: &&Pipeline| pipeline.streams.iter().any(|at| snapshot.streams[*at].name == name);
    let pipeline = pipelines.iter().find(of).cloned().unwrap_or_default();
    let streams = ordered(&pipeline, &snapshot);
    let range = range(&asked);
    let body = Html::of(|out| {
        out.push(&head(&visit, &name, &streams));
        out.raw("<div class=\"stack\">");
        out.region("trouble", |out| {
            for stream in &streams {
                trouble(out, stream);
            }
            out.push(&verdict(&streams));
        });
        out.region("hops", |out| out.push(&hops(&streams, &snapshot)));
        out.region("histogram", |out| histograms(out, &streams));
        let path = pages::path(&["pipelines", &name]);
        out.put("<div>{}</div>", &[&ranges(&path, range)]);
        for stream in &streams {
            charts(out, &stream.name, range);
        }
        out.raw("</div>");
    });
    Ok(Page {
        title: name,
        section: "pipelines",
        crumbs: vec![("Pipelines".to_owned(), "/".to_owned())],
        body,
        live: true,
        ..Page::default()
    })
}

/// The streams of a pipeline in the order in which records pass them.
fn ordered<'a>(pipeline: &Pipeline, snapshot: &'a Snapshot) -> Vec<&'a Stream> {
    let boxes = pipeline.nodes.iter().filter_map(|node| match node.what {
        graph::What::Stream(at) => snapshot.streams.get(at),
        graph::What::End(_) => None,
    });
    boxes.collect()
}

fn head(visit: &Visit, name: &str, streams: &[&Stream]) -> Html {
    let note = Html::of(|out| {
        if let (Some(first), Some(last)) = (streams.first(), streams.last()) {
            out.put("<span>{} &rarr; {}</span>", &[&end(&first.source), &end(&last.sink)]);
        }
    });
    let actions = Html::of(|out| {
        // Links only: the orchestrator runs DAGs, this page never does.
        if let Some(dags) = visit.orchestrator("/dags") {
            out.push(&pages::action(&dags, Icon::Dag, "DAGs", false));
        }
        out.push(&pages::action("/doctor", Icon::Doctor, "Doctor", false));
    });
    pages::page_head(name, Some(&note), &actions)
}

/// How long a record takes for a hop, by its two parts: waiting to be read, and from record to row.
fn waiting_ms(stream: &Stream) -> Option<f64> {
    let lag = approximate(stream.lag?);
    if lag == 0.0 {
        return Some(0.0);
    }
    (stream.records_per_second > 0.05).then(|| lag / stream.records_per_second * 1_000.0)
}

/// The slowest hop, in one sentence.
fn verdict(streams: &[&Stream]) -> Html {
    let failed = streams.iter().find(|stream| stream.state == crate::model::State::Failed);
    if let Some(stream) = failed {
        let title = format!("Nothing passes {}: it has failed", stream.name);
        return pages::banner(Tone::Bad, &title, &Html::new());
    }
    let stuck = streams
        .iter()
        .find(|stream| stream.lag.is_some_and(|lag| lag > 0) && stream.records_per_second <= 0.05);
    if let Some(stream) = stuck {
        let lag = numbers::of(stream.lag.unwrap_or(0), "record");
        let title = format!("{} reads nothing, and {lag} wait for it", stream.name);
        return pages::banner(Tone::Warn, &title, &Html::new());
    }
    // Of two that are as slow the first is named.
    let all = streams.iter().map(|stream| (*stream, adds_ms(stream).unwrap_or(0.0)));
    let slowest = all.rev().max_by(|(_, a), (_, b)| a.total_cmp(b));
    let Some((stream, adds)) = slowest.filter(|(_, adds)| *adds > 0.0) else {
        return Html::new();
    };
    let title = format!(
        "The slowest hop is {}, {} to {}: {} at the median",
        stream.name,
        stream.source.name,
        stream.sink.name,
        numbers::millis(Some(adds))
    );
    pages::banner(Tone::Info, &title, &Html::with("<p>{}</p>", &[&why(stream, adds)]))
}

/// What most of the time that a hop adds is spent on.
fn why(stream: &Stream, adds: f64) -> String {
    if is_polled(stream) {
        return format!(
            "It is polled: {} pass from one answer until the next is in the topic, and what is new waits half of it.",
            numbers::millis(stream.batch_ms.p50)
        );
    }
    match waiting_ms(stream) {
        Some(wait) if wait > adds / 2.0 => "Most of it is waiting to be read.".to_owned(),
        _ => "Most of it is the batch, from reading to writing.".to_owned(),
    }
}

/// What a hop adds to the way of a record in the middle, milliseconds: in the topic and in the batch. What a source
/// has that is polled waits for half the time from one answer to the next.
fn adds_ms(stream: &Stream) -> Option<f64> {
    let batch = stream.batch_ms.p50?;
    if is_polled(stream) {
        return Some(batch / 2.0);
    }
    Some(waiting_ms(stream).unwrap_or(0.0) + batch)
}

fn is_polled(stream: &Stream) -> bool {
    stream.source.kind != "kafka"
}

fn hops(streams: &[&Stream], snapshot: &Snapshot) -> Html {
    let columns = [
        Column::left("Hop"),
        Column::left("State"),
        Column::right("Records/s"),
        Column::right("To read"),
        Column::right("Waiting"),
        Column::right("Adds"),
        Column::right("p50"),
        Column::right("p99"),
        Column::right("Set aside"),
    ];
    let mut table = Table::new(&columns);
    let dash = Html::new;
    for (at, stream) in streams.iter().enumerate() {
        if at == 0 || streams.get(at - 1).is_none_or(|before| before.sink != stream.source) {
            table.row(&[
                &place(&stream.source, snapshot),
                &dash(),
                &rate_of(&stream.source.name, snapshot),
                &dash(),
                &dash(),
                &dash(),
                &dash(),
                &dash(),
                &dash(),
            ]);
        }
        let name = super::link(&pages::path(&["streams", &stream.name]), &stream.name);
        let waiting = waiting_ms(stream).map(|wait| numbers::millis(Some(wait)));
        let aside = stream.late + stream.dead_lettered;
        table.row_with(
            "hop",
            &[
                &super::main_cell(&Html::with("<b>{}</b>", &[&name]), &"stream"),
                &state(stream),
                &numbers::rate(stream.records_per_second),
                &or_dash(stream.lag.map(numbers::count)),
                &or_dash(waiting),
                &numbers::millis(adds_ms(stream)),
                &numbers::millis(stream.latency_ms.p50),
                &numbers::millis(stream.latency_ms.p99),
                &numbers::count(aside),
            ],
        );
        table.row(&[
            &place(&stream.sink, snapshot),
            &dash(),
            &rate_of(&stream.sink.name, snapshot),
            &dash(),
            &dash(),
            &dash(),
            &dash(),
            &dash(),
            &dash(),
        ]);
    }
    pages::card("From source to table", &Html::new(), &table.finish())
}

/// An end of a hop, with what it is.
fn place(at: &crate::model::End, snapshot: &Snapshot) -> Html {
    let note = match at.kind.as_str() {
        "kafka" => match snapshot.topics.get(&at.name) {
            Some(topic) => format!("topic, {} kept", numbers::of(topic.records, "record")),
            None => "topic".to_owned(),
        },
        "cassandra" => "table".to_owned(),
        other => format!("{other} source"),
    };
    super::main_cell(&end(at), &note)
}

fn rate_of(topic: &str, snapshot: &Snapshot) -> Option<String> {
    snapshot.topics.get(topic).map(|topic| numbers::rate(topic.records_per_second))
}

/// How many records had which latency in the last minute, stream by stream.
fn histograms(out: &mut Html, streams: &[&Stream]) {
    let known = streams.iter().filter(|stream| !stream.latency_histogram.is_empty());
    for stream in known {
        let aside = Html::with(
            "<span class=\"dim small\">records of the last minute, by how old each was when it was \
             written</span>",
            &[],
        );
        let title = format!("Latency of {}", stream.name);
        out.push(&pages::card(&title, &aside, &histogram(&stream.latency_histogram)));
    }
}

/// Bars for powers of two.
fn histogram(buckets: &[Bucket]) -> Html {
    let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(0).max(1);
    Html::of(|out| {
        out.raw("<ol class=\"histogram\">");
        for bucket in buckets.iter().take(40) {
            let share = approximate(bucket.count) / approximate(most);
            let height =
                format!("{:.1}", (share * 100.0).max(if bucket.count > 0 { 2.0 } else { 0.0 }));
            let top = format!("{:.1}", 100.0 - share * 100.0);
            let label = numbers::millis(Some(bucket.le_ms));
            let count = numbers::of(bucket.count, "record");
            let values: [&dyn Part; 6] = [&label, &count, &top, &height, &label, &count];
            out.put(
                "<li title=\"up to {}: {}\"><svg viewBox=\"0 0 10 100\" preserveAspectRatio=\"none\" \
                 aria-hidden=\"true\"><rect x=\"0\" y=\"{}\" width=\"10\" height=\"{}\"/></svg>\
                 <small>{}</small><span class=\"sr\">{}</span></li>",
                &values,
            );
        }
        out.raw("</ol>");
    })
}

fn charts(out: &mut Html, name: &str, range: u32) {
    let series = |what: &str| format!("stream.{name}.{what}");
    let title = |what: &str| format!("{name}: {what}");
    out.raw("<div class=\"two\">");
    let rate = series("rate");
    out.push(&chart(&title("records per second"), &[("in", &rate)], "records/s", range));
    let (p50, p99) = (series("p50"), series("p99"));
    out.push(&chart(&title("latency"), &[("p50", &p50), ("p99", &p99)], "ms", range));
    out.raw("</div>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stream(name: &str, source: &str, sink: &str, batch: f64) -> Stream {
        let kind = |name: &str| if name == "api" { "http" } else { "kafka" };
        let end = |name: &str| json!({"kind": kind(name), "name": name, "address": "a"});
        let told = json!({
            "name": name, "source": end(source), "sink": end(sink), "state": "running",
            "batch_ms": {"p50": batch, "p99": batch}, "lag": 0,
        });
        serde_json::from_value(told).unwrap()
    }

    #[test]
    fn the_slowest_hop_is_the_one_that_adds_most_and_not_the_last() {
        let (poll, write) =
            (stream("poll", "api", "users", 2_000.0), stream("write", "users", "t", 9.0));
        assert_eq!((adds_ms(&poll), adds_ms(&write)), (Some(1_000.0), Some(9.0)));
        let page = verdict(&[&poll, &write]).into_string();
        assert!(page.contains("The slowest hop is poll, api to users: 1,000 ms"), "{page}");
        assert!(page.contains("It is polled: 2,000 ms pass"), "{page}");
    }
}
