//! `/tables`: keyspaces, tables and the ring; a table's columns; its rows, page by page.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use door::Permission;
use pages::{Column, Html, Icon, Table, Tone};

use super::{badge, link, or_dash};
use crate::fields::{Asked, Fields};
use crate::numbers;
use crate::problem::Problem;
use crate::tables::{Answer, literal, quoted};
use crate::visit::{Made, Page, Visit};

/// Rows of one page.
const ROWS: u16 = 50;
/// Columns of a result that are shown.
const COLUMNS_MAX: usize = 60;

pub(crate) async fn list(visit: Visit, Asked(asked): Asked) -> Response {
    let made = list_page(&visit, &asked).await;
    visit.answer(made)
}

async fn list_page(visit: &Visit, asked: &Fields) -> Made {
    let tables = &visit.desk.tables;
    let all =
        tables.all("SELECT keyspace_name, table_name, comment FROM system_schema.tables").await?;
    let keyspaces =
        tables.all("SELECT keyspace_name, replication FROM system_schema.keyspaces").await?;
    let keys = tables
        .all(
            "SELECT keyspace_name, table_name, column_name, kind, position FROM \
             system_schema.columns",
        )
        .await?;
    // The ring is worth to know, but not to fail for.
    let local = tables
        .all("SELECT cluster_name, data_center, rack, release_version, tokens FROM system.local")
        .await
        .unwrap_or_default();
    let peers = tables
        .all("SELECT peer, data_center, rack, release_version, tokens FROM system.peers")
        .await
        .unwrap_or_default();
    let system = asked.text("system") == "true";
    let mut by_keyspace: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for row in &keyspaces {
        by_keyspace.entry(cell(row, 0)).or_default();
    }
    for row in &all {
        by_keyspace.entry(cell(row, 0)).or_default().push((cell(row, 1), cell(row, 2)));
    }
    let body = Html::of(|out| {
        let note = Html::with("<span>at <code>{}</code></span>", &[&tables.address()]);
        let actions = if visit.may(Permission::Query) {
            pages::action("/cql", Icon::Code, "CQL", false)
        } else {
            Html::new()
        };
        out.push(&pages::page_head("Tables", Some(&note), &actions));
        out.raw("<div class=\"stack\">");
        out.push(&segments(system));
        let shown = by_keyspace.iter().filter(|(name, _)| system || !is_system(name));
        let mut none = true;
        for (name, tables) in shown {
            none = false;
            let replication =
                keyspaces.iter().find(|row| cell(row, 0) == *name).map_or("", |row| cell(row, 1));
            out.push(&keyspace(name, replication, tables, &keys));
        }
        if none {
            let text = "A stream makes no keyspace of its own: create one with CQL, or run a project \
                        that does.";
            let body = pages::empty_state(Icon::Table, "No keyspaces yet", text, &Html::new());
            out.push(&pages::card("", &Html::new(), &body));
        }
        out.push(&ring(&local, &peers));
        out.raw("</div>");
    });
    Ok(Page { title: "Tables".to_owned(), section: "tables", body, ..Page::default() })
}

fn cell(row: &[Option<String>], at: usize) -> &str {
    row.get(at).and_then(Option::as_deref).unwrap_or_default()
}

fn is_system(keyspace: &str) -> bool {
    keyspace == "system" || keyspace.starts_with("system_")
}

fn segments(system: bool) -> Html {
    Html::of(|out| {
        out.raw("<div><nav class=\"segments\" aria-label=\"Which keyspaces\">");
        for (value, word) in [("", "Keyspaces"), ("true", "With Cassandra's own")] {
            let href = pages::query("/tables", &[("system", value)]);
            let current = system != value.is_empty();
            let mark = current.then_some(pages::Raw(" aria-current=\"true\""));
            let values: [&dyn pages::Part; 3] = [&href, &mark, &word];
            out.put("<a href=\"{}\"{}>{}</a>", &values);
        }
        out.raw("</nav></div>");
    })
}

fn keyspace(
    name: &str,
    replication: &str,
    tables: &[(&str, &str)],
    keys: &[Vec<Option<String>>],
) -> Html {
    let columns = [Column::left("Table"), Column::left("Primary key"), Column::left("Comment")];
    let mut table = Table::new(&columns);
    for (one, comment) in tables {
        let href = pages::path(&["tables", name, one]);
        let comment = Some(*comment).filter(|text| !text.is_empty());
        let of = keys.iter().filter(|row| cell(row, 0) == name && cell(row, 1) == *one);
        table.row(&[
            &Html::with("<b>{}</b>", &[&link(&href, one)]),
            &Html::with("<code class=\"path\">{}</code>", &[&key(of)]),
            &or_dash(comment),
        ]);
    }
    let body = if table.is_empty() {
        Html::with("<p class=\"dim pad\">This keyspace has no tables.</p>", &[])
    } else {
        table.finish()
    };
    let replication = replication
        .replace("org.apache.cassandra.locator.", "")
        .replace(['{', '}', '\''], "")
        .replace(':', " ")
        .replace(',', ", ")
        .replace("class ", "");
    let aside = Html::with("<span class=\"dim small path\">{}</span>", &[&replication]);
    pages::card(name, &aside, &body)
}

/// A primary key as CQL writes it: `((a, b), c)`.
fn key<'a>(columns: impl Iterator<Item = &'a Vec<Option<String>>>) -> String {
    let (mut partition, mut clustering) = (BTreeMap::new(), BTreeMap::new());
    for row in columns {
        let position: i32 = cell(row, 4).parse().unwrap_or(0);
        match cell(row, 3) {
            "partition_key" => partition.insert(position, cell(row, 2)),
            "clustering" => clustering.insert(position, cell(row, 2)),
            _ => None,
        };
    }
    let join = |names: BTreeMap<i32, &str>| names.into_values().collect::<Vec<_>>().join(", ");
    if clustering.is_empty() {
        format!("({})", join(partition))
    } else {
        format!("(({}), {})", join(partition), join(clustering))
    }
}

fn ring(local: &[Vec<Option<String>>], peers: &[Vec<Option<String>>]) -> Html {
    let columns = [
        Column::left("Node"),
        Column::left("Data centre"),
        Column::left("Rack"),
        Column::left("Version"),
        Column::right("Tokens"),
    ];
    let mut table = Table::new(&columns);
    for (row, is_local) in
        local.iter().map(|row| (row, true)).chain(peers.iter().map(|row| (row, false)))
    {
        let node = if is_local { "the node that was asked" } else { cell(row, 0) };
        let tokens = cell(row, 4).matches(',').count() + usize::from(cell(row, 4).len() > 2);
        table.row(&[
            &Html::with("<b>{}</b>", &[&node]),
            &cell(row, 1),
            &cell(row, 2),
            &cell(row, 3),
            &numbers::len(tokens),
        ]);
    }
    if table.is_empty() {
        return Html::new();
    }
    let name = local.first().map_or("", |row| cell(row, 0));
    let aside = Html::with("<span class=\"dim small\">{}</span>", &[&name]);
    pages::card("Ring", &aside, &table.finish())
}

pub(crate) async fn one(
    visit: Visit,
    Path((keyspace, table)): Path<(String, String)>,
    Asked(asked): Asked,
) -> Response {
    let made = one_page(&visit, &keyspace, &table, &asked).await;
    visit.answer(made)
}

/// A column of a table.
struct Known {
    name: String,
    kind: String,
    position: i32,
    order: String,
    cql: String,
}

async fn one_page(visit: &Visit, keyspace: &str, table: &str, asked: &Fields) -> Made {
    let statement = format!(
        "SELECT column_name, kind, position, clustering_order, type FROM system_schema.columns WHERE \
         keyspace_name = {} AND table_name = {}",
        literal(keyspace),
        literal(table)
    );
    let rows = visit.desk.tables.all(&statement).await?;
    if rows.is_empty() {
        return Err(Problem::missing(format!("Cassandra has no table {keyspace}.{table}")));
    }
    let mut known: Vec<Known> = rows
        .iter()
        .map(|row| Known {
            name: cell(row, 0).to_owned(),
            kind: cell(row, 1).to_owned(),
            position: cell(row, 2).parse().unwrap_or(0),
            order: cell(row, 3).to_owned(),
            cql: cell(row, 4).to_owned(),
        })
        .collect();
    known.sort_by_key(|one| (rank(&one.kind), one.position, one.name.clone()));
    let name = format!("{keyspace}.{table}");
    let contents = if visit.sees_contents() {
        let columns: Vec<String> = known.iter().map(|one| quoted(&one.name)).collect();
        let from = format!("{}.{}", quoted(keyspace), quoted(table));
        let statement = format!("SELECT {} FROM {from}", columns.join(", "));
        let page = bytes(asked.text("page"));
        Some(visit.desk.tables.run(&statement, page.as_deref(), ROWS).await)
    } else {
        None
    };
    let body = Html::of(|out| {
        let actions = if visit.may(Permission::Query) {
            let statement = format!("SELECT * FROM {keyspace}.{table} LIMIT 50");
            let href = pages::query("/cql", &[("statement", &statement)]);
            pages::action(&href, Icon::Code, "Query", false)
        } else {
            Html::new()
        };
        out.push(&pages::page_head(&name, None, &actions));
        out.raw("<div class=\"stack\">");
        match contents {
            Some(Ok(answer)) => out.push(&rows_card(&answer, &name, keyspace, table, asked)),
            Some(Err(problem)) => {
                out.push(&super::failed("The rows cannot be read", &problem.detail))
            }
            None => {
                let text = Html::with(
                    "<p>Rows are shown to users who have signed in, and this console runs without \
                     accounts. Use <code>millstream sql</code>, or cqlsh.</p>",
                    &[],
                );
                out.push(&pages::banner(Tone::Info, "Rows are not shown", &text));
            }
        }
        out.push(&columns_card(&known));
        out.raw("</div>");
    });
    Ok(Page {
        title: name,
        section: "tables",
        crumbs: vec![("Tables".to_owned(), "/tables".to_owned())],
        body,
        ..Page::default()
    })
}

fn rank(kind: &str) -> u8 {
    match kind {
        "partition_key" => 0,
        "clustering" => 1,
        "static" => 2,
        _ => 3,
    }
}

fn columns_card(known: &[Known]) -> Html {
    let columns = [Column::left("Column"), Column::left("Type"), Column::left("Part")];
    let mut table = Table::new(&columns);
    for one in known {
        let part = match one.kind.as_str() {
            "partition_key" => badge(Tone::Info, "partition key"),
            "clustering" => badge(Tone::Good, &format!("clustering {}", one.order)),
            "static" => badge(Tone::Plain, "static"),
            _ => Html::new(),
        };
        table.row(&[
            &Html::with("<code class=\"path\"><b>{}</b></code>", &[&one.name]),
            &Html::with("<code>{}</code>", &[&one.cql]),
            &part,
        ]);
    }
    let aside = Html::with(
        "<span class=\"dim small\">{}</span>",
        &[&numbers::of(numbers::len(known.len()), "column")],
    );
    pages::card("Columns", &aside, &table.finish())
}

fn rows_card(answer: &Answer, name: &str, keyspace: &str, table: &str, asked: &Fields) -> Html {
    let path = pages::path(&["tables", keyspace, table]);
    Html::of(|out| {
        let first = asked.text("page").is_empty();
        if answer.rows.is_empty() {
            let text = if first {
                "The table is empty. The doctor says why, if it should not be."
            } else {
                "There are no further rows."
            };
            let doctor = pages::action("/doctor", Icon::Doctor, "Ask the doctor", false);
            let body = pages::empty_state(Icon::Table, "No rows", text, &doctor);
            out.push(&pages::card("Rows", &Html::new(), &body));
            return;
        }
        let aside = Html::with(
            "<span class=\"dim small\">{} of {}, in the order of the ring</span>",
            &[&numbers::of(numbers::len(answer.rows.len()), "row"), &name],
        );
        out.push(&pages::card("Rows", &aside, &result(answer)));
        out.raw("<nav class=\"pager\" aria-label=\"Rows\">");
        if !first {
            out.push(&pages::action(&path, Icon::Back, "First rows", false));
        }
        if let Some(next) = &answer.next {
            let href = pages::query(&path, &[("page", &hex(next))]);
            out.push(&pages::action(&href, Icon::Forward, "Next rows", false));
        }
        out.raw("</nav>");
    })
}

/// Rows as a table that scrolls sideways.
pub(crate) fn result(answer: &Answer) -> Html {
    Html::of(|out| {
        out.raw(
            "<div class=\"result\" tabindex=\"0\" role=\"region\" aria-label=\"Rows\"><table><thead><tr>",
        );
        for column in answer.columns.iter().take(COLUMNS_MAX) {
            out.put("<th scope=\"col\">{}</th>", &[column]);
        }
        out.raw("</tr></thead><tbody>");
        for row in &answer.rows {
            out.raw("<tr>");
            for value in row.iter().take(COLUMNS_MAX) {
                match value {
                    Some(value) => out.put("<td title=\"{}\">{}</td>", &[value, value]),
                    None => out.raw("<td class=\"nil\">null</td>"),
                }
            }
            out.raw("</tr>");
        }
        out.raw("</tbody></table></div>");
        if answer.cut {
            out.raw(
                "<p class=\"dim small pad\">The rows are large: those that follow were left out of this \
                 page.</p>",
            );
        }
        super::topic::more(out, answer.columns.len(), COLUMNS_MAX, "column");
    })
}

/// A paging state in an address.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if hex.is_empty() || hex.len() > 8_192 || !hex.is_ascii() {
        return None;
    }
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or(""));
    digits.map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

/// Rows are only for those who have a name.
pub(crate) fn refused() -> Problem {
    let text =
        "statements are run for users who have signed in, and this console runs without accounts";
    Problem::new(StatusCode::FORBIDDEN, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paging_state_survives_the_address() {
        assert_eq!(bytes(&hex(&[0, 17, 255])), Some(vec![0, 17, 255]));
        assert_eq!((bytes(""), bytes("zz")), (None, None));
    }
}
