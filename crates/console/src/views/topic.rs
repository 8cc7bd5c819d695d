//! `/topics/{topic}`: its head and tabs, partitions, consumers and producers. Messages and what changes
//! the topic have files of their own.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::Response;
use door::Permission;
use futures::{StreamExt as _, stream};
use kafkaadmin::{Isolation, OffsetSpec, ProducerState, Topic, TopicPartition};
use pages::{Column, Html, Icon, Tab, Table, Tone};

use super::topic_edit;
use super::{
    ago, badge, chart, group_path, link, or_dash, range, ranges, size, topic_path, topic_tab,
};
use crate::fields::Asked;
use crate::numbers;
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// Partitions that are shown.
const PARTITIONS_MAX: usize = 500;
/// Partitions whose producers are asked for.
const PRODUCERS_PARTITIONS_MAX: usize = 100;
/// Groups whose offsets are asked for.
const GROUPS_MAX: usize = 200;
/// Questions at once.
const AT_ONCE: usize = 6;

/// A tab of the page, as it stands in its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tabs {
    Messages,
    Partitions,
    Consumers,
    Producers,
    Configs,
    Charts,
}

impl Tabs {
    pub(crate) const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Messages, "messages", "Messages"),
        (Self::Partitions, "partitions", "Partitions"),
        (Self::Consumers, "consumers", "Consumers"),
        (Self::Producers, "producers", "Producers"),
        (Self::Configs, "configs", "Configs"),
        (Self::Charts, "charts", "Charts"),
    ];
}

/// The page of a topic around the content of a tab.
pub(crate) fn framed(visit: &Visit, topic: &Topic, tab: Tabs, body: &Html) -> Page {
    let body = Html::of(|out| {
        out.push(body);
        topic_edit::dialogs(out, visit, topic);
    });
    on_its_own(visit, topic, tab, &body)
}

/// As [`framed`], for a page that shows a dialog's form itself: each id is on a page once.
pub(crate) fn on_its_own(visit: &Visit, topic: &Topic, tab: Tabs, body: &Html) -> Page {
    let seen = visit.desk.snapshots.borrow().topics.get(&topic.name).copied();
    let body = Html::of(|out| {
        let note = Html::of(|out| {
            let partitions = numbers::of(numbers::len(topic.partitions.len()), "partition");
            out.put("<span>{}</span>", &[&partitions]);
            if let Some(seen) = seen {
                out.put("<span>{} kept</span>", &[&numbers::of(seen.records, "record")]);
                let rate = numbers::rate(seen.records_per_second);
                out.put("<span>{} records/s</span>", &[&rate]);
                if let Some(bytes) = seen.bytes {
                    out.put("<span>{} on disk</span>", &[&numbers::bytes(bytes)]);
                }
            }
            if topic.internal {
                out.push(&badge(Tone::Plain, "Kafka's own"));
            }
        });
        out.push(&pages::page_head(&topic.name, Some(&note), &actions(visit, topic)));
        let tabs = Tabs::ALL.map(|(one, segment, label)| Tab {
            href: topic_tab(&topic.name, segment),
            label,
            count: None,
            current: one == tab,
        });
        out.push(&pages::tabs("Parts of the topic", &tabs));
        out.push(body);
    });
    Page {
        title: topic.name.clone(),
        section: "topics",
        crumbs: vec![("Topics".to_owned(), "/topics".to_owned())],
        body,
        ..Page::default()
    }
}

fn actions(visit: &Visit, topic: &Topic) -> Html {
    Html::of(|out| {
        if visit.may(Permission::Produce) && !topic.internal {
            out.put(
                "<a class=\"button primary\" href=\"{}\" data-open=\"produce\">{}Produce</a>",
                &[&topic_tab(&topic.name, "produce"), &Icon::Plus],
            );
        }
        if visit.may(Permission::EditTopics) {
            out.put(
                "<a class=\"button\" href=\"{}\" data-open=\"change-topic\">{}Change</a>",
                &[&topic_tab(&topic.name, "change"), &Icon::Settings],
            );
        }
    })
}

/// `GET /topics/{topic}`: its messages for those who may see them, else its partitions.
pub(crate) async fn first(visit: Visit, Path(name): Path<String>) -> Response {
    let tab = if visit.sees_contents() { "messages" } else { "partitions" };
    crate::visit::see(&topic_tab(&name, tab))
}

pub(crate) async fn partitions(visit: Visit, Path(name): Path<String>) -> Response {
    visit.show(move |visit| partitions_page(visit, name.clone())).await
}

async fn partitions_page(visit: Visit, name: String) -> Made {
    let admin = &visit.desk.admin;
    let topic = admin.describe_topic(&name).await?;
    let isolation = Isolation::ReadUncommitted;
    let (earliest, latest, dirs) = tokio::join!(
        admin.topic_offsets(&topic, OffsetSpec::Earliest, isolation),
        admin.topic_offsets(&topic, OffsetSpec::Latest, isolation),
        admin.describe_log_dirs()
    );
    let (earliest, latest) = (earliest?, latest?);
    let mut sizes: BTreeMap<i32, u64> = BTreeMap::new();
    for dir in dirs.unwrap_or_default().iter().filter_map(|one| one.dirs.as_ref().ok()).flatten() {
        for replica in dir.replicas.iter().filter(|one| one.at.topic == name) {
            let bytes = u64::try_from(replica.bytes).unwrap_or(0);
            *sizes.entry(replica.at.partition).or_default() += bytes;
        }
    }
    let columns = [
        Column::left("Partition"),
        Column::left("Leader"),
        Column::right("Epoch"),
        Column::left("Replicas"),
        Column::left("In sync"),
        Column::right("Earliest"),
        Column::right("Latest"),
        Column::right("Records"),
        Column::right("Size"),
    ];
    let mut table = Table::new(&columns).live("partitions");
    for partition in topic.partitions.iter().take(PARTITIONS_MAX) {
        let offset = |known: &BTreeMap<i32, _>| match known.get(&partition.index) {
            Some(Ok(kafkaadmin::ListedOffset { offset, .. })) => *offset,
            _ => None,
        };
        let (first, next) = (offset(&earliest), offset(&latest));
        let records = first.zip(next).map(|(first, next)| next.saturating_sub(first));
        let records = records.and_then(|count| u64::try_from(count).ok()).map(numbers::count);
        let leader = match partition.leader {
            Some(id) => link(&pages::path(&["brokers", &id.to_string()]), &format!("Broker {id}")),
            None => badge(Tone::Bad, "none"),
        };
        let tone = if partition.is_under_replicated() { Tone::Warn } else { Tone::Good };
        table.row(&[
            &Html::with("<b>{}</b>", &[&partition.index]),
            &leader,
            &partition.leader_epoch,
            &ids(&partition.replicas),
            &badge(tone, &ids(&partition.isr)),
            &or_dash(first),
            &or_dash(next),
            &or_dash(records),
            &size(sizes.get(&partition.index).copied()),
        ]);
    }
    let body = Html::of(|out| {
        out.push(&table.finish());
        more(out, topic.partitions.len(), PARTITIONS_MAX, "partition");
    });
    Ok(Page { live: true, ..framed(&visit, &topic, Tabs::Partitions, &body) })
}

/// Says that not all is shown.
pub(crate) fn more(out: &mut Html, all: usize, shown: usize, what: &str) {
    if all > shown {
        out.put(
            "<p class=\"dim small pad\">The first {} of {} are shown.</p>",
            &[&shown, &numbers::of(numbers::len(all), what)],
        );
    }
}

fn ids(ids: &[i32]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(crate) async fn consumers(visit: Visit, Path(name): Path<String>) -> Response {
    visit.show(move |visit| consumers_page(visit, name.clone())).await
}

async fn consumers_page(visit: Visit, name: String) -> Made {
    let admin = &visit.desk.admin;
    let topic = admin.describe_topic(&name).await?;
    let latest =
        admin.topic_offsets(&topic, OffsetSpec::Latest, Isolation::ReadUncommitted).await?;
    let groups = admin.list_groups().await?;
    let all = groups.len();
    let asks = groups.into_iter().take(GROUPS_MAX).map(|group| async {
        let offsets = admin.list_consumer_group_offsets(&group.group_id).await;
        (group, offsets)
    });
    let mut found: Vec<_> = stream::iter(asks).buffer_unordered(AT_ONCE).collect().await;
    found.sort_by(|(a, _), (b, _)| a.group_id.cmp(&b.group_id));
    let columns = [
        Column::left("Group"),
        Column::left("State"),
        Column::right("Partitions"),
        Column::right("Lag, records"),
    ];
    let mut table = Table::new(&columns).live("consumers");
    for (group, offsets) in &found {
        let Ok(offsets) = offsets else { continue };
        let here: Vec<_> = offsets.iter().filter(|one| one.at.topic == name).collect();
        if here.is_empty() {
            continue;
        }
        let behind = here.iter().filter_map(|one| {
            let end = latest.get(&one.at.partition)?.as_ref().ok()?.offset?;
            u64::try_from(end.saturating_sub(one.offset)).ok()
        });
        table.row(&[
            &Html::with("<b>{}</b>", &[&link(&group_path(&group.group_id), &group.group_id)]),
            &super::groups::state(&group.state),
            &numbers::len(here.len()),
            &numbers::count(behind.sum()),
        ]);
    }
    let body = if table.is_empty() {
        let text = "No consumer group has committed an offset of this topic. Consumers that assign \
                    partitions themselves and commit nothing are not seen.";
        let body = pages::empty_state(Icon::Group, "No consumers", text, &Html::new());
        pages::card("", &Html::new(), &body)
    } else {
        Html::of(|out| {
            out.push(&table.finish());
            more(out, all, GROUPS_MAX, "group");
        })
    };
    Ok(Page { live: true, ..framed(&visit, &topic, Tabs::Consumers, &body) })
}

pub(crate) async fn producers(visit: Visit, Path(name): Path<String>) -> Response {
    visit.show(move |visit| producers_page(visit, name.clone())).await
}

async fn producers_page(visit: Visit, name: String) -> Made {
    let admin = &visit.desk.admin;
    let topic = admin.describe_topic(&name).await?;
    let indexes: Vec<i32> = topic.partitions.iter().map(|one| one.index).collect();
    let asks = indexes.into_iter().take(PRODUCERS_PARTITIONS_MAX).map(|index| {
        let at = TopicPartition::new(&name, index);
        async move { (index, admin.describe_producers(&at).await) }
    });
    let mut found: Vec<_> = stream::iter(asks).buffer_unordered(AT_ONCE).collect().await;
    found.sort_by_key(|(partition, _)| *partition);
    if let Some((_, Err(error))) = found.iter().find(|(_, found)| found.is_err()) {
        return Err(Problem::from(error.clone()));
    }
    let columns = [
        Column::right("Partition"),
        Column::right("Producer id"),
        Column::right("Epoch"),
        Column::right("Last sequence"),
        Column::left("Last record"),
        Column::left("Transaction"),
    ];
    let mut table = Table::new(&columns).live("producers");
    for (partition, producers) in &found {
        for producer in producers.iter().flatten() {
            table.row(&[
                partition,
                &producer.producer_id,
                &producer.producer_epoch,
                &producer.last_sequence,
                &ago(producer.last_timestamp, visit.now),
                &open_transaction(producer, &name, *partition),
            ]);
        }
    }
    let body = Html::of(|out| {
        if table.is_empty() {
            let text = "No idempotent or transactional producer has written here lately. Producers \
                        without a producer id are not known to the broker.";
            let body = pages::empty_state(Icon::Message, "No producers", text, &Html::new());
            out.push(&pages::card("", &Html::new(), &body));
        } else {
            out.push(&table.finish());
        }
        more(out, topic.partitions.len(), PRODUCERS_PARTITIONS_MAX, "partition");
    });
    Ok(Page { live: true, ..framed(&visit, &topic, Tabs::Producers, &body) })
}

fn open_transaction(producer: &ProducerState, topic: &str, partition: i32) -> Html {
    let Some(offset) = producer.transaction_start_offset else {
        return Html::with("<span class=\"nil\">none open</span>", &[]);
    };
    let offset = offset.to_string();
    let href = pages::query(
        &topic_tab(topic, "messages"),
        &[("partition", &partition.to_string()), ("from", "offset"), ("offset", &offset)],
    );
    Html::with("open since offset <a href=\"{}\">{}</a>", &[&href, &offset])
}

pub(crate) async fn charts(
    visit: Visit,
    Path(name): Path<String>,
    Asked(asked): Asked,
) -> Response {
    let range = range(&asked);
    let made = async {
        let topic = visit.desk.admin.describe_topic(&name).await?;
        let body = Html::of(|out| {
            let ranges = ranges(&topic_tab(&name, "charts"), range);
            out.put("<div class=\"stack\"><div>{}</div><div class=\"two\">", &[&ranges]);
            let rate = format!("topic.{name}.rate");
            let bytes = format!("topic.{name}.bytes");
            out.push(&chart("Records appended per second", &[("in", &rate)], "records/s", range));
            out.push(&chart("Bytes on disk", &[("size", &bytes)], "bytes", range));
            out.raw("</div></div>");
        });
        Ok(framed(&visit, &topic, Tabs::Charts, &body))
    };
    let made: Made = made.await;
    visit.answer(made)
}

/// Back to the topic.
pub(crate) fn home(topic: &str) -> String {
    topic_path(topic)
}
