//! `/brokers` and `/brokers/{id}`: who keeps the topics, who decides, what each broker keeps where.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::Response;
use kafkaadmin::{Broker, BrokerLogDirs, Cluster, ConfigResource, Error, Quorum};
use pages::{Column, Html, Icon, Table, Tone};

use super::topic_edit::configs_table;
use super::{ago, badge, chart, failed, link, main_cell, or_dash, range, ranges, size};
use crate::fields::{Asked, Fields};
use crate::model::Snapshot;
use crate::numbers;
use crate::page::notices::missing;
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

pub(crate) async fn list(visit: Visit, Asked(asked): Asked) -> Response {
    visit.show(move |visit| list_page(visit, asked.clone())).await
}

async fn list_page(visit: Visit, asked: Fields) -> Made {
    let admin = &visit.desk.admin;
    let cluster = admin.describe_cluster().await?;
    let (quorum, dirs) = tokio::join!(admin.describe_quorum(), admin.describe_log_dirs());
    let dirs = dirs.unwrap_or_default();
    let snapshot = visit.desk.latest().await;
    // One that came back is no longer away, whatever was seen before.
    let mut away = snapshot.away.clone();
    away.retain(|id, _| !cluster.brokers.iter().any(|broker| broker.id == *id));
    let range = range(&asked);
    let body = Html::of(|out| {
        let note = Html::of(|out| {
            out.raw("<span>Cluster <code>");
            out.push(&or_dash(cluster.cluster_id.as_deref()));
            out.put("</code></span><span>at <code>{}</code></span>", &[&visit.desk.settings.kafka]);
        });
        out.push(&pages::page_head("Brokers", Some(&note), &ranges("/brokers", range)));
        out.raw("<div class=\"stack\">");
        out.region_as("div", "", "away", |out| out.push(&away_banner(&away)));
        out.region_as("div", "tiles", "totals", |out| {
            totals(out, &cluster, &quorum, &snapshot, &dirs, away.len());
        });
        out.push(&brokers(&cluster, &dirs, &away));
        let rate = [("in", "cluster.rate")];
        let bytes = [("size", "cluster.bytes")];
        out.raw("<div class=\"two\">");
        out.push(&chart("Records appended per second, all topics", &rate, "records/s", range));
        out.push(&chart("Bytes on disk, all brokers", &bytes, "bytes", range));
        out.raw("</div>");
        out.push(&quorum_card(&quorum, &visit));
        out.raw("</div>");
    });
    Ok(Page {
        title: "Brokers".to_owned(),
        section: "brokers",
        body,
        live: true,
        ..Page::default()
    })
}

fn totals(
    out: &mut Html,
    cluster: &Cluster,
    quorum: &Result<Quorum, Error>,
    snapshot: &Snapshot,
    dirs: &[BrokerLogDirs],
    away: usize,
) {
    let topics = &snapshot.topics;
    let text = |text: String| Html::with("{}", &[&text]);
    let live = numbers::count(numbers::len(cluster.brokers.len()));
    let (value, note) = match away {
        0 => (text(live), Html::new()),
        away => {
            let all = numbers::count(numbers::len(cluster.brokers.len() + away));
            let value = Html::with("<span class=\"tone-bad\">{} of {}</span>", &[&live, &all]);
            (value, text(format!("{} away", numbers::count(numbers::len(away)))))
        }
    };
    out.push(&pages::tile("Brokers", &value, &note));
    let (controller, note) = match quorum {
        Ok(quorum) => (Some(quorum.leader_id), "leads the metadata quorum"),
        Err(_) => (cluster.controller_id, "takes changes for the cluster"),
    };
    let controller = or_dash(controller.map(|id| format!("broker {id}")));
    out.push(&pages::tile("Controller", &controller, &text(note.to_owned())));
    let partitions: usize = topics.values().map(|topic| topic.partitions).sum();
    let note = numbers::of(numbers::len(topics.len()), "topic");
    out.push(&pages::tile(
        "Partitions",
        &text(numbers::count(numbers::len(partitions))),
        &text(note),
    ));
    let behind: usize = topics.values().map(|topic| topic.under_replicated).sum();
    let leaderless: usize = topics.values().map(|topic| topic.leaderless).sum();
    let note = match leaderless {
        0 => "every partition has a leader".to_owned(),
        some => format!("{} without a leader", numbers::of(numbers::len(some), "partition")),
    };
    let tone = if behind + leaderless == 0 { Tone::Good } else { Tone::Bad };
    let value = Html::with(
        "<span class=\"tone-{}\">{}</span>",
        &[&tone.name(), &numbers::count(numbers::len(behind))],
    );
    out.push(&pages::tile("Under-replicated", &value, &text(note)));
    let all = dirs.iter().filter_map(|broker| broker.dirs.as_ref().ok()).flatten();
    let bytes: i64 = all.flat_map(|dir| &dir.replicas).map(|replica| replica.bytes).sum();
    let value = size(u64::try_from(bytes).ok());
    out.push(&pages::tile("On disk", &value, &text("over all replicas".to_owned())));
}

fn away_banner(away: &BTreeMap<i32, usize>) -> Html {
    let Some(said) = missing(away) else { return Html::new() };
    let text = Html::with("<p>{} {}</p>", &[&said.effect, &said.next]);
    pages::banner(Tone::Bad, &said.title, &text)
}

fn brokers(cluster: &Cluster, dirs: &[BrokerLogDirs], away: &BTreeMap<i32, usize>) -> Html {
    let columns = [
        Column::left("Broker"),
        Column::left("Rack"),
        Column::right("Replicas"),
        Column::right("On disk"),
        Column::left("Log directories"),
    ];
    let mut table = Table::new(&columns).live("brokers");
    for broker in &cluster.brokers {
        let found = dirs.iter().find(|one| one.broker == broker.id).map(|one| &one.dirs);
        let (replicas, bytes, places) = match found {
            Some(Ok(dirs)) => {
                let replicas: usize = dirs.iter().map(|dir| dir.replicas.len()).sum();
                let bytes: i64 =
                    dirs.iter().flat_map(|dir| &dir.replicas).map(|one| one.bytes).sum();
                let places = Html::of(|out| {
                    for dir in dirs {
                        out.put("<code class=\"path\">{}</code> ", &[&dir.path]);
                        out.push(&dir.error.as_deref().map(|error| badge(Tone::Bad, error)));
                    }
                });
                (Some(numbers::count(numbers::len(replicas))), u64::try_from(bytes).ok(), places)
            }
            Some(Err(error)) => (None, None, Html::with("{}", &[&error.to_string()])),
            None => (None, None, or_dash::<&str>(None)),
        };
        table.row(&[
            &name(broker, cluster),
            &or_dash(broker.rack.as_deref()),
            &or_dash(replicas),
            &size(bytes),
            &places,
        ]);
    }
    for (id, replicas) in away {
        let name = Html::with("Broker {}", &[id]);
        table.row(&[
            &main_cell(&name, &"not in the cluster now"),
            &or_dash::<&str>(None),
            &numbers::count(numbers::len(*replicas)),
            &or_dash::<&str>(None),
            &badge(Tone::Bad, "away"),
        ]);
    }
    table.finish()
}

fn name(broker: &Broker, cluster: &Cluster) -> Html {
    let path = pages::path(&["brokers", &broker.id.to_string()]);
    let name = Html::of(|out| {
        out.put("<a href=\"{}\">Broker {}</a>", &[&path, &broker.id]);
    });
    let note = if cluster.controller_id == Some(broker.id) {
        format!("{}, controller", broker.address())
    } else {
        broker.address()
    };
    main_cell(&name, &note)
}

fn quorum_card(quorum: &Result<Quorum, Error>, visit: &Visit) -> Html {
    let quorum = match quorum {
        Ok(quorum) => quorum,
        Err(error) => {
            let title = "The metadata quorum is not told by this cluster";
            let body = Html::with("<p>{}</p>", &[&crate::visit::sentence(&error.to_string())]);
            return pages::banner(Tone::Info, title, &body);
        }
    };
    let columns = [
        Column::left("Node"),
        Column::left("Part"),
        Column::right("Next offset"),
        Column::left("Last caught up"),
    ];
    let mut table = Table::new(&columns).live("quorum");
    let rows = quorum.voters.iter().map(|one| (one, true));
    for (replica, votes) in rows.chain(quorum.observers.iter().map(|one| (one, false))) {
        let part = match (votes, replica.id == quorum.leader_id) {
            (_, true) => badge(Tone::Info, "leader"),
            (true, _) => badge(Tone::Plain, "voter"),
            _ => badge(Tone::Plain, "observer"),
        };
        let caught_up = replica.last_caught_up_ms.map(|at| ago(at, visit.now));
        table.row(&[
            &format!("Node {}", replica.id),
            &part,
            &replica.log_end_offset,
            &or_dash(caught_up),
        ]);
    }
    let aside = Html::with(
        "<span class=\"dim small\">epoch {}, agreed up to offset {}</span>",
        &[&quorum.leader_epoch, &quorum.high_watermark],
    );
    pages::card("Metadata quorum (KRaft)", &aside, &table.finish())
}

pub(crate) async fn one(visit: Visit, Path(id): Path<String>) -> Response {
    let made = one_page(&visit, &id).await;
    visit.answer(made)
}

async fn one_page(visit: &Visit, id: &str) -> Made {
    let admin = &visit.desk.admin;
    let missing = || Problem::missing(format!("the cluster has no broker {id:?}"));
    let id: i32 = id.parse().map_err(|_| missing())?;
    let cluster = admin.describe_cluster().await?;
    let broker = cluster.brokers.iter().find(|one| one.id == id).ok_or_else(missing)?;
    let resource = ConfigResource::Broker(id);
    let (configs, dirs) =
        tokio::join!(admin.describe_configs(&resource), admin.describe_log_dirs());
    let dirs = dirs?.into_iter().find(|one| one.broker == id).map(|one| one.dirs);
    let title = format!("Broker {id}");
    let body = Html::of(|out| {
        let note = Html::with("<span><code>{}</code></span>", &[&broker.address()]);
        out.push(&pages::page_head(&title, Some(&note), &Html::new()));
        out.raw("<div class=\"stack\">");
        match dirs {
            Some(Ok(dirs)) => dirs.iter().for_each(|dir| out.push(&dir_card(dir))),
            Some(Err(error)) => out.push(&failed("Its log directories are not known", &error)),
            None => {}
        }
        match configs {
            Ok(configs) => {
                let table = configs_table(&configs, None, 500);
                out.push(&pages::card("Configs", &Html::new(), &table));
            }
            Err(error) => out.push(&failed("Its configs are not known", &error)),
        }
        out.raw("</div>");
    });
    Ok(Page {
        title,
        section: "brokers",
        crumbs: vec![("Brokers".to_owned(), "/brokers".to_owned())],
        body,
        ..Page::default()
    })
}

/// The largest replicas of a directory.
fn dir_card(dir: &kafkaadmin::LogDir) -> Html {
    const ROWS_MAX: usize = 15;
    let mut replicas: Vec<_> = dir.replicas.iter().collect();
    replicas.sort_by_key(|one| std::cmp::Reverse(one.bytes));
    let columns = [Column::left("Partition"), Column::right("Size"), Column::right("Behind")];
    let mut table = Table::new(&columns);
    for replica in replicas.iter().take(ROWS_MAX) {
        let name = link(&super::topic_path(&replica.at.topic), &replica.at.to_string());
        let moving = replica.future.then(|| badge(Tone::Info, "being moved here"));
        let name = Html::with("{} {}", &[&name, &moving]);
        table.row(&[&name, &size(u64::try_from(replica.bytes).ok()), &replica.offset_lag]);
    }
    let aside = Html::of(|out| {
        let known = |bytes: Option<i64>| bytes.and_then(|bytes| u64::try_from(bytes).ok());
        if let (Some(total), Some(free)) = (known(dir.total_bytes), known(dir.usable_bytes)) {
            out.put(
                "<span class=\"dim small\">{} free of {}</span>",
                &[&numbers::bytes(free), &numbers::bytes(total)],
            );
        }
        let count = numbers::of(numbers::len(dir.replicas.len()), "replica");
        out.put("<span class=\"dim small\">{}</span>", &[&count]);
        out.push(&dir.error.as_deref().map(|error| badge(Tone::Bad, error)));
    });
    let body = if replicas.is_empty() {
        let text = "This directory holds no partition yet.";
        pages::empty_state(Icon::File, "Empty", text, &Html::new())
    } else {
        table.finish()
    };
    pages::card(&dir.path, &aside, &body)
}
