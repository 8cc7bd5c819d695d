//! The pages, one file for each, and the parts that several of them show.

pub(crate) mod brokers;
pub(crate) mod cql;
pub(crate) mod dead_letters;
pub(crate) mod doctor;
mod editor;
pub(crate) mod group;
pub(crate) mod groups;
pub(crate) mod messages;
pub(crate) mod pipeline;
pub(crate) mod pipelines;
pub(crate) mod reset;
pub(crate) mod series;
pub(crate) mod sign_in;
pub(crate) mod sql;
pub(crate) mod streams;
pub(crate) mod tables;
pub(crate) mod topic;
pub(crate) mod topic_edit;
pub(crate) mod topics;
pub(crate) mod transactions;

use chrono::{DateTime, Utc};
use pages::{Badge, Html, Part, Tone};

use crate::numbers;

/// A topic's page.
pub(crate) fn topic_path(topic: &str) -> String {
    pages::path(&["topics", topic])
}

/// A part of a topic's page.
pub(crate) fn topic_tab(topic: &str, tab: &str) -> String {
    pages::path(&["topics", topic, tab])
}

/// A group's page.
pub(crate) fn group_path(group: &str) -> String {
    pages::path(&["groups", group])
}

/// A link.
pub(crate) fn link(href: &str, text: &str) -> Html {
    Html::with("<a href=\"{}\">{}</a>", &[&href, &text])
}

/// Text in which what stands between backticks is code.
pub(crate) fn coded(text: &str) -> Html {
    Html::of(|out| {
        for (at, piece) in text.split('`').enumerate() {
            out.put(if at % 2 == 1 { "<code>{}</code>" } else { "{}" }, &[&piece]);
        }
    })
}

/// A name above a note, as the first cell of a row.
pub(crate) fn main_cell(name: &dyn Part, note: &dyn Part) -> Html {
    Html::with("<span class=\"main-cell\">{}<small>{}</small></span>", &[name, note])
}

/// A value that may be missing.
pub(crate) fn or_dash<T: Part>(value: Option<T>) -> Html {
    match value {
        Some(value) => Html::with("{}", &[&value]),
        None => Html::with("<span class=\"nil\">-</span>", &[]),
    }
}

/// A moment of milliseconds since the Unix epoch.
pub(crate) fn moment(at_ms: i64) -> Html {
    let at = DateTime::from_timestamp_millis(at_ms);
    at.map_or_else(|| or_dash::<&str>(None), pages::time)
}

/// How long ago a moment was, of milliseconds since the Unix epoch.
pub(crate) fn ago(at_ms: i64, now: DateTime<Utc>) -> Html {
    let at = DateTime::from_timestamp_millis(at_ms);
    at.map_or_else(|| or_dash::<&str>(None), |at| pages::ago(at, now))
}

/// Bytes that may be unknown.
pub(crate) fn size(bytes: Option<u64>) -> Html {
    or_dash(bytes.map(numbers::bytes))
}

/// A number with a note that it is not all.
pub(crate) fn badge(tone: Tone, text: &str) -> Html {
    Html::with("{}", &[&Badge(tone, text)])
}

/// A chart of the last hours.
pub(crate) fn chart(title: &str, series: &[(&str, &str)], unit: &str, range: u32) -> Html {
    let encoded: Vec<String> = series.iter().map(|(_, name)| pages::segment(name)).collect();
    let labels: Vec<&str> = series.iter().map(|(label, _)| *label).collect();
    Html::with(
        "<figure class=\"hours\"><figcaption>{}</figcaption><x-chart series=\"{}\" labels=\"{}\" \
         unit=\"{}\" range=\"{}\" role=\"img\" aria-label=\"{}\"></x-chart></figure>",
        &[&title, &encoded.join(" "), &labels.join(" "), &unit, &range, &title],
    )
}

/// The choice of a chart's range: the last hour, six hours or day.
pub(crate) fn ranges(path: &str, current: u32) -> Html {
    Html::of(|out| {
        out.raw("<nav class=\"segments\" aria-label=\"Range of the charts\">");
        for (seconds, word) in [(3_600_u32, "1 h"), (21_600, "6 h"), (86_400, "24 h")] {
            let href = pages::query(path, &[("range", &seconds.to_string())]);
            let mark = (seconds == current).then_some(pages::Raw(" aria-current=\"true\""));
            let values: [&dyn Part; 3] = [&href, &mark, &word];
            out.put("<a href=\"{}\"{}>{}</a>", &values);
        }
        out.raw("</nav>");
    })
}

/// The range of a query.
pub(crate) fn range(asked: &crate::fields::Fields) -> u32 {
    asked.number("range").filter(|range| matches!(range, 21_600 | 86_400)).unwrap_or(3_600)
}

/// A part of a page whose answer failed.
pub(crate) fn failed(title: &str, error: &dyn std::fmt::Display) -> Html {
    let detail = crate::visit::sentence(&error.to_string());
    pages::banner(Tone::Bad, title, &Html::with("<p>{}</p>", &[&detail]))
}
