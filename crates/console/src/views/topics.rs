//! `/topics`: all topics, with a search; and making a new one.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use door::Permission;
use kafkaadmin::{Change, NewTopic};
use pages::{Column, Field, Form, Html, Icon, Input, Table, Tone};

use super::{badge, main_cell, or_dash, size, topic_path};
use crate::fields::{Asked, Fields, Sent};
use crate::model::{Reach, Snapshot, Topic};
use crate::numbers;
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// Rows of one page.
const ROWS: u64 = 100;

pub(crate) async fn list(visit: Visit, Asked(asked): Asked) -> Response {
    visit.show(move |visit| page(visit, asked.clone())).await
}

async fn page(visit: Visit, asked: Fields) -> Made {
    let snapshot = visit.desk.latest().await;
    let internal = asked.text("internal") == "true";
    let search = asked.text("search").to_ascii_lowercase();
    let offset: u64 = asked.number("offset").unwrap_or(0);
    let wanted = |(name, topic): &(&String, &Topic)| {
        (internal || !topic.internal) && name.to_ascii_lowercase().contains(&search)
    };
    let topics = topics_now(&visit, &snapshot).await;
    let found: Vec<_> = topics.iter().filter(wanted).collect();
    let total = numbers::len(found.len());
    let shown: Vec<_> = found
        .into_iter()
        .skip(usize::try_from(offset).unwrap_or(usize::MAX))
        .take(usize::try_from(ROWS).unwrap_or(usize::MAX))
        .collect();
    let names: Vec<&str> = shown.iter().map(|(name, _)| name.as_str()).collect();
    // A broker may forbid to see configs; the list does not need them.
    let configs = visit.desk.admin.describe_topic_configs(&names, &CONFIGS).await;
    let configs = configs.unwrap_or_default();
    let body = Html::of(|out| {
        out.push(&head(&visit));
        out.push(&filters(&asked, internal));
        if let Reach::Down { why } = &snapshot.kafka.reach {
            let title = "Kafka does not answer: the list is as it was";
            out.region("kafka", |out| out.push(&super::failed(title, why)));
        } else {
            out.region("kafka", |_| {});
        }
        out.region("topic-list", |out| {
            if total == 0 {
                out.push(&nothing(&search, &visit, topics.is_empty()));
                return;
            }
            out.push(&rows(&shown, &configs));
            let search = asked.text("search").to_owned();
            let internal = if internal { "true" } else { "" };
            out.push(&pages::pager(total, ROWS, offset, &|offset| {
                let offset = offset.to_string();
                let pairs =
                    [("search", search.as_str()), ("internal", internal), ("offset", &offset)];
                pages::query("/topics", &pairs)
            }));
        });
        if visit.may(Permission::EditTopics) {
            out.push(&create_dialog());
        }
    });
    Ok(Page { title: "Topics".to_owned(), section: "topics", body, live: true, ..Page::default() })
}

/// The topics that there are now, with what was last seen of each: who has just made or deleted one does
/// not wait for the next look at all of them.
async fn topics_now(visit: &Visit, snapshot: &Snapshot) -> BTreeMap<String, Topic> {
    let mut topics = snapshot.topics.clone();
    if matches!(snapshot.kafka.reach, Reach::Down { .. }) {
        return topics;
    }
    let Ok(listed) = visit.desk.admin.list_topics().await else { return topics };
    let there: BTreeSet<&str> = listed.iter().map(|one| one.name.as_str()).collect();
    topics.retain(|name, _| there.contains(name.as_str()));
    for one in &listed {
        topics.entry(one.name.clone()).or_insert_with(|| Topic {
            partitions: one.partitions.len(),
            replicas: one.partitions.iter().map(|at| at.replicas.len()).max().unwrap_or(0),
            internal: one.internal,
            ..Topic::default()
        });
    }
    topics
}

/// The configs that the list shows.
const CONFIGS: [&str; 3] = ["cleanup.policy", "retention.ms", "retention.bytes"];

fn head(visit: &Visit) -> Html {
    let actions = Html::of(|out| {
        if visit.may(Permission::EditTopics) {
            out.put(
                "<a class=\"button primary\" href=\"/topics/new\" data-open=\"create-topic\">{}New \
                 topic</a>",
                &[&Icon::Plus],
            );
        }
    });
    pages::page_head("Topics", None, &actions)
}

fn filters(asked: &Fields, internal: bool) -> Html {
    Html::of(|out| {
        out.put(
            "<form class=\"filters\" action=\"/topics\"><input type=\"search\" name=\"search\" \
             value=\"{}\" placeholder=\"Search topics\" aria-label=\"Search topics\" \
             autocomplete=\"off\" spellcheck=\"false\">",
            &[&asked.text("search")],
        );
        if internal {
            out.raw("<input type=\"hidden\" name=\"internal\" value=\"true\">");
        }
        out.raw("<button class=\"button\" type=\"submit\">Search</button>");
        let search = asked.text("search");
        out.raw("<nav class=\"segments\" aria-label=\"Which topics\">");
        for (value, word) in [("", "Topics"), ("true", "With Kafka's own")] {
            let href = pages::query("/topics", &[("search", search), ("internal", value)]);
            let mark =
                (internal != value.is_empty()).then_some(pages::Raw(" aria-current=\"true\""));
            let values: [&dyn pages::Part; 3] = [&href, &mark, &word];
            out.put("<a href=\"{}\"{}>{}</a>", &values);
        }
        out.raw("</nav></form>");
    })
}

fn rows(shown: &[(&String, &Topic)], configs: &BTreeMap<String, BTreeMap<String, String>>) -> Html {
    let columns = [
        Column::left("Topic"),
        Column::right("Partitions"),
        Column::left("Replicas"),
        Column::right("Records"),
        Column::right("Records/s"),
        Column::right("Size"),
        Column::left("Kept"),
        Column::left("Cleanup"),
    ];
    let mut table = Table::new(&columns);
    for (name, topic) in shown {
        let href = topic_path(name);
        let note = if topic.internal { "Kafka's own" } else { "" };
        let link = super::link(&href, name);
        let of = |key: &str| configs.get(*name).and_then(|all| all.get(key)).map(String::as_str);
        table.row(&[
            &main_cell(&link, &note),
            &numbers::len(topic.partitions),
            &replicas(topic),
            &numbers::count(topic.records),
            &numbers::rate(topic.records_per_second),
            &size(topic.bytes),
            &or_dash(of("retention.ms").map(|ms| retention(ms, of("retention.bytes")))),
            &or_dash(of("cleanup.policy").map(|policy| badge(Tone::Plain, policy))),
        ]);
    }
    Html::with("<div class=\"topics-table\">{}</div>", &[&table.finish()])
}

/// Replicas and whether all are in sync.
fn replicas(topic: &Topic) -> Html {
    Html::of(|out| {
        out.put("<span class=\"badges\">{} ", &[&numbers::len(topic.replicas)]);
        if topic.leaderless > 0 {
            let text = format!("{} without leader", topic.leaderless);
            out.push(&badge(Tone::Bad, &text));
        } else if topic.under_replicated > 0 {
            let text = format!("{} not in sync", topic.under_replicated);
            out.push(&badge(Tone::Warn, &text));
        } else {
            out.push(&badge(Tone::Good, "in sync"));
        }
        out.raw("</span>");
    })
}

/// How long and how much is kept.
pub(crate) fn retention(ms: &str, bytes: Option<&str>) -> String {
    let time = match ms.parse::<u64>() {
        Ok(ms) => numbers::span(ms),
        Err(_) => "for ever".to_owned(),
    };
    match bytes.and_then(|bytes| bytes.parse::<u64>().ok()) {
        Some(bytes) => format!("{time}, {} each", numbers::bytes(bytes)),
        None => time,
    }
}

fn nothing(search: &str, visit: &Visit, none: bool) -> Html {
    let (title, text) = if search.is_empty() && none {
        (
            "No topics yet",
            "A topic keeps records in the order they came. Streams make theirs when they start.",
        )
    } else {
        ("No such topic", "No topic's name contains this text.")
    };
    let action = if visit.may(Permission::EditTopics) {
        pages::action("/topics/new", Icon::Plus, "New topic", false)
    } else {
        Html::new()
    };
    let body = pages::empty_state(Icon::Topic, title, text, &action);
    pages::card("", &Html::new(), &body)
}

fn create_dialog() -> Html {
    Html::with(
        "<dialog class=\"dialog\" id=\"create-topic\" aria-labelledby=\"create-title\">\
         <div class=\"dialog-body\"><header class=\"dialog-head\"><h2 id=\"create-title\">New topic\
         </h2><button class=\"icon-button\" type=\"button\" data-close aria-label=\"Close\">{}\
         </button></header>{}</div></dialog>",
        &[&Icon::Cross, &create_form(&Fields::default())],
    )
}

fn create_form(sent: &Fields) -> Html {
    let fields = Html::of(|out| {
        out.push(&Field {
            value: sent.text("name"),
            required: true,
            help: "Letters, digits, '.', '_' and '-'.",
            ..Field::new("name", "Name")
        });
        out.raw("<div class=\"columns\">");
        out.push(&Field {
            input: Input::Number,
            value: sent.text("partitions"),
            help: "The broker's default if empty.",
            ..Field::new("partitions", "Partitions")
        });
        out.push(&Field {
            input: Input::Number,
            value: sent.text("replication"),
            help: "At most one for each broker.",
            ..Field::new("replication", "Replicas")
        });
        out.raw("</div><div class=\"columns\">");
        let policies = [
            ("", "default"),
            ("delete", "delete"),
            ("compact", "compact"),
            ("compact,delete", "both"),
        ];
        out.push(&Field {
            input: Input::Choice(&policies),
            value: sent.text("cleanup.policy"),
            ..Field::new("cleanup.policy", "Cleanup")
        });
        out.push(&Field {
            value: sent.text("retention.ms"),
            help: "Milliseconds; -1 keeps for ever.",
            ..Field::new("retention.ms", "Retention")
        });
        out.raw("</div>");
        out.push(&Field {
            input: Input::Code(2),
            value: sent.text("configs"),
            help: "One name=value on each line.",
            ..Field::new("configs", "More configs")
        });
        out.push(&Field {
            input: Input::Check,
            help: "The broker checks it; nothing is made.",
            ..Field::new("validate", "Only check")
        });
    });
    let form =
        Form { action: "/topics/create", confirm: "", submit: "Create topic", danger: false };
    form.around(&fields)
}

/// `GET /topics/new`: the form on a page of its own, for browsers without scripts.
pub(crate) async fn create_page(visit: Visit, Asked(asked): Asked) -> Response {
    let body = Html::of(|out| {
        out.push(&pages::page_head("New topic", None, &Html::new()));
        let form = Html::with("<div class=\"card-body\">{}</div>", &[&create_form(&asked)]);
        out.put("<div class=\"narrow\">{}</div>", &[&pages::card("", &Html::new(), &form)]);
    });
    let page = Page {
        title: "New topic".to_owned(),
        section: "topics",
        crumbs: vec![("Topics".to_owned(), "/topics".to_owned())],
        body,
        ..Page::default()
    };
    visit.answer(Ok(page))
}

/// `POST /topics/create`.
pub(crate) async fn create(visit: Visit, Sent(sent): Sent) -> Response {
    let name = sent.text("name").to_owned();
    let only_check = sent.text("validate") == "true";
    let back = "/topics/new";
    let done = try_create(&visit, &sent, only_check).await;
    // Who only checks goes on with what is in the form.
    let kept = ["name", "partitions", "replication", "cleanup.policy", "retention.ms", "configs"];
    let to = if only_check {
        pages::query("/topics/new", &kept.map(|field| (field, sent.text(field))))
    } else {
        topic_path(&name)
    };
    visit.done("topic.create", &to, back, done)
}

async fn try_create(visit: &Visit, sent: &Fields, only_check: bool) -> Result<String, Problem> {
    let name = sent.text("name");
    let mut configs = Vec::new();
    for key in ["cleanup.policy", "retention.ms"] {
        if !sent.text(key).is_empty() {
            configs.push((key.to_owned(), sent.text(key).to_owned()));
        }
    }
    for line in sent.text("configs").lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some((key, value)) = line.split_once('=') else {
            return Err(Problem::bad(format!("a config is written as name=value, not {line:?}")));
        };
        configs.push((key.trim().to_owned(), value.trim().to_owned()));
    }
    let new = NewTopic {
        name: name.to_owned(),
        partitions: sent.checked("partitions", "the number of partitions")?,
        replication_factor: sent.checked("replication", "the number of replicas")?,
        configs,
    };
    let change = if only_check { Change::ValidateOnly } else { Change::Apply };
    visit.desk.admin.create_topic(&new, change).await?;
    Ok(if only_check {
        format!("Topic {name} can be created.")
    } else {
        format!("Topic {name} is created.")
    })
}
