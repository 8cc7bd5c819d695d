//! The page: rendered whole on a visit, and as small changes for the event stream.
//!
//! [`values`] turns a snapshot into short texts, each under a key. The rooms below write those texts
//! into elements that carry the key, and the script replaces a text when its key changes. So numbers
//! are formatted in one place. If the [`shape`] changes (a stream more, an error, a part down), the
//! script fetches the main part of the page anew.

mod diagram;
mod markup;
pub(crate) mod notices;
mod series;
mod shape;
mod streams;
mod values;
mod vitals;

use pages::{Html, Product, Shell};
use serde::Serialize;

use crate::assets;
use crate::graph::{self, Pipeline};
use crate::model::{Reach, Snapshot};
use markup::Markup;
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

/// The frame of the page, without what depends on the visitor.
pub(crate) fn frame<'a>(styles: &'a [String], scripts: &'a [String]) -> Shell<'a> {
    Shell {
        title: "Pipelines",
        section: "pipelines",
        styles,
        scripts,
        ..Shell::new(Product::Console)
    }
}

/// Paths of the page's scripts.
pub(crate) fn scripts() -> Vec<String> {
    vec![assets::PIPELINES.path()]
}

/// The main part of the page.
pub(crate) fn fragment(snapshot: &Snapshot) -> Html {
    let pipelines = graph::pipelines(&snapshot.streams);
    let values = values::of(snapshot, &pipelines);
    let mut out = Markup::new(&values);
    out.raw("<div class=\"pipes\">");
    vitals::heading(&mut out, snapshot, &pipelines);
    notices::parts(&mut out, snapshot);
    notices::brokers(&mut out, snapshot);
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
    out.put(
        "<p class=\"foot\"><span>Millstream {}</span><span>The numbers as \
         <a href=\"/api/pipelines\">JSON</a></span></p>\
         <div id=\"seed\" hidden data-seed=\"{}\"></div></div>",
        &[&env!("CARGO_PKG_VERSION"), &series::seed(snapshot, &pipelines, &values)],
    );
    out.finish()
}

fn pipeline_card(out: &mut Markup<'_>, snapshot: &Snapshot, at: usize, pipeline: &Pipeline) {
    let names: Vec<_> =
        pipeline.streams.iter().map(|at| snapshot.streams[*at].name.as_str()).collect();
    let count = match names.len() {
        1 => "1 stream".to_owned(),
        many => format!("{many} streams"),
    };
    // Arrows only where the streams follow each other.
    let follow = pipeline.nodes.iter().all(|node| node.place.1 == 0);
    let separator = pages::Raw(if follow {
        "<span class=\"arrow\"> &rarr; </span>"
    } else {
        "<span class=\"arrow\"> &middot; </span>"
    });
    out.put(
        "<section class=\"card pipeline\" aria-labelledby=\"p{}-title\">\
         <header class=\"card-head\"><h2 id=\"p{}-title\">",
        &[&at, &at],
    );
    for (number, name) in names.iter().enumerate() {
        if number > 0 {
            out.put("{}", &[&separator]);
        }
        // A line ends between two names, not within one.
        out.raw("<span>");
        out.text(name);
        out.raw("</span>");
    }
    out.raw("</h2>");
    out.badge(&format!("p{at}.state"));
    out.put("<span class=\"card-note\">{}</span></header>", &[&count]);
    diagram::draw(out, snapshot, at, pipeline);
    for stream in &pipeline.streams {
        streams::panel(out, *stream, &snapshot.streams[*stream]);
    }
    out.raw("</section>");
}

#[cfg(test)]
mod tests;
