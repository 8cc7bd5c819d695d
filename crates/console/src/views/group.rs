//! `/groups/{group}`: its members, what it has read and how far it is behind, in records and in seconds.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::Response;
use chrono::{DateTime, Utc};
use door::Permission;
use futures::{StreamExt as _, stream};
use kafkaadmin::{
    Admin, CommittedOffset, Error, FetchOptions, Group, Isolation, OffsetSpec, TopicPartition,
};
use pages::{Column, Field, Form, Html, Icon, Table, Tone};

use super::{badge, chart, group_path, link, or_dash, range, ranges, topic_path};
use crate::fields::{Asked, Fields, Sent};
use crate::numbers;
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// Partitions that are shown.
const PARTITIONS_MAX: usize = 500;
/// Partitions whose next record is looked at for its age.
const AGES_MAX: usize = 60;
/// Questions at once.
const AT_ONCE: usize = 6;
/// Members that are shown.
const MEMBERS_MAX: usize = 200;

/// How far a group is in a partition.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) at: TopicPartition,
    /// The next offset to read; none if nothing was committed.
    pub(crate) offset: Option<i64>,
    pub(crate) earliest: Option<i64>,
    pub(crate) latest: Option<i64>,
    /// The timestamp of the next record to read, if there is one.
    pub(crate) next_ms: Option<i64>,
}

impl Reading {
    /// Records that were not read.
    pub(crate) fn lag(&self) -> Option<u64> {
        let (offset, latest) = (self.offset?, self.latest?);
        u64::try_from(latest.saturating_sub(offset)).ok()
    }
}

/// An end of each partition.
type Ends = BTreeMap<TopicPartition, Result<kafkaadmin::ListedOffset, Error>>;

/// How far a group is in everything it has committed.
pub(crate) async fn readings(
    admin: &Admin,
    committed: Vec<CommittedOffset>,
) -> Result<Vec<Reading>, Error> {
    let committed: Vec<_> = committed.into_iter().take(PARTITIONS_MAX).collect();
    let of = |spec| committed.iter().map(|one| (one.at.clone(), spec)).collect::<Vec<_>>();
    let (earliest, latest) = (of(OffsetSpec::Earliest), of(OffsetSpec::Latest));
    let (earliest, latest) = tokio::join!(
        admin.list_offsets(&earliest, Isolation::ReadUncommitted),
        admin.list_offsets(&latest, Isolation::ReadUncommitted)
    );
    let (earliest, latest) = (earliest?, latest?);
    let offset = |known: &Ends, at: &TopicPartition| {
        known.get(at).and_then(|found| found.as_ref().ok()?.offset)
    };
    let mut readings: Vec<Reading> = committed
        .into_iter()
        .map(|one| Reading {
            offset: Some(one.offset),
            earliest: offset(&earliest, &one.at),
            latest: offset(&latest, &one.at),
            next_ms: None,
            at: one.at,
        })
        .collect();
    let behind: Vec<(usize, TopicPartition, i64)> = readings
        .iter()
        .enumerate()
        .filter(|(_, reading)| reading.lag().is_some_and(|lag| lag > 0))
        .filter_map(|(at, reading)| Some((at, reading.at.clone(), reading.offset?)))
        .take(AGES_MAX)
        .collect();
    let asks = behind.into_iter().map(|(index, at, offset)| async move {
        (index, next_timestamp(admin, &at, offset).await)
    });
    let ages: Vec<_> = stream::iter(asks).buffer_unordered(AT_ONCE).collect().await;
    for (index, next_ms) in ages {
        if let Some(reading) = readings.get_mut(index) {
            reading.next_ms = next_ms;
        }
    }
    Ok(readings)
}

/// The timestamp of the first record from an offset on.
async fn next_timestamp(admin: &Admin, at: &TopicPartition, offset: i64) -> Option<i64> {
    let options = FetchOptions { records_max: 1, bytes_max: 16 << 10, ..FetchOptions::default() };
    let fetched = admin.fetch(at, offset, &options).await.ok()?;
    fetched.records.first().map(|record| record.timestamp)
}

pub(crate) async fn one(visit: Visit, Path(name): Path<String>, Asked(asked): Asked) -> Response {
    visit.show(move |visit| page(visit, name.clone(), asked.clone())).await
}

async fn page(visit: Visit, name: String, asked: Fields) -> Made {
    let admin = &visit.desk.admin;
    let group = admin.describe_group(&name).await?;
    let committed = admin.list_consumer_group_offsets(&name).await?;
    let all = committed.len();
    let readings = readings(admin, committed).await?;
    let range = range(&asked);
    let stream = {
        let snapshot = visit.desk.snapshots.borrow();
        let of = snapshot.streams.iter().find(|stream| stream.group() == name);
        of.map(|stream| stream.name.clone())
    };
    let body = Html::of(|out| {
        out.push(&head(&visit, &group));
        out.raw("<div class=\"stack\">");
        if let Some(stream) = &stream {
            let link = link(&pages::path(&["streams", stream]), stream);
            let text = Html::with(
                "<p>It keeps the offsets of stream {}, which commits them with its rows and needs no \
                 members. To move the stream, use <code>millstream reset</code>.</p>",
                &[&link],
            );
            out.push(&pages::banner(Tone::Info, "The group of a stream", &text));
        }
        out.region_as("div", "tiles", "totals", |out| totals(out, &group, &readings, visit.now));
        out.push(&offsets(&visit, &group, &readings));
        super::topic::more(out, all, PARTITIONS_MAX, "partition");
        out.push(&members(&group));
        let lag = format!("group.{name}.lag");
        out.put("<div>{}</div>", &[&ranges(&group_path(&name), range)]);
        out.push(&chart("Records behind", &[("lag", &lag)], "records", range));
        out.raw("</div>");
        if visit.may(Permission::EditGroups) {
            dialogs(out, &group);
        }
    });
    Ok(Page {
        title: name,
        section: "groups",
        crumbs: vec![("Consumer groups".to_owned(), "/groups".to_owned())],
        body,
        live: true,
        ..Page::default()
    })
}

fn head(visit: &Visit, group: &Group) -> Html {
    let note = Html::of(|out| {
        out.region_as("span", "", "state", |out| out.push(&super::groups::state(&group.state)));
        let protocol = match group.protocol {
            kafkaadmin::GroupProtocol::Consumer => "consumer protocol (KIP-848)",
            _ => "classic protocol",
        };
        out.put("<span>{}</span>", &[&protocol]);
        if !group.assignor.is_empty() {
            out.put("<span>assigned by <code>{}</code></span>", &[&group.assignor]);
        }
        out.put("<span>coordinated by <code>{}</code></span>", &[&group.coordinator]);
        if let Some(epoch) = group.epoch {
            out.put("<span>epoch {}</span>", &[&epoch]);
        }
    });
    let actions = Html::of(|out| {
        if visit.may(Permission::EditGroups) {
            let reset = pages::path(&["groups", &group.group_id, "reset"]);
            out.push(&pages::action(&reset, Icon::Clear, "Reset offsets", true));
            out.put(
                "<button class=\"button danger\" type=\"button\" data-open=\"delete-group\">{}Delete\
                 </button>",
                &[&Icon::Trash],
            );
        }
    });
    pages::page_head(&group.group_id, Some(&note), &actions)
}

fn totals(out: &mut Html, group: &Group, readings: &[Reading], now: DateTime<Utc>) {
    let text = |text: String| Html::with("{}", &[&text]);
    let lag: u64 = readings.iter().filter_map(Reading::lag).sum();
    let partitions = numbers::of(numbers::len(readings.len()), "partition");
    out.push(&pages::tile(
        "Lag",
        &text(numbers::count(lag)),
        &text(format!("records in {partitions}")),
    ));
    let oldest = readings.iter().filter_map(|reading| reading.next_ms).min();
    let (value, note) = match oldest {
        Some(at) => (behind(at, now), "age of the oldest record not read"),
        None => ("0 s".to_owned(), "everything was read"),
    };
    out.push(&pages::tile("Behind", &text(value), &text(note.to_owned())));
    let members = numbers::count(numbers::len(group.members.len()));
    out.push(&pages::tile("Members", &text(members), &text(String::new())));
    let mut topics: Vec<&str> = readings.iter().map(|one| one.at.topic.as_str()).collect();
    topics.dedup();
    let count = numbers::count(numbers::len(topics.len()));
    out.push(&pages::tile("Topics", &text(count), &text(String::new())));
}

/// How long ago, for people.
fn behind(at_ms: i64, now: DateTime<Utc>) -> String {
    numbers::span(u64::try_from(now.timestamp_millis().saturating_sub(at_ms)).unwrap_or(0))
}

fn offsets(visit: &Visit, group: &Group, readings: &[Reading]) -> Html {
    if readings.is_empty() {
        let text = "The group has committed nothing yet.";
        let body = pages::empty_state(Icon::List, "No offsets", text, &Html::new());
        return pages::card("Offsets", &Html::new(), &body);
    }
    let columns = [
        Column::left("Topic"),
        Column::right("Partition"),
        Column::right("Next to read"),
        Column::right("Latest"),
        Column::right("Lag, records"),
        Column::right("Lag, time"),
        Column::left("Read by"),
    ];
    let mut table = Table::new(&columns).live("offsets");
    for reading in readings {
        let reader = group.members.iter().find(|member| member.assignment.contains(&reading.at));
        let gone = match (reading.offset, reading.earliest, reading.latest) {
            (Some(offset), Some(earliest), _) if offset < earliest => {
                Some(badge(Tone::Warn, "was deleted"))
            }
            (Some(offset), _, Some(latest)) if offset > latest => {
                Some(badge(Tone::Bad, "beyond the end"))
            }
            (_, None, None) => Some(badge(Tone::Bad, "no such partition")),
            _ => None,
        };
        let lag = reading.lag().map(numbers::count);
        let time = match (reading.lag(), reading.next_ms) {
            (Some(0), _) => Some("0 s".to_owned()),
            (_, at) => at.map(|at| behind(at, visit.now)),
        };
        table.row(&[
            &link(&topic_path(&reading.at.topic), &reading.at.topic),
            &reading.at.partition,
            &Html::with("{} {}", &[&or_dash(reading.offset), &gone]),
            &or_dash(reading.latest),
            &or_dash(lag),
            &or_dash(time),
            &or_dash(reader.map(|member| member.client_id.as_str())),
        ]);
    }
    let aside = if visit.may(Permission::EditGroups) {
        Html::with(
            "<button class=\"button quiet\" type=\"button\" data-open=\"delete-offsets\">Forget \
             offsets</button>",
            &[],
        )
    } else {
        Html::new()
    };
    pages::card("Offsets", &aside, &table.finish())
}

fn members(group: &Group) -> Html {
    let columns = [
        Column::left("Client"),
        Column::left("Host"),
        Column::left("Topics"),
        Column::left("Reads"),
    ];
    let mut table = Table::new(&columns).live("members");
    for member in group.members.iter().take(MEMBERS_MAX) {
        let id = member.instance_id.as_ref().unwrap_or(&member.member_id);
        table.row(&[
            &super::main_cell(&Html::with("<b>{}</b>", &[&member.client_id]), id),
            &Html::with("<code>{}</code>", &[&member.client_host]),
            &member.subscribed.join(", "),
            &reads(&member.assignment),
        ]);
    }
    let body = if table.is_empty() {
        let text = "Nobody reads for this group now. Its offsets stay until they expire.";
        Html::with("<p class=\"dim pad\">{}</p>", &[&text])
    } else {
        table.finish()
    };
    pages::card("Members", &Html::new(), &body)
}

/// Partitions by topic: `orders 0, 1, 2`.
fn reads(assignment: &[TopicPartition]) -> Html {
    let mut topics: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for at in assignment {
        topics.entry(&at.topic).or_default().push(at.partition.to_string());
    }
    Html::of(|out| {
        out.raw("<span class=\"badges\">");
        for (topic, partitions) in topics {
            let text = format!("{topic} {}", partitions.join(", "));
            out.push(&badge(Tone::Plain, &text));
        }
        out.raw("</span>");
    })
}

fn dialogs(out: &mut Html, group: &Group) {
    let name = &group.group_id;
    let action = pages::path(&["groups", name, "delete"]);
    let form = Form { action: &action, confirm: "", submit: "Delete group", danger: true };
    let field = Field {
        required: true,
        help: "A group with members cannot be deleted. What it has committed is lost.",
        ..Field::new("confirm", "Type the group's name to delete it")
    };
    let fields = Html::with("{}", &[&field]);
    dialog(out, "delete-group", "Delete the group", &form.around(&fields));
    let action = pages::path(&["groups", name, "offsets", "delete"]);
    let form = Form { action: &action, confirm: "", submit: "Forget offsets", danger: true };
    let field = Field {
        required: true,
        help: "A later consumer of this group begins where its auto.offset.reset says.",
        ..Field::new("topic", "Topic whose offsets the group is to forget")
    };
    let fields = Html::with("{}", &[&field]);
    dialog(out, "delete-offsets", "Forget offsets", &form.around(&fields));
}

fn dialog(out: &mut Html, id: &'static str, title: &'static str, body: &Html) {
    out.put(
        "<dialog class=\"dialog\" id=\"{}\" aria-labelledby=\"{}-title\"><div class=\"dialog-body\">\
         <header class=\"dialog-head\"><h2 id=\"{}-title\">{}</h2><button class=\"icon-button\" \
         type=\"button\" data-close aria-label=\"Close\">{}</button></header>{}</div></dialog>",
        &[&id, &id, &id, &title, &Icon::Cross, body],
    );
}

/// `POST /groups/{group}/delete`.
pub(crate) async fn delete(visit: Visit, Path(name): Path<String>, Sent(sent): Sent) -> Response {
    let done = async {
        if sent.text("confirm") != name {
            return Err(Problem::bad(format!(
                "nothing was deleted: to delete the group, type its name, {name}"
            )));
        }
        visit.desk.admin.delete_consumer_group(&name).await?;
        Ok(format!("Group {name} is deleted."))
    };
    visit.done("group.delete", "/groups", &group_path(&name), done.await)
}

/// `POST /groups/{group}/offsets/delete`.
pub(crate) async fn delete_offsets(
    visit: Visit,
    Path(name): Path<String>,
    Sent(sent): Sent,
) -> Response {
    let topic = sent.text("topic").to_owned();
    let done = async {
        let committed = visit.desk.admin.list_consumer_group_offsets(&name).await?;
        let all = committed.into_iter().map(|one| one.at);
        let partitions: Vec<_> = all.filter(|at| at.topic == topic).collect();
        if partitions.is_empty() {
            return Err(Problem::missing(format!(
                "group {name} has committed nothing of topic {topic:?}"
            )));
        }
        visit.desk.admin.delete_consumer_group_offsets(&name, &partitions).await?;
        Ok(format!("Group {name} has forgotten its offsets of topic {topic}."))
    };
    let to = group_path(&name);
    visit.done("group.delete_offsets", &to, &to, done.await)
}
