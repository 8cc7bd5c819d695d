//! A stream's panel: three charts, where its records went, and its partitions.

use super::markup::{Markup, escape, icon};
use super::notices::with_code;
use crate::model::Stream;

/// The fates of a record, in the order of the bar: key, word, meaning.
const FATES: [(&str, &str, &str); 5] = [
    ("written", "written", "In the sink, or part of a row there"),
    ("filtered", "filtered", "Refused by the query's WHERE"),
    ("duplicate", "duplicate", "Another record of the same key won"),
    ("late", "late", "Behind the watermark"),
    ("dead", "dead-lettered", "Could not be decoded or evaluated; kept in the dead-letter topic"),
];

/// Draws the panel.
pub(crate) fn panel(out: &mut Markup<'_>, at: usize, stream: &Stream) {
    out.raw(&format!(
        "<section class=\"stream\" id=\"stream-{at}\" aria-labelledby=\"s{at}-title\">\
         <header class=\"stream-head\"><h3 id=\"s{at}-title\">{}</h3>",
        escape(&stream.name)
    ));
    out.badge(&format!("s{at}.state"));
    if !stream.file.is_empty() {
        out.raw(&format!("<code class=\"file\">{}</code>", escape(&stream.file)));
    }
    if let Some(note) = stream.position_note.as_deref().filter(|note| !note.is_empty()) {
        out.raw(&format!("<span class=\"card-note\">{}</span>", escape(note)));
    }
    out.valued("span", "card-note push", &format!("s{at}.batches"));
    out.raw("</header>");
    failure(out, stream);
    out.raw("<div class=\"charts\">");
    chart(out, "Throughput", &[("rate", "records/s")], at, "rate");
    chart(out, "Latency", &[("p50", "p50"), ("p99", "p99")], at, "p50 p99");
    if stream.lag.is_some() {
        chart(out, "Lag", &[("lag", "records")], at, "lag");
    } else {
        out.raw(
            "<figure class=\"chart\"><figcaption><span>Lag</span></figcaption>\
             <div class=\"plot none\">This source has no end to lag behind</div></figure>",
        );
    }
    out.raw("</div>");
    ledger(out, at);
    partitions(out, at, stream);
    out.raw("</section>");
}

fn failure(out: &mut Markup<'_>, stream: &Stream) {
    let Some(error) = &stream.error else { return };
    out.raw(&format!("<div class=\"band\" role=\"alert\">{}<div><p><b>", icon("alert")));
    out.text(&error.message);
    out.raw("</b></p>");
    if let Some(hint) = error.hint.as_deref().filter(|hint| !hint.is_empty()) {
        out.raw("<p>");
        with_code(out, hint);
        out.raw("</p>");
    }
    out.raw("</div></div>");
}

fn chart(out: &mut Markup<'_>, title: &str, numbers: &[(&str, &str)], at: usize, series: &str) {
    out.raw(&format!("<figure class=\"chart\"><figcaption><span>{title}</span>"));
    for (line, (name, unit)) in numbers.iter().enumerate() {
        let (before, after) = if numbers.len() > 1 { (*unit, "") } else { ("", *unit) };
        out.raw(&format!("<span class=\"reading line-{line}\"><small>{before}</small>"));
        out.valued("b", "", &format!("s{at}.{name}"));
        out.raw(&format!("<small>{after}</small></span>"));
    }
    let keys: Vec<_> = series.split(' ').map(|name| format!("s{at}.{name}")).collect();
    out.raw(&format!(
        "</figcaption><div class=\"plot\" data-chart=\"{}\" role=\"img\" \
         aria-label=\"{title} of the last three minutes\"></div></figure>",
        keys.join(" ")
    ));
}

fn ledger(out: &mut Markup<'_>, at: usize) {
    out.raw("<div class=\"ledger\"><div class=\"ledger-head\"><h4>Where the records went</h4><p>");
    out.valued("b", "", &format!("s{at}.read"));
    out.raw(&format!(" read<span class=\"balance\" data-s=\"s{at}.open\" data-state=\"running\">"));
    out.raw("<i></i>");
    out.value(&format!("s{at}.open"));
    out.raw("</span></p></div>");
    out.raw("<svg class=\"bar\" width=\"100%\" height=\"10\" aria-hidden=\"true\" preserveAspectRatio=\"none\">");
    let shares = out.shares(&format!("s{at}")).to_vec();
    let mut left = 0.0;
    for (number, (key, _, _)) in FATES.iter().enumerate() {
        let share = shares.get(number).copied().unwrap_or(0.0);
        out.raw(&format!(
            "<rect class=\"fate {key}\" data-b=\"s{at}.{number}\" x=\"{:.2}%\" y=\"0\" \
             width=\"{:.2}%\" height=\"10\"/>",
            left * 100.0,
            share * 100.0
        ));
        left += share;
    }
    out.raw("</svg><dl class=\"fates\">");
    for (key, word, meaning) in FATES {
        out.raw(&format!("<div class=\"{key}\" title=\"{meaning}\"><dt><i></i>{word}</dt>"));
        out.valued("dd", "", &format!("s{at}.{key}"));
        out.raw("</div>");
    }
    out.raw("</dl></div>");
}

fn partitions(out: &mut Markup<'_>, at: usize, stream: &Stream) {
    if stream.partitions.is_empty() {
        return;
    }
    out.raw(&format!(
        "<details class=\"partitions\" id=\"s{at}-partitions\"><summary>Partitions \
         <span class=\"count\">{}</span></summary><div class=\"scroll\" tabindex=\"0\" \
         role=\"region\" aria-label=\"Partitions of {}\"><table><thead><tr>",
        stream.partitions.len(),
        escape(&stream.name)
    ));
    let columns = [
        "partition",
        "read",
        "written",
        "filtered",
        "duplicate",
        "late",
        "dead-lettered",
        "position",
        "end",
        "watermark UTC",
    ];
    for column in columns {
        out.raw(&format!("<th scope=\"col\">{column}</th>"));
    }
    out.raw("</tr></thead><tbody>");
    for (number, partition) in stream.partitions.iter().enumerate() {
        out.raw(&format!("<tr><th scope=\"row\">{}</th>", partition.partition));
        for name in [
            "read",
            "written",
            "filtered",
            "duplicate",
            "late",
            "dead",
            "position",
            "end",
            "watermark",
        ] {
            out.valued("td", "", &format!("s{at}.p{number}.{name}"));
        }
        out.raw("</tr>");
    }
    out.raw("</tbody></table></div></details>");
}
