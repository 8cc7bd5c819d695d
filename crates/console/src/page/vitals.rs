//! The heading, the parts and the four numbers above the pipelines.

use super::markup::Markup;
use crate::graph::Pipeline;
use crate::model::{Part, Reach, Snapshot};

/// Title, whether the page is live, and a chip per part.
pub(crate) fn heading(out: &mut Markup<'_>, snapshot: &Snapshot, pipelines: &[Pipeline]) {
    out.raw("<div class=\"heading\"><div><h1>Pipelines</h1><p class=\"sub\">");
    if pipelines.is_empty() {
        out.raw("Source to table, live");
    } else {
        out.value("v.running");
    }
    out.raw(
        "</p></div><div class=\"heading-end\"><span class=\"live\" id=\"live\" \
         data-state=\"still\" role=\"status\"><i></i><span id=\"live-word\">Connecting</span></span>\
         <ul class=\"parts\" aria-label=\"Parts\">",
    );
    chip(out, "Kafka", &snapshot.kafka);
    chip(out, "Engine", &snapshot.engine);
    chip(out, "Cassandra", &snapshot.store);
    out.raw("</ul></div></div>");
}

fn chip(out: &mut Markup<'_>, name: &'static str, part: &Part) {
    let (state, word) = match &part.reach {
        Reach::Asking => ("starting", "asking"),
        Reach::Ready => ("running", "reachable"),
        Reach::Down { .. } => ("failed", "no answer"),
    };
    out.put(
        "<li class=\"part\" data-state=\"{}\"><i></i><b>{}</b><code title=\"{}\">{}</code>\
         <span class=\"sr\">{}</span></li>",
        &[&state, &name, &part.address, &part.address, &word],
    );
}

/// The four numbers.
pub(crate) fn tiles(out: &mut Markup<'_>) {
    out.raw("<section class=\"tiles\" aria-label=\"All streams\">");
    tile(out, "Throughput", "v.rate", "records/s", "v.read", Some("v.rate"));
    tile(out, "Lag", "v.lag", "records to read", "", Some("v.lag"));
    tile(out, "Latency p99", "v.p99", "", "v.p50", Some("v.p99"));
    tile(out, "Set aside", "v.aside", "records", "v.aside.note", None);
    out.raw("</section>");
}

fn tile(
    out: &mut Markup<'_>,
    label: &str,
    value: &str,
    unit: &str,
    note: &str,
    chart: Option<&str>,
) {
    out.put("<div class=\"tile\"><h2>{}</h2><p class=\"tile-value\">", &[&label]);
    out.valued("b", "", value);
    out.put("<span>{}</span></p>", &[&unit]);
    if note.is_empty() {
        out.raw("<p class=\"tile-note\">over all partitions</p>");
    } else {
        out.valued("p", "tile-note", note);
    }
    if let Some(chart) = chart {
        out.put("<div class=\"spark\" data-chart=\"{}\" aria-hidden=\"true\"></div>", &[&chart]);
    }
    out.raw("</div>");
}
