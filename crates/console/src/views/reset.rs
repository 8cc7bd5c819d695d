//! `/groups/{group}/reset`: where a group is to go on; first a preview, then exactly what it showed.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::Response;
use kafkaadmin::{Admin, CommittedOffset, Isolation, OffsetSpec, TopicPartition};
use pages::{Column, Field, Html, Icon, Input, Table, Tone};

use super::messages::time;
use super::{badge, group_path, link, or_dash, topic_path};
use crate::fields::{Asked, Fields, Sent};
use crate::numbers;
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// Partitions of one reset.
const PARTITIONS_MAX: usize = 1_000;

/// Where a group is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Earliest,
    Latest,
    Offset(i64),
    Time(i64),
    Shift(i64),
}

/// A partition of a preview.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    at: TopicPartition,
    from: Option<i64>,
    to: i64,
}

impl To {
    fn read(asked: &Fields) -> Result<Self, Problem> {
        let number = |what| asked.checked("value", what);
        let must =
            |found: Option<i64>, what| found.ok_or_else(|| Problem::bad(format!("say {what}")));
        Ok(match asked.text("to") {
            "earliest" => Self::Earliest,
            "latest" => Self::Latest,
            "offset" => Self::Offset(must(number("the offset")?, "which offset")?),
            "shift" => Self::Shift(must(number("the shift")?, "by how many records")?),
            "time" => Self::Time(time(asked.text("time"))?),
            other => {
                return Err(Problem::bad(format!(
                    "a group can go to earliest, latest, offset, time or shift, not {other:?}"
                )));
            }
        })
    }
}

/// Decides where each partition goes on: within what is kept.
fn decide(to: To, from: Option<i64>, (earliest, latest): (i64, i64), by_time: Option<i64>) -> i64 {
    let wished = match to {
        To::Earliest => earliest,
        To::Latest => latest,
        To::Offset(offset) => offset,
        To::Time(_) => by_time.unwrap_or(latest),
        To::Shift(by) => from.unwrap_or(earliest).saturating_add(by),
    };
    wished.clamp(earliest, latest.max(earliest))
}

async fn preview(admin: &Admin, group: &str, topic: &str, to: To) -> Result<Vec<Step>, Problem> {
    let committed = admin.list_consumer_group_offsets(group).await?;
    let topics: Vec<String> = if topic.is_empty() {
        let mut all: Vec<String> = committed.iter().map(|one| one.at.topic.clone()).collect();
        all.dedup();
        all
    } else {
        vec![topic.to_owned()]
    };
    let mut asked = Vec::new();
    for topic in &topics {
        let topic = admin.describe_topic(topic).await?;
        let partitions = topic.partitions.iter().map(|one| one.index);
        asked.extend(partitions.map(|index| TopicPartition::new(&topic.name, index)));
    }
    if asked.len() > PARTITIONS_MAX {
        return Err(Problem::bad(format!(
            "that is {} partitions, more than {PARTITIONS_MAX} at once: choose one topic",
            asked.len()
        )));
    }
    let of = |spec| asked.iter().map(|at| (at.clone(), spec)).collect::<Vec<_>>();
    let isolation = Isolation::ReadUncommitted;
    let earliest = admin.list_offsets(&of(OffsetSpec::Earliest), isolation).await?;
    let latest = admin.list_offsets(&of(OffsetSpec::Latest), isolation).await?;
    let mut by_time = match to {
        To::Time(at) => admin.list_offsets(&of(OffsetSpec::Timestamp(at)), isolation).await?,
        _ => BTreeMap::new(),
    };
    let mut steps = Vec::new();
    for at in asked {
        let end =
            |known: &BTreeMap<TopicPartition, Result<kafkaadmin::ListedOffset, _>>| match known
                .get(&at)
            {
                Some(Ok(found)) => Ok(found.offset.unwrap_or(0)),
                Some(Err(error)) => Err(Problem::from(kafkaadmin::Error::clone(error))),
                None => Err(Problem::away(format!("{at} was left out of the broker's answer"))),
            };
        let ends = (end(&earliest)?, end(&latest)?);
        let found = by_time.remove(&at).transpose()?.and_then(|found| found.offset);
        let from = from(&committed, &at);
        steps.push(Step { to: decide(to, from, ends, found), from, at });
    }
    Ok(steps)
}

fn from(committed: &[CommittedOffset], at: &TopicPartition) -> Option<i64> {
    committed.iter().find(|one| one.at == *at).map(|one| one.offset)
}

/// `GET /groups/{group}/reset`.
pub(crate) async fn form(visit: Visit, Path(name): Path<String>, Asked(asked): Asked) -> Response {
    let made = page(&visit, &name, &asked).await;
    visit.answer(made)
}

async fn page(visit: &Visit, name: &str, asked: &Fields) -> Made {
    let admin = &visit.desk.admin;
    let committed = admin.list_consumer_group_offsets(name).await?;
    let mut topics: Vec<String> = committed.into_iter().map(|one| one.at.topic).collect();
    topics.dedup();
    // A group that has committed nothing and has no members does not exist yet: it can be made.
    let state = admin.describe_group(name).await.map_or_else(|_| String::new(), |one| one.state);
    let steps = if asked.text("to").is_empty() {
        None
    } else {
        Some(preview(admin, name, asked.text("topic"), To::read(asked)?).await?)
    };
    let body = Html::of(|out| {
        let title = format!("Reset offsets of {name}");
        out.push(&pages::page_head(&title, None, &Html::new()));
        out.raw("<div class=\"stack\">");
        if !matches!(state.as_str(), "" | "Empty" | "Dead") {
            let text = Html::with(
                "<p>Kafka moves offsets only of a group without members. Stop its consumers first; a \
                 stream is stopped and moved with <code>millstream reset</code>.</p>",
                &[],
            );
            out.push(&pages::banner(Tone::Warn, "The group has members", &text));
        }
        let fields = wish_form(name, &topics, asked);
        let card = Html::with("<div class=\"card-body\">{}</div>", &[&fields]);
        out.push(&pages::card("Where to go on", &Html::new(), &card));
        if let Some(steps) = &steps {
            out.push(&shown(name, steps));
        }
        out.raw("</div>");
    });
    Ok(Page {
        title: "Reset offsets".to_owned(),
        section: "groups",
        crumbs: vec![
            ("Consumer groups".to_owned(), "/groups".to_owned()),
            (name.to_owned(), group_path(name)),
        ],
        body,
        ..Page::default()
    })
}

fn wish_form(name: &str, topics: &[String], asked: &Fields) -> Html {
    let mut choices: Vec<(&str, &str)> =
        topics.iter().map(|topic| (topic.as_str(), topic.as_str())).collect();
    choices.insert(0, ("", "All its topics"));
    let action = pages::path(&["groups", name, "reset"]);
    Html::of(|out| {
        out.put("<form class=\"form\" action=\"{}\"><div class=\"columns\">", &[&action]);
        out.push(&Field {
            input: Input::Choice(&choices),
            value: asked.text("topic"),
            ..Field::new("topic", "Topic")
        });
        let places = [
            ("earliest", "The earliest record"),
            ("latest", "The end"),
            ("offset", "An offset"),
            ("time", "A time"),
            ("shift", "Records forward or back"),
        ];
        out.push(&Field {
            input: Input::Choice(&places),
            value: asked.text("to"),
            ..Field::new("to", "Go on at")
        });
        out.push(&Field {
            input: Input::Number,
            value: asked.text("value"),
            help: "For an offset, or a shift such as -100.",
            ..Field::new("value", "Number")
        });
        out.push(&Field {
            input: Input::Moment,
            value: asked.text("time"),
            help: "For a time, in UTC.",
            ..Field::new("time", "Time")
        });
        out.put(
            "</div><div class=\"form-end\"><button class=\"button\" type=\"submit\">{}Preview</button>\
             </div></form>",
            &[&Icon::Search],
        );
    })
}

fn shown(name: &str, steps: &[Step]) -> Html {
    let columns = [
        Column::left("Topic"),
        Column::right("Partition"),
        Column::right("Now"),
        Column::right("Then"),
        Column::left("Means"),
    ];
    let mut table = Table::new(&columns);
    let (mut again, mut skipped) = (0, 0);
    for step in steps {
        let moved = step.from.map(|from| step.to.saturating_sub(from));
        let means = match moved {
            None => badge(Tone::Info, "begins here"),
            Some(0) => badge(Tone::Plain, "stays"),
            Some(by) if by < 0 => {
                again += by.unsigned_abs();
                badge(Tone::Info, &format!("{} read again", numbers::count(by.unsigned_abs())))
            }
            Some(by) => {
                skipped += by.unsigned_abs();
                badge(Tone::Warn, &format!("{} skipped", numbers::count(by.unsigned_abs())))
            }
        };
        table.row(&[
            &link(&topic_path(&step.at.topic), &step.at.topic),
            &step.at.partition,
            &or_dash(step.from),
            &step.to,
            &means,
        ]);
    }
    let action = pages::path(&["groups", name, "reset"]);
    Html::of(|out| {
        let aside = Html::with(
            "<span class=\"dim small\">{} read again, {} skipped</span>",
            &[&numbers::of(again, "record"), &numbers::of(skipped, "record")],
        );
        out.push(&pages::card("Preview", &aside, &table.finish()));
        out.put("<form class=\"form\" method=\"post\" action=\"{}\" data-fetch>", &[&action]);
        for step in steps {
            out.put(
                "<input type=\"hidden\" name=\"step\" value=\"{}/{}/{}\">",
                &[&step.at.topic, &step.at.partition, &step.to],
            );
        }
        out.raw(
            "<div class=\"form-end\"><button class=\"button primary\" type=\"submit\">Commit these \
             offsets</button></div></form>",
        );
    })
}

/// `POST /groups/{group}/reset`: exactly the steps of the preview.
pub(crate) async fn apply(visit: Visit, Path(name): Path<String>, Sent(sent): Sent) -> Response {
    let done = async {
        let steps: Option<Vec<_>> = sent.all("step").map(step).collect();
        let steps = steps.filter(|steps| !steps.is_empty());
        let steps =
            steps.ok_or_else(|| Problem::bad("there is nothing to commit: preview first"))?;
        visit.desk.admin.alter_consumer_group_offsets(&name, &steps).await?;
        let count = numbers::of(numbers::len(steps.len()), "partition");
        Ok(format!("Group {name} goes on at its new offsets in {count}."))
    };
    let back = pages::path(&["groups", &name, "reset"]);
    visit.done("group.reset", &group_path(&name), &back, done.await)
}

/// `topic/partition/offset`; a topic's name has no slash.
fn step(text: &str) -> Option<(TopicPartition, i64)> {
    let mut parts = text.split('/');
    let (topic, partition, offset) = (parts.next()?, parts.next()?, parts.next()?);
    let at = TopicPartition::new(topic, partition.parse().ok()?);
    Some((at, offset.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_never_goes_where_nothing_is_kept() {
        let ends = (10, 50);
        for (to, from, by_time, expected) in [
            (To::Earliest, Some(20), None, 10),
            (To::Latest, Some(20), None, 50),
            (To::Offset(3), None, None, 10),
            (To::Offset(99), None, None, 50),
            (To::Time(7), Some(20), Some(33), 33),
            (To::Time(7), Some(20), None, 50),
            (To::Shift(-5), Some(20), None, 15),
            (To::Shift(-50), Some(20), None, 10),
            (To::Shift(5), None, None, 15),
        ] {
            assert_eq!(decide(to, from, ends, by_time), expected, "{to:?}");
        }
    }

    #[test]
    fn what_the_preview_showed_is_what_is_committed() {
        assert_eq!(step("a.b/3/17"), Some((TopicPartition::new("a.b", 3), 17)));
        assert_eq!(step("a/3"), None);
        assert_eq!(step("a/x/1"), None);
    }
}
