//! `/dead-letters`: what streams could not decode or evaluate, why, and sending it back.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use door::Permission;
use kafkaadmin::{Isolation, TopicPartition};
use pages::{Column, Html, Icon, Part, Table, Tone};

use super::{badge, link, moment, or_dash};
use crate::fields::{Asked, Fields, Sent};
use crate::message::shown;
use crate::numbers;
use crate::problem::Problem;
use crate::redrive::{self, LETTERS_MAX, Letter, Plan};
use crate::scan::{Start, Wish, scan};
use crate::visit::{Made, Page, Visit};

/// Letters that are looked at for the list of reasons.
const LOOKED_AT: usize = 2_000;
/// Letters that are shown.
const ROWS_MAX: usize = 100;
/// Reasons that are listed.
const REASONS_MAX: usize = 30;
/// Bytes of a value in the list.
const VALUE_BYTES_MAX: usize = 4 << 10;

/// A topic of dead letters, and its stream.
struct Place {
    topic: String,
    stream: String,
    source: String,
    counted: u64,
}

/// The dead-letter topics of the streams, and topics that are named like one.
async fn places(visit: &Visit) -> Vec<Place> {
    let snapshot = visit.desk.latest().await;
    let of = |stream: &crate::model::Stream| Place {
        topic: stream.dead_letter_topic(),
        stream: stream.name.clone(),
        source: stream.source.name.clone(),
        counted: stream.dead_lettered,
    };
    let mut places: Vec<Place> = snapshot.streams.iter().map(of).collect();
    for topic in snapshot.topics.keys().filter(|name| name.ends_with(".dead-letters")) {
        if !places.iter().any(|place| place.topic == *topic) {
            let stream = topic.trim_end_matches(".dead-letters").to_owned();
            places.push(Place { topic: topic.clone(), stream, source: String::new(), counted: 0 });
        }
    }
    places
}

pub(crate) async fn list(visit: Visit) -> Response {
    visit.show(list_page).await
}

async fn list_page(visit: Visit) -> Made {
    let snapshot = visit.desk.latest().await;
    let columns = [
        Column::left("Topic"),
        Column::left("Stream"),
        Column::left("Source"),
        // With the markers of transactions, which take an offset each.
        Column::right("Offsets kept"),
        Column::right("Letters of the stream"),
    ];
    let mut table = Table::new(&columns).live("places");
    for place in places(&visit).await {
        let kept = snapshot.topics.get(&place.topic).map(|topic| numbers::count(topic.records));
        let name = link(&pages::path(&["dead-letters", &place.topic]), &place.topic);
        let stream = link(&pages::path(&["streams", &place.stream]), &place.stream);
        let source = Some(place.source).filter(|source| !source.is_empty());
        table.row(&[
            &Html::with("<b>{}</b>", &[&name]),
            &stream,
            &or_dash(source),
            &or_dash(kept),
            &numbers::count(place.counted),
        ]);
    }
    let body = Html::of(|out| {
        let note = Html::with(
            "<span>What a stream cannot decode or evaluate goes here as it came, with the reason: \
             nothing is lost.</span>",
            &[],
        );
        out.push(&pages::page_head("Dead letters", Some(&note), &Html::new()));
        if table.is_empty() {
            let text = "There are no streams, so there is nothing that they could not read.";
            let body = pages::empty_state(Icon::Check, "No dead letters", text, &Html::new());
            out.push(&pages::card("", &Html::new(), &body));
        } else {
            out.push(&table.finish());
        }
    });
    Ok(Page {
        title: "Dead letters".to_owned(),
        section: "dead",
        body,
        live: true,
        ..Page::default()
    })
}

pub(crate) async fn one(visit: Visit, Path(name): Path<String>, Asked(asked): Asked) -> Response {
    let made = one_page(&visit, &name, &asked).await;
    visit.answer(made)
}

async fn one_page(visit: &Visit, name: &str, asked: &Fields) -> Made {
    if !visit.sees_contents() {
        let text = "dead letters are shown to users who have signed in, and this console runs without \
                    accounts; use `millstream consume`";
        return Err(Problem::new(StatusCode::FORBIDDEN, text));
    }
    let admin = &visit.desk.admin;
    let topic = admin.describe_topic(name).await?;
    let wish = Wish {
        partition: None,
        start: Start::Newest,
        search: String::new(),
        limit: LOOKED_AT,
        isolation: Isolation::ReadCommitted,
    };
    let Ok(_turn) = visit.desk.scans.try_acquire() else {
        return Err(Problem::away("many people look for messages just now; try again in a moment"));
    };
    let seen = scan(admin, &topic, &wish).await?;
    let positions = redrive::positions(admin, name).await?;
    let letters: Vec<Letter> = seen
        .found
        .into_iter()
        .map(|(partition, record)| Letter::of(&TopicPartition::new(name, partition), record))
        .collect();
    let kind = asked.verbatim("reason");
    let plan = match asked.text("redrive") {
        "preview" if visit.may(Permission::EditStreams) => {
            Some(redrive::plan(admin, name, kind).await?)
        }
        _ => None,
    };
    let body = Html::of(|out| {
        out.push(&head(visit, name, kind, &letters));
        out.raw("<div class=\"stack\">");
        if let Some(plan) = &plan {
            out.push(&preview(name, kind, plan));
        }
        if letters.is_empty() {
            let text = "Every record could be decoded and evaluated.";
            let body = pages::empty_state(Icon::Check, "No dead letters", text, &Html::new());
            out.push(&pages::card("", &Html::new(), &body));
        } else {
            out.push(&reasons(name, kind, &letters, seen.complete));
            let matching = letters.iter().filter(|one| kind.is_empty() || one.kind() == kind);
            out.raw("<div class=\"messages\">");
            for letter in matching.take(ROWS_MAX) {
                let open = positions.get(&letter.at.partition);
                let open = open.is_none_or(|open| open.is_open(letter.record.offset));
                out.push(&row(letter, open));
            }
            out.raw("</div>");
        }
        out.push(&explanation(name));
        out.raw("</div>");
    });
    Ok(Page {
        title: name.to_owned(),
        section: "dead",
        crumbs: vec![("Dead letters".to_owned(), "/dead-letters".to_owned())],
        body,
        ..Page::default()
    })
}

fn head(visit: &Visit, name: &str, kind: &str, letters: &[Letter]) -> Html {
    let actions = Html::of(|out| {
        if visit.may(Permission::EditStreams) && !letters.is_empty() {
            let path = pages::path(&["dead-letters", name]);
            let href = pages::query(&path, &[("redrive", "preview"), ("reason", kind)]);
            let word = if kind.is_empty() { "Re-drive" } else { "Re-drive these" };
            out.push(&pages::action(&href, Icon::Retry, word, true));
        }
        out.push(&pages::action(&super::topic_path(name), Icon::Topic, "Topic", false));
    });
    let note = letters.first().map(|one| {
        Html::with(
            "<span>of stream {}</span>",
            &[&link(&pages::path(&["streams", &one.stream]), &one.stream)],
        )
    });
    pages::page_head(name, note.as_ref(), &actions)
}

/// How many letters have which kind of reason; each leads to those letters.
fn reasons(name: &str, current: &str, letters: &[Letter], complete: bool) -> Html {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for letter in letters {
        *counts.entry(letter.kind()).or_default() += 1;
    }
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let path = pages::path(&["dead-letters", name]);
    let body = Html::of(|out| {
        out.raw("<ul class=\"reasons\">");
        let all = numbers::len(letters.len());
        let every = [("Any reason", "", all)];
        let each = sorted
            .iter()
            .take(REASONS_MAX)
            .map(|(kind, count)| (kind.as_str(), kind.as_str(), *count));
        for (word, kind, count) in every.into_iter().chain(each) {
            let href = pages::query(&path, &[("reason", kind)]);
            let mark = (kind == current).then_some(pages::Raw(" aria-current=\"true\""));
            let word = if word.is_empty() { "no reason given" } else { word };
            let values: [&dyn Part; 4] = [&href, &mark, &word, &numbers::count(count)];
            out.put("<li><a href=\"{}\"{}><span>{}</span><b>{}</b></a></li>", &values);
        }
        out.raw("</ul>");
    });
    let told = if complete { "all that are kept" } else { "the newest that were looked at" };
    let aside = Html::with(
        "<span class=\"dim small\">{}, {}</span>",
        &[&numbers::of(numbers::len(letters.len()), "letter"), &told],
    );
    pages::card("Reasons", &aside, &body)
}

fn row(letter: &Letter, open: bool) -> Html {
    let record = &letter.record;
    let (value, _) = shown(record.value.as_deref(), VALUE_BYTES_MAX);
    let (key, _) = shown(record.key.as_deref(), VALUE_BYTES_MAX);
    let (partition, offset) = (letter.at.partition, record.offset);
    Html::of(|out| {
        out.put(
            "<details class=\"message letter\" id=\"m{}-{}\"><summary>\
             <span class=\"message-time\">{}</span><span class=\"message-place\">{} <b>{}</b></span>\
             <span class=\"message-key\">{}</span><span class=\"message-value\">{}</span></summary>\
             <div class=\"message-body\">",
            &[
                &partition,
                &offset,
                &moment(record.timestamp),
                &format!("p{partition}"),
                &offset,
                &if open { badge(Tone::Warn, "open") } else { badge(Tone::Good, "re-driven") },
                &letter.reason,
            ],
        );
        let source = match (letter.source_partition, letter.source_offset) {
            (Some(partition), Some(offset)) => {
                let place = [partition.to_string(), offset.to_string()];
                let href =
                    pages::path(&["topics", &letter.source, "messages", &place[0], &place[1]]);
                let text = format!("{}, partition {partition}, offset {offset}", letter.source);
                link(&href, &text)
            }
            _ => Html::with("{}", &[&letter.source]),
        };
        let again = letter.redriven();
        let tries =
            if again == 0 { "never".to_owned() } else { numbers::of(numbers::len(again), "time") };
        out.push(&pages::key_values(&[
            ("Reason", Html::with("{}", &[&letter.reason])),
            ("Came from", source),
            ("Sent back before", Html::with("{}", &[&tries])),
        ]));
        let parts: [(&str, &crate::message::Shown); 2] = [("Key", &key), ("Value", &value)];
        for (title, shown) in parts {
            let values: [&dyn Part; 3] = [&title, &shown.kind(), &shown.full()];
            out.put(
                "<h4>{} <span class=\"dim small\">{}</span></h4><pre class=\"content\">{}</pre>",
                &values,
            );
        }
        out.raw("<h4>Headers</h4><dl class=\"facts wide headers\">");
        for header in &record.headers {
            let (value, _) = shown(header.value.as_deref(), VALUE_BYTES_MAX);
            let values: [&dyn Part; 2] = [&header.key, &value.line(1_000)];
            out.put("<div><dt><code>{}</code></dt><dd><code>{}</code></dd></div>", &values);
        }
        out.raw("</dl></div></details>");
    })
}

/// What a re-drive would do, and the button that does exactly this.
fn preview(name: &str, kind: &str, plan: &Plan) -> Html {
    let columns =
        [Column::left("Goes back to"), Column::right("Partition"), Column::right("Letters")];
    let mut table = Table::new(&columns);
    for ((topic, partition), count) in plan.targets() {
        let partition =
            partition.map_or_else(|| "by the key".to_owned(), |index| index.to_string());
        table.row(&[&link(&super::topic_path(&topic), &topic), &partition, &numbers::count(count)]);
    }
    let path = pages::path(&["dead-letters", name]);
    let action = pages::path(&["dead-letters", name, "redrive"]);
    let count = numbers::of(numbers::len(plan.letters.len()), "letter");
    let body = Html::of(|out| {
        if table.is_empty() {
            let text =
                "Every letter of this kind was re-driven already, or has no topic to go back to.";
            out.push(&pages::empty_state(Icon::Check, "Nothing to re-drive", text, &Html::new()));
        } else {
            out.push(&table.finish());
        }
        out.raw("<div class=\"card-body\"><ul class=\"notes\">");
        if !kind.is_empty() {
            out.put("<li>Only those whose reason is: {}</li>", &[&kind]);
        }
        if plan.passed > 0 {
            let passed = numbers::of(plan.passed, "letter");
            out.put("<li>{} of other reasons stay open.</li>", &[&passed]);
        }
        for (source, count) in &plan.homeless {
            let count = numbers::of(*count, "letter");
            out.put(
                "<li>{} cannot go back: {} is no topic of this cluster, or has fewer partitions.</li>",
                &[&count, source],
            );
        }
        if plan.more {
            out.put(
                "<li>At most {} letters or 32 MiB go at once: do it again for the rest.</li>",
                &[&numbers::count(numbers::len(LETTERS_MAX))],
            );
        }
        out.raw("</ul>");
        if !plan.letters.is_empty() {
            out.put(
                "<form class=\"form\" method=\"post\" action=\"{}\" data-fetch>\
                 <input type=\"hidden\" name=\"reason\" value=\"{}\">\
                 <input type=\"hidden\" name=\"mark\" value=\"{}\"><div class=\"form-end\">\
                 <a class=\"button\" href=\"{}\">Cancel</a>\
                 <button class=\"button primary\" type=\"submit\">Re-drive {}</button></div></form>",
                &[&action, &kind, &plan.mark(), &path, &count],
            );
        }
        out.raw("</div>");
    });
    let aside = badge(Tone::Info, "nothing was sent yet");
    pages::card("Dry run", &aside, &body)
}

fn explanation(name: &str) -> Html {
    let body = Html::with(
        "<p>A re-drive writes each letter back into the topic and partition it came from: the same \
         bytes, key, timestamp and headers, and one header more, <code>{}</code>, that names where it \
         lay. What was sent is kept as the offsets of group {}, in the same Kafka transaction as the \
         letters: each letter is re-driven once, also if two people press at once or the console ends \
         half way. A record that fails again comes back as a new letter.</p>",
        &[
            &redrive::REDRIVEN,
            &link(&super::group_path(&redrive::group(name)), &redrive::group(name)),
        ],
    );
    pages::banner(Tone::Plain, "How re-driving works", &body)
}

/// `POST /dead-letters/{topic}/redrive`.
pub(crate) async fn apply(visit: Visit, Path(name): Path<String>, Sent(sent): Sent) -> Response {
    let done = async {
        let Ok(_turn) = visit.desk.redrives.try_lock() else {
            return Err(Problem::conflict(
                "another re-drive is under way; look again when it is done",
            ));
        };
        let (reason, mark) = (sent.verbatim("reason"), sent.text("mark"));
        let bootstrap = &visit.desk.settings.kafka;
        let plan = redrive::send(&visit.desk.admin, bootstrap, &name, reason, mark).await?;
        let count = numbers::of(numbers::len(plan.letters.len()), "letter");
        let targets: Vec<String> = plan.targets().into_keys().map(|(topic, _)| topic).collect();
        Ok(format!("{count} went back to {}.", targets.first().map_or("", String::as_str)))
    };
    let to = pages::path(&["dead-letters", &name]);
    visit.done("dead_letters.redrive", &to, &to, done.await)
}
