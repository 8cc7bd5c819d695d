//! What stands on the page when there is nothing to show or a part does not answer.

use std::collections::BTreeMap;

use super::markup::{Markup, icon};
use crate::model::{Part, Reach, Snapshot};
use crate::numbers;
use crate::views::coded;

/// A band per part that does not answer: what, why, what next.
pub(crate) fn parts(out: &mut Markup<'_>, snapshot: &Snapshot) {
    let stale = match snapshot.streams_at_ms {
        0 => String::new(),
        at => format!(" The numbers below are of {} UTC.", numbers::time(at, snapshot.at_ms)),
    };
    band(
        out,
        "The engine does not answer",
        &snapshot.engine,
        &format!("Start the project with `millstream up`, or look at its output.{stale}"),
    );
    band(
        out,
        "The Kafka broker does not answer",
        &snapshot.kafka,
        "Topic sizes are missing. Streams wait and go on by themselves once it is back.",
    );
    band(
        out,
        "The Cassandra server does not answer",
        &snapshot.store,
        "Streams that write to it wait and go on by themselves once it is back.",
    );
}

/// A band where brokers are away and the others go on.
pub(crate) fn brokers(out: &mut Markup<'_>, snapshot: &Snapshot) {
    let Some(said) = missing(&snapshot.away) else { return };
    out.put(
        "<div class=\"band\" role=\"alert\">{}<div><p><b>{}</b> ",
        &[&icon("alert"), &said.title],
    );
    out.text(&said.effect);
    out.put("</p><p>{} <a href=\"/brokers\">Brokers</a></p></div></div>", &[&said.next]);
}

/// What is said of brokers that are missed.
pub(crate) struct Missing {
    /// Who.
    pub(crate) title: String,
    /// What that means.
    pub(crate) effect: String,
    /// What to do.
    pub(crate) next: &'static str,
}

/// Which brokers are missed, if any.
pub(crate) fn missing(away: &BTreeMap<i32, usize>) -> Option<Missing> {
    let ids: Vec<String> = away.keys().map(ToString::to_string).collect();
    let (who, are, they) = match ids.as_slice() {
        [] => return None,
        [one] => (format!("Broker {one}"), "is", "it keeps"),
        many => (format!("Brokers {}", many.join(", ")), "are", "they keep"),
    };
    let replicas = numbers::of(numbers::len(away.values().sum()), "replica");
    Some(Missing {
        title: format!("{who} {are} away"),
        effect: format!("The {replicas} that {they} fall behind; the other brokers go on."),
        next: "Look at its log and start it again: it catches up by itself.",
    })
}

fn band(out: &mut Markup<'_>, title: &str, part: &Part, next: &str) {
    let Reach::Down { why } = &part.reach else { return };
    out.put("<div class=\"band\" role=\"alert\">{}<div><p><b>{}</b> ", &[&icon("alert"), &title]);
    out.raw("at <code>");
    out.text(&part.address);
    out.raw("</code>: ");
    out.text(why);
    out.raw("</p><p>");
    out.put("{}", &[&coded(next)]);
    out.raw("</p></div></div>");
}

/// Grey boxes of the size of what is to come.
pub(crate) fn loading(out: &mut Markup<'_>) {
    out.raw(
        "<div class=\"tiles\" aria-hidden=\"true\"><div class=\"tile ghost\"></div>\
         <div class=\"tile ghost\"></div><div class=\"tile ghost\"></div>\
         <div class=\"tile ghost\"></div></div>\
         <div class=\"card ghost ghost-card\" role=\"status\">\
         <span class=\"sr\">Waiting for the engine's first answer</span></div>",
    );
}

/// A project without streams.
pub(crate) fn empty(out: &mut Markup<'_>) {
    out.raw(
        "<section class=\"card empty\"><svg viewBox=\"0 0 320 96\" width=\"320\" height=\"96\" \
         aria-hidden=\"true\" class=\"empty-art\"><rect x=\"1\" y=\"28\" width=\"76\" height=\"40\" \
         rx=\"8\"/><rect x=\"122\" y=\"28\" width=\"76\" height=\"40\" rx=\"8\"/>\
         <rect x=\"243\" y=\"28\" width=\"76\" height=\"40\" rx=\"8\"/>\
         <path d=\"M77 48h45M198 48h45\"/></svg>\
         <h2>No streams yet</h2><p>A stream reads a topic or a source and writes a table or a topic. \
         Put one into a <code>.sql</code> file of the project, or start from a project that runs:</p>\
         <pre><code>millstream new weather\nmillstream up weather</code></pre>\
         <p class=\"sub\">This page shows it as soon as it runs.</p></section>",
    );
}
