//! The heading, the parts and the four numbers above the pipelines.

use super::markup::{Markup, escape};
use crate::graph::Pipeline;
use crate::model::{Part, Reach, Snapshot};

/// Title, and a chip per part.
pub(crate) fn heading(out: &mut Markup<'_>, snapshot: &Snapshot, pipelines: &[Pipeline]) {
    out.raw("<div class=\"heading\"><div><h1>Pipelines</h1><p class=\"sub\">");
    if pipelines.is_empty() {
        out.raw("Source to table, live");
    } else {
        out.value("v.running");
    }
    out.raw("</p></div><ul class=\"parts\" aria-label=\"Parts\">");
    chip(out, "Kafka", &snapshot.kafka);
    chip(out, "Engine", &snapshot.engine);
    chip(out, "Cassandra", &snapshot.store);
    out.raw("</ul></div>");
}

fn chip(out: &mut Markup<'_>, name: &str, part: &Part) {
    let (state, word) = match &part.reach {
        Reach::Asking => ("starting", "asking"),
        Reach::Ready => ("running", "reachable"),
        Reach::Down { .. } => ("failed", "no answer"),
    };
    out.raw(&format!(
        "<li class=\"part\" data-state=\"{state}\"><i></i><b>{name}</b>\
         <code title=\"{address}\">{address}</code><span class=\"sr\">{word}</span></li>",
        address = escape(&part.address),
    ));
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
    out.raw(&format!("<div class=\"tile\"><h2>{label}</h2><p class=\"tile-value\">"));
    out.valued("b", "", value);
    out.raw(&format!("<span>{unit}</span></p>"));
    if note.is_empty() {
        out.raw("<p class=\"tile-note\">over all partitions</p>");
    } else {
        out.valued("p", "tile-note", note);
    }
    if let Some(chart) = chart {
        out.raw(&format!(
            "<div class=\"spark\" data-chart=\"{chart}\" aria-hidden=\"true\"></div>"
        ));
    }
    out.raw("</div>");
}
