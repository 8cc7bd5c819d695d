//! The page: rendered whole on a visit, and as small changes for the event stream.
//!
//! [`values`] turns a snapshot into short texts, each under a key. The rooms below write those texts
//! into elements that carry the key, and the script replaces a text when its key changes. So numbers
//! are formatted in one place. If the [`shape`] changes (a stream more, an error, a part down), the
//! script fetches the main part of the page anew.

mod diagram;
mod markup;
mod notices;
mod numbers;
mod series;
mod shape;
mod streams;
mod values;
mod vitals;

use std::fmt::Write as _;

use serde::Serialize;

use crate::assets;
use crate::graph::{self, Pipeline};
use crate::model::{Reach, Snapshot};
use markup::{Markup, escape};
use values::Values;

/// What an event carries.
#[derive(Debug, Serialize)]
pub(crate) struct Changes {
    shape: String,
    at: i64,
    #[serde(flatten)]
    values: Values,
    /// The newest point of each series.
    points: series::Points,
}

/// What changes from second to second.
pub(crate) fn changes(snapshot: &Snapshot) -> Changes {
    let pipelines = graph::pipelines(&snapshot.streams);
    Changes {
        shape: shape::of(snapshot),
        at: snapshot.at_ms,
        values: values::of(snapshot, &pipelines),
        points: series::points(snapshot),
    }
}

/// The whole page.
pub(crate) fn whole(snapshot: &Snapshot) -> String {
    let mut out = String::with_capacity(32 << 10);
    let (css, js) = (assets::path("console.css"), assets::path("console.js"));
    let (theme, mark) = (assets::path("theme.js"), assets::path("mark.svg"));
    // Writing to a string does not fail.
    let _written = write!(
        out,
        r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Pipelines - Millstream</title>
<link rel="icon" href="{mark}" type="image/svg+xml">
<script src="{theme}"></script>
<link rel="stylesheet" href="{css}">
<script type="module" src="{js}"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the pipelines</a>
<header class="top">
<div class="frame">
<a class="brand" href="/"><img src="{mark}" alt="" width="26" height="26"><span>Millstream</span></a>
<nav aria-label="Pages"><a href="/" aria-current="page">Pipelines</a></nav>
<div class="top-end">
<span class="live" id="live" data-state="connecting" role="status"><i></i><span id="live-word">Connecting</span></span>
<button class="icon-button" id="theme" type="button" aria-label="Switch between light and dark">{theme_icon}</button>
</div>
</div>
</header>
<main id="main" class="frame" tabindex="-1">
{main}
</main>
<footer class="frame foot"><span>Millstream {version}</span><span>Read-only &middot; this machine only &middot; <a href="/api/pipelines">JSON</a></span></footer>
</body>
</html>
"##,
        theme_icon = markup::icon("theme"),
        main = fragment(snapshot),
        version = env!("CARGO_PKG_VERSION"),
    );
    out
}

/// The main part of the page.
pub(crate) fn fragment(snapshot: &Snapshot) -> String {
    let pipelines = graph::pipelines(&snapshot.streams);
    let values = values::of(snapshot, &pipelines);
    let mut out = Markup::new(&values);
    vitals::heading(&mut out, snapshot, &pipelines);
    notices::parts(&mut out, snapshot);
    match (&snapshot.engine.reach, pipelines.is_empty()) {
        (Reach::Asking, true) => notices::loading(&mut out),
        (Reach::Down { .. }, true) => notices::loading(&mut out),
        (Reach::Ready, true) => notices::empty(&mut out),
        (_, false) => {
            vitals::tiles(&mut out);
            for (at, pipeline) in pipelines.iter().enumerate() {
                pipeline_card(&mut out, snapshot, at, pipeline);
            }
        }
    }
    out.raw(&format!(
        "<script type=\"application/json\" id=\"seed\">{}</script>",
        series::seed(snapshot, &pipelines, &values)
    ));
    out.finish()
}

fn pipeline_card(out: &mut Markup<'_>, snapshot: &Snapshot, at: usize, pipeline: &Pipeline) {
    let names: Vec<_> =
        pipeline.streams.iter().map(|at| escape(&snapshot.streams[*at].name)).collect();
    let count = match names.len() {
        1 => "1 stream".to_owned(),
        many => format!("{many} streams"),
    };
    // Arrows only where the streams follow each other.
    let separator = if pipeline.nodes.iter().all(|node| node.place.1 == 0) {
        "<span class=\"arrow\" aria-hidden=\"true\">&rarr;</span>"
    } else {
        "<span class=\"arrow\" aria-hidden=\"true\">&middot;</span>"
    };
    out.raw(&format!(
        "<section class=\"card pipeline\" aria-labelledby=\"p{at}-title\">\
         <header class=\"card-head\"><h2 id=\"p{at}-title\">{}</h2>",
        names.join(separator)
    ));
    out.badge(&format!("p{at}.state"));
    out.raw(&format!("<span class=\"card-note\">{count}</span></header>"));
    diagram::draw(out, snapshot, at, pipeline);
    for stream in &pipeline.streams {
        streams::panel(out, *stream, &snapshot.streams[*stream]);
    }
    out.raw("</section>");
}

#[cfg(test)]
mod tests;
