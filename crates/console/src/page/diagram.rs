//! The picture of a pipeline: boxes in columns. The script draws the arrows between them.

use super::markup::{Markup, icon};
use crate::graph::{Node, Pipeline, What};
use crate::model::{End, Snapshot, Stream};

/// Draws the boxes, in the order in which records pass them.
pub(crate) fn draw(out: &mut Markup<'_>, snapshot: &Snapshot, at: usize, pipeline: &Pipeline) {
    out.put(
        "<div class=\"diagram\"><ol class=\"boxes cols-{}\" aria-label=\"From source to sink\">",
        &[&pipeline.columns.min(COLUMNS_MAX)],
    );
    for (number, node) in pipeline.nodes.iter().enumerate() {
        let id = format!("p{at}n{number}");
        match &node.what {
            What::Stream(at) => {
                stream_box(out, &id, node, *at, &snapshot.streams[*at]);
            }
            What::End(end) => {
                let topic = snapshot.topics.get(&end.name).filter(|_| end.kind == "kafka");
                end_box(out, &id, node, end, topic.map(|topic| topic.partitions));
            }
        }
    }
    out.raw("</ol></div>");
}

/// Columns the style sheet knows; a longer chain scrolls, its boxes at least this narrow.
const COLUMNS_MAX: usize = 9;
/// Rows the style sheet knows; further ones share the last.
const ROWS_MAX: usize = 12;

fn place(node: &Node) -> String {
    let (column, row) = node.place;
    format!("c{} r{}", column.min(COLUMNS_MAX - 1), row.min(ROWS_MAX - 1))
}

fn end_box(out: &mut Markup<'_>, id: &str, node: &Node, end: &End, partitions: Option<usize>) {
    let (kind, label) = match end.kind.as_str() {
        "http" => ("http", "HTTP source"),
        "kafka" => ("kafka", "Kafka topic"),
        "cassandra" => ("cassandra", "Cassandra table"),
        "file" => ("file", "File"),
        other => ("other", other),
    };
    let mut shown = end.name.as_str();
    let mut note = match partitions {
        Some(1) => "1 partition".to_owned(),
        Some(many) => format!("{many} partitions"),
        None => end.address.clone(),
    };
    let mut href = None;
    if kind == "cassandra"
        && let Some((keyspace, table)) = end.name.split_once('.')
    {
        shown = table;
        note = format!("keyspace {keyspace}");
        href = Some(pages::path(&["tables", keyspace, table]));
    }
    if kind == "kafka" {
        href = Some(pages::path(&["topics", &end.name]));
    }
    if kind == "http" {
        shown = end.name.trim_start_matches("http://").trim_start_matches("https://");
        shown = shown.trim_end_matches('/');
        "polled".clone_into(&mut note);
    }
    out.put(
        "<li class=\"box {} {}\" id=\"{}\"><p class=\"box-kind\">{}{}</p><p class=\"box-name\">",
        &[&kind, &place(node), &id, &icon(kind), &label],
    );
    match href {
        Some(href) => out.put("<a href=\"{}\" title=\"{}\">{}</a>", &[&href, &end.name, &shown]),
        None => out.put("<span title=\"{}\">{}</span>", &[&end.name, &shown]),
    }
    out.put("</p><p class=\"box-note\">{}</p><p class=\"box-number\">", &[&note]);
    out.valued("b", "", &format!("{id}.main"));
    out.valued("span", "", &format!("{id}.more"));
    out.raw("</p></li>");
}

fn stream_box(out: &mut Markup<'_>, id: &str, node: &Node, at: usize, stream: &Stream) {
    let name = &stream.name;
    out.put(
        "<li class=\"box stream-box {}\" id=\"{}\" data-s=\"s{}.state\" data-state=\"{}\">\
         <p class=\"box-kind\">{}Stream</p>\
         <p class=\"box-name\"><a href=\"#stream-{}\" title=\"{}\">{}</a></p>",
        &[&place(node), &id, &at, &stream.state.word(), &icon("stream"), &at, name, name],
    );
    out.raw("<p class=\"box-note\"><i class=\"dot\"></i>");
    out.value(&format!("s{at}.state"));
    out.raw("</p><p class=\"box-number\">");
    out.valued("b", "", &format!("s{at}.rate"));
    out.raw("<span>records/s</span></p></li>");
}
