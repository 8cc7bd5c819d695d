//! A stream's panel: three charts, where its records went, and its partitions.

use super::markup::{Markup, icon};
use crate::model::Stream;
use crate::views::coded;

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
    let pipeline = pages::path(&["pipelines", &stream.name]);
    out.put(
        "<section class=\"stream\" id=\"stream-{}\" aria-labelledby=\"s{}-title\">\
         <header class=\"stream-head\"><h3 id=\"s{}-title\"><a href=\"{}\">{}</a></h3>",
        &[&at, &at, &at, &pipeline, &stream.name],
    );
    out.badge(&format!("s{at}.state"));
    if !stream.file.is_empty() {
        out.put("<code class=\"file\">{}</code>", &[&stream.file]);
    }
    if let Some(note) = stream.position_note.as_deref().filter(|note| !note.is_empty()) {
        out.put("<span class=\"card-note\">{}</span>", &[&note]);
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
    out.put(
        "<div class=\"band\" role=\"alert\">{}<div><p><b>{}</b></p>",
        &[&icon("alert"), &error.message],
    );
    if let Some(hint) = error.hint.as_deref().filter(|hint| !hint.is_empty()) {
        out.raw("<p>");
        out.put("{}", &[&coded(hint)]);
        out.raw("</p>");
    }
    out.raw("</div></div>");
}

fn chart(
    out: &mut Markup<'_>,
    title: &'static str,
    numbers: &[(&str, &'static str)],
    at: usize,
    series: &str,
) {
    out.put("<figure class=\"chart\"><figcaption><span>{}</span>", &[&title]);
    for (line, (name, unit)) in numbers.iter().enumerate() {
        let (before, after) = if numbers.len() > 1 { (*unit, "") } else { ("", *unit) };
        out.put("<span class=\"reading line-{}\"><small>{}</small>", &[&line, &before]);
        out.valued("b", "", &format!("s{at}.{name}"));
        out.put("<small>{}</small></span>", &[&after]);
    }
    let keys: Vec<_> = series.split(' ').map(|name| format!("s{at}.{name}")).collect();
    out.put(
        "</figcaption><div class=\"plot\" data-chart=\"{}\" role=\"img\" \
         aria-label=\"{} of the last three minutes\"></div></figure>",
        &[&keys.join(" "), &title],
    );
}

fn ledger(out: &mut Markup<'_>, at: usize) {
    out.raw("<div class=\"ledger\"><div class=\"ledger-head\"><h4>Where the records went</h4><p>");
    out.valued("b", "", &format!("s{at}.read"));
    out.put(
        " read<span class=\"balance\" data-s=\"s{}.open\" data-state=\"running\"><i></i>",
        &[&at],
    );
    out.value(&format!("s{at}.open"));
    out.raw(
        "</span></p></div><svg class=\"bar\" width=\"100%\" height=\"10\" aria-hidden=\"true\" \
         preserveAspectRatio=\"none\">",
    );
    let shares = out.shares(&format!("s{at}")).to_vec();
    let mut left = 0.0;
    for (number, (key, _, _)) in FATES.iter().enumerate() {
        let share = shares.get(number).copied().unwrap_or(0.0);
        let (from, wide) = (format!("{:.2}", left * 100.0), format!("{:.2}", share * 100.0));
        out.put(
            "<rect class=\"fate {}\" data-b=\"s{}.{}\" x=\"{}%\" y=\"0\" width=\"{}%\" \
             height=\"10\"/>",
            &[key, &at, &number, &from, &wide],
        );
        left += share;
    }
    out.raw("</svg><dl class=\"fates\">");
    for (key, word, meaning) in FATES {
        let values: [&dyn pages::Part; 3] = [&key, &meaning, &word];
        out.put("<div class=\"{}\" title=\"{}\"><dt><i></i>{}</dt>", &values);
        out.valued("dd", "", &format!("s{at}.{key}"));
        out.raw("</div>");
    }
    out.raw("</dl></div>");
}

fn partitions(out: &mut Markup<'_>, at: usize, stream: &Stream) {
    if stream.partitions.is_empty() {
        return;
    }
    out.put(
        "<details class=\"partitions\" id=\"s{}-partitions\"><summary>Partitions \
         <span class=\"count\">{}</span></summary><div class=\"scroll\" tabindex=\"0\" \
         role=\"region\" aria-label=\"Partitions of {}\"><table><thead><tr>",
        &[&at, &stream.partitions.len(), &stream.name],
    );
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
        out.put("<th scope=\"col\">{}</th>", &[&column]);
    }
    out.raw("</tr></thead><tbody>");
    for (number, partition) in stream.partitions.iter().enumerate() {
        out.put("<tr><th scope=\"row\">{}</th>", &[&partition.partition]);
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
