//! `/groups`: all consumer groups, with how far behind they are.

use std::collections::BTreeMap;

use axum::response::Response;
use kafkaadmin::GroupListing;
use pages::{Column, Html, Icon, Table, Tone};

use super::{badge, group_path, link, main_cell, or_dash};
use crate::fields::{Asked, Fields};
use crate::numbers;
use crate::visit::{Made, Page, Visit};

/// Rows of one page.
const ROWS: u64 = 100;

pub(crate) async fn list(visit: Visit, Asked(asked): Asked) -> Response {
    visit.show(move |visit| page(visit, asked.clone())).await
}

async fn page(visit: Visit, asked: Fields) -> Made {
    let groups = visit.desk.admin.list_groups().await?;
    let lags = visit.desk.lags.borrow().clone();
    let streams = streams(&visit).await;
    let search = asked.text("search").to_ascii_lowercase();
    let offset: u64 = asked.number("offset").unwrap_or(0);
    let found: Vec<&GroupListing> = groups
        .iter()
        .filter(|group| group.group_id.to_ascii_lowercase().contains(&search))
        .collect();
    let total = numbers::len(found.len());
    let columns = [
        Column::left("Group"),
        Column::left("State"),
        Column::left("Protocol"),
        Column::right("Lag, records"),
    ];
    let mut table = Table::new(&columns);
    let shown = found.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
    for group in shown.take(usize::try_from(ROWS).unwrap_or(usize::MAX)) {
        let name = link(&group_path(&group.group_id), &group.group_id);
        let note = match streams.get(&group.group_id) {
            Some(stream) => format!("of stream {stream}"),
            None if group.protocol_type.is_empty() => "keeps offsets".to_owned(),
            None => group.protocol_type.clone(),
        };
        let lag = lags.get(&group.group_id).copied().map(numbers::count);
        table.row(&[
            &main_cell(&name, &note),
            &state(&group.state),
            &badge(Tone::Plain, group.protocol.word()),
            &or_dash(lag),
        ]);
    }
    let body = Html::of(|out| {
        out.push(&pages::page_head("Consumer groups", None, &Html::new()));
        out.put(
            "<form class=\"filters\" action=\"/groups\"><input type=\"search\" name=\"search\" \
             value=\"{}\" placeholder=\"Search groups\" aria-label=\"Search groups\" \
             autocomplete=\"off\" spellcheck=\"false\"><button class=\"button\" type=\"submit\">Search\
             </button></form>",
            &[&asked.text("search")],
        );
        out.region("group-list", |out| {
            if table.is_empty() {
                out.push(&nothing(groups.is_empty()));
            } else {
                out.push(&table.finish());
                out.push(&pages::pager(total, ROWS, offset, &|offset| {
                    let offset = offset.to_string();
                    pages::query(
                        "/groups",
                        &[("search", asked.text("search")), ("offset", &offset)],
                    )
                }));
            }
        });
    });
    Ok(Page {
        title: "Consumer groups".to_owned(),
        section: "groups",
        body,
        live: true,
        ..Page::default()
    })
}

fn nothing(none: bool) -> Html {
    let (title, text) = if none {
        ("No consumer groups yet", "A group appears when its first consumer joins or commits.")
    } else {
        ("No such group", "No group's name contains this text.")
    };
    pages::card("", &Html::new(), &pages::empty_state(Icon::Group, title, text, &Html::new()))
}

/// The groups of streams, with the streams' names.
async fn streams(visit: &Visit) -> BTreeMap<String, String> {
    let snapshot = visit.desk.latest().await;
    snapshot.streams.iter().map(|stream| (stream.group(), stream.name.clone())).collect()
}

/// The state of a group, as Kafka names it.
pub(crate) fn state(name: &str) -> Html {
    // Styles know the states of tasks; those of groups mean much the same.
    let alike = match name {
        "Stable" => "stable",
        "Empty" => "none",
        "Dead" => "dead",
        "PreparingRebalance" | "CompletingRebalance" | "Assigning" | "Reconciling" => "queued",
        _ => "still",
    };
    let word = if name.is_empty() { "unknown" } else { name };
    Html::with("<span class=\"chip\" data-state=\"{}\"><i></i>{}</span>", &[&alike, &word])
}
