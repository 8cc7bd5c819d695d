//! `/transactions` and `/transactions/{id}`: transactional ids and their latest transactions.

use axum::extract::Path;
use axum::response::Response;
use pages::{Column, Html, Icon, Table};

use super::{ago, link, moment, or_dash, topic_path};
use crate::numbers;
use crate::visit::{Made, Page, Visit};

/// Ids that are shown.
const ROWS_MAX: usize = 500;

pub(crate) async fn list(visit: Visit) -> Response {
    visit.show(list_page).await
}

async fn list_page(visit: Visit) -> Made {
    let all = visit.desk.admin.list_transactions().await?;
    let columns =
        [Column::left("Transactional id"), Column::left("State"), Column::right("Producer id")];
    let mut table = Table::new(&columns).live("transactions");
    for one in all.iter().take(ROWS_MAX) {
        let href = pages::path(&["transactions", &one.transactional_id]);
        table.row(&[
            &Html::with("<b>{}</b>", &[&link(&href, &one.transactional_id)]),
            &state(&one.state),
            &one.producer_id,
        ]);
    }
    let body = Html::of(|out| {
        out.push(&pages::page_head("Transactions", None, &Html::new()));
        if table.is_empty() {
            let text = "A producer appears here when it begins to use a transactional.id.";
            let body = pages::empty_state(Icon::Retry, "No transactions yet", text, &Html::new());
            out.push(&pages::card("", &Html::new(), &body));
        } else {
            out.push(&table.finish());
            super::topic::more(out, all.len(), ROWS_MAX, "transactional id");
        }
    });
    Ok(Page {
        title: "Transactions".to_owned(),
        section: "transactions",
        body,
        live: true,
        ..Page::default()
    })
}

pub(crate) async fn one(visit: Visit, Path(id): Path<String>) -> Response {
    visit.show(move |visit| one_page(visit, id.clone())).await
}

async fn one_page(visit: Visit, id: String) -> Made {
    let found = visit.desk.admin.describe_transaction(&id).await?;
    let body = Html::of(|out| {
        out.push(&pages::page_head(&id, None, &Html::new()));
        out.region_as("div", "split", "transaction", |out| {
            let columns = [Column::left("Topic"), Column::right("Partition")];
            let mut table = Table::new(&columns);
            for at in found.partitions.iter().take(ROWS_MAX) {
                table.row(&[&link(&topic_path(&at.topic), &at.topic), &at.partition]);
            }
            let partitions = if table.is_empty() {
                let text = "No transaction is open, so it holds no partition.";
                pages::empty_state(Icon::List, "No partitions", text, &Html::new())
            } else {
                table.finish()
            };
            out.push(&pages::card("Partitions of the open transaction", &Html::new(), &partitions));
            let started = found
                .started_ms
                .map(|at| Html::with("{} ({})", &[&moment(at), &ago(at, visit.now)]));
            let timeout = numbers::span(u64::try_from(found.timeout_ms).unwrap_or(0));
            let facts = pages::key_values(&[
                ("State", state(&found.state)),
                ("Begun", or_dash(started)),
                ("Timeout", Html::with("{}", &[&timeout])),
                ("Producer id", Html::with("{}", &[&found.producer_id])),
                ("Producer epoch", Html::with("{}", &[&found.producer_epoch])),
                ("Coordinator", Html::with("<code>{}</code>", &[&found.coordinator])),
            ]);
            out.push(&pages::card("Transaction", &Html::new(), &facts));
        });
    });
    Ok(Page {
        title: id,
        section: "transactions",
        crumbs: vec![("Transactions".to_owned(), "/transactions".to_owned())],
        body,
        live: true,
        ..Page::default()
    })
}

/// The state of a transaction, as Kafka names it.
fn state(name: &str) -> Html {
    let alike = match name {
        "Ongoing" => "running",
        "CompleteCommit" => "success",
        "CompleteAbort" => "skipped",
        "PrepareCommit" | "PrepareAbort" | "PrepareEpochFence" => "queued",
        "Dead" => "dead",
        _ => "none",
    };
    Html::with("<span class=\"chip\" data-state=\"{}\"><i></i>{}</span>", &[&alike, &name])
}
