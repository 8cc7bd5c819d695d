//! `/topics/{topic}/messages`: what is in a topic, from any offset or time, with a search and a live
//! tail; one message in full; and writing one.

use std::collections::VecDeque;
use std::time::Duration;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime};
use futures::stream;
use kafkaadmin::{
    FetchOptions, Header, Isolation, NewRecord, OffsetSpec, Record, TimestampType, Topic,
    TopicPartition,
};
use pages::{Field, Form, Html, Icon, Input, Part, Tone};

use super::topic::{Tabs, framed, on_its_own};
use super::{badge, moment, topic_tab};
use crate::fields::{Asked, Fields, Sent};
use crate::message::{Shown, shown};
use crate::numbers;
use crate::problem::Problem;
use crate::scan::{SCANNED_MAX, Seen, Start, Wish, own, scan};
use crate::visit::{Following, Made, Visit, too_many};

/// Bytes of a value in the list, and on its own page.
const LIST_BYTES_MAX: usize = 4 << 10;
const PAGE_BYTES_MAX: usize = 1 << 20;
/// Characters of the one line of a value.
const LINE_CHARS_MAX: usize = 180;
/// Messages that a tail shows, and partitions that it follows.
const TAIL_MAX: usize = 100;
const TAIL_PARTITIONS_MAX: usize = 64;
/// Between two looks of a tail.
const TAIL_PAUSE: Duration = Duration::from_millis(400);
/// How many messages may be asked for.
const LIMITS: [usize; 3] = [50, 200, 500];

/// What the address of the page says.
fn wish(asked: &Fields) -> Result<Wish, Problem> {
    let start = match asked.text("from") {
        "oldest" => Start::Oldest,
        "offset" => Start::Offset(asked.checked("offset", "the offset")?.unwrap_or(0)),
        "time" => Start::Time(time(asked.text("time"))?),
        _ => Start::Newest,
    };
    let limit = asked.number("limit").filter(|limit| LIMITS.contains(limit));
    let isolation = match asked.text("committed") {
        "true" => Isolation::ReadCommitted,
        _ => Isolation::ReadUncommitted,
    };
    Ok(Wish {
        partition: asked.checked("partition", "the partition")?,
        start,
        search: asked.text("q").to_owned(),
        limit: limit.unwrap_or(LIMITS[0]),
        isolation,
    })
}

/// A time of a form or a link, UTC, in milliseconds since the Unix epoch.
pub(crate) fn time(text: &str) -> Result<i64, Problem> {
    if let Ok(millis) = text.parse::<i64>() {
        return Ok(millis);
    }
    let zoned = DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis());
    let plain = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|at| at.and_utc().timestamp_millis());
    zoned.ok().or(plain).ok_or_else(|| {
        Problem::bad(format!("a time is written as 2026-11-29T14:00:00 in UTC, not {text:?}"))
    })
}

/// Messages are only for those who have a name.
fn refused(visit: &Visit) -> Option<Problem> {
    if visit.sees_contents() {
        return None;
    }
    let text = "messages are shown to users who have signed in, and this console runs without \
                accounts; use `millstream consume`";
    Some(Problem::new(StatusCode::FORBIDDEN, text))
}

pub(crate) async fn list(visit: Visit, Path(name): Path<String>, Asked(asked): Asked) -> Response {
    if asked.text("tail") == "true" {
        return tail(visit, &name, &asked).await;
    }
    let made = list_page(&visit, &name, &asked).await;
    visit.answer(made)
}

async fn list_page(visit: &Visit, name: &str, asked: &Fields) -> Made {
    if let Some(problem) = refused(visit) {
        return Err(problem);
    }
    let wish = wish(asked)?;
    let Ok(_turn) = visit.desk.scans.try_acquire() else {
        return Err(Problem::away("many people look for messages just now; try again in a moment"));
    };
    let topic = visit.desk.admin.describe_topic(name).await?;
    let seen = scan(&visit.desk.admin, &topic, &wish).await?;
    let body = Html::of(|out| {
        out.push(&controls(&topic, asked, &wish, false));
        out.push(&told(&seen, &wish));
        if seen.found.is_empty() {
            out.push(&nothing(&wish, &seen));
        } else {
            out.raw("<div class=\"messages\">");
            for (partition, record) in &seen.found {
                out.push(&row(name, *partition, record));
            }
            out.raw("</div>");
            out.push(&further(name, asked, &wish, &seen));
        }
    });
    Ok(framed(visit, &topic, Tabs::Messages, &body))
}

/// Where to look, and for what.
fn controls(topic: &Topic, asked: &Fields, wish: &Wish, tails: bool) -> Html {
    let path = topic_tab(&topic.name, "messages");
    Html::of(|out| {
        out.put("<form class=\"filters seek\" action=\"{}\">", &[&path]);
        out.raw("<select name=\"partition\" aria-label=\"Partition\"><option value=\"\">All partitions</option>");
        for one in &topic.partitions {
            let chosen = (wish.partition == Some(one.index)).then_some(pages::Raw(" selected"));
            let values: [&dyn Part; 3] = [&one.index, &chosen, &one.index];
            out.put("<option value=\"{}\"{}>Partition {}</option>", &values);
        }
        out.raw("</select><select name=\"from\" aria-label=\"From\">");
        for (value, word) in [
            ("newest", "Newest"),
            ("oldest", "Oldest"),
            ("offset", "From offset"),
            ("time", "From time"),
        ] {
            let chosen = (asked.text("from") == value).then_some(pages::Raw(" selected"));
            let values: [&dyn Part; 3] = [&value, &chosen, &word];
            out.put("<option value=\"{}\"{}>{}</option>", &values);
        }
        out.put(
            "</select><input class=\"seek-offset\" name=\"offset\" type=\"number\" min=\"0\" \
             value=\"{}\" placeholder=\"Offset\" aria-label=\"Offset\">\
             <input class=\"seek-time\" name=\"time\" type=\"datetime-local\" step=\"1\" value=\"{}\" \
             aria-label=\"Time, UTC\" title=\"UTC\">\
             <input type=\"search\" name=\"q\" value=\"{}\" placeholder=\"Search key, value, headers\" \
             aria-label=\"Search key, value, headers\" autocomplete=\"off\" spellcheck=\"false\">",
            &[&asked.text("offset"), &asked.text("time"), &asked.text("q")],
        );
        out.raw("<select name=\"limit\" aria-label=\"How many\">");
        for limit in LIMITS {
            let chosen = (wish.limit == limit).then_some(pages::Raw(" selected"));
            let values: [&dyn Part; 3] = [&numbers::len(limit), &chosen, &numbers::len(limit)];
            out.put("<option value=\"{}\"{}>{} messages</option>", &values);
        }
        out.raw("</select>");
        let committed = wish.isolation == Isolation::ReadCommitted;
        out.put(
            "<label class=\"check-label\"><input type=\"checkbox\" name=\"committed\" \
             value=\"true\"{}> committed only</label>\
             <button class=\"button primary\" type=\"submit\">{}Look</button>",
            &[&committed.then_some(pages::Raw(" checked")), &Icon::Search],
        );
        let pairs = [("partition", asked.text("partition")), ("q", asked.text("q"))];
        let tail: Vec<_> = pairs.iter().copied().chain([("tail", "true")]).collect();
        let (href, word, icon) = if tails {
            (pages::query(&path, &pairs), "Stop following", Icon::Pause)
        } else {
            (pages::query(&path, &tail), "Follow live", Icon::Play)
        };
        out.put(
            "<span class=\"push\">{}</span></form>",
            &[&pages::action(&href, icon, word, false)],
        );
    })
}

/// How far was looked.
fn told(seen: &Seen, wish: &Wish) -> Html {
    Html::of(|out| {
        let scanned = numbers::of(seen.scanned, "message");
        let found = numbers::of(numbers::len(seen.found.len()), "message");
        out.raw("<p class=\"told\" role=\"status\">");
        if wish.search.is_empty() {
            out.put("{} shown. ", &[&found]);
        } else {
            out.put("{} found in {} read. ", &[&found, &scanned]);
        }
        if seen.complete {
            out.raw("Everything there was looked at.");
        } else if seen.found.len() >= wish.limit {
            out.raw("There may be more further on.");
        } else {
            out.put(
                "The look ended at its limits ({} messages, 32 MiB, 3 seconds): there may be more \
                 further on.",
                &[&numbers::count(SCANNED_MAX)],
            );
        }
        out.raw("</p>");
        for (partition, unreadable) in seen.unreadable.iter().take(5) {
            let offsets = if unreadable.first == unreadable.last {
                format!("offset {}", unreadable.first)
            } else {
                format!("offsets {} to {}", unreadable.first, unreadable.last)
            };
            let title = format!("Partition {partition}, {offsets} cannot be read");
            let why = Html::with("<p>{}</p>", &[&crate::visit::sentence(&unreadable.reason)]);
            out.push(&pages::banner(Tone::Warn, &title, &why));
        }
        for (partition, error) in seen.failed.iter().take(5) {
            out.push(&super::failed(&format!("Partition {partition} was not read"), error));
        }
    })
}

fn nothing(wish: &Wish, seen: &Seen) -> Html {
    let (title, text) = if wish.search.is_empty() {
        (
            "No messages here",
            "There is nothing at this place of the topic. Choose another start, or produce a message.",
        )
    } else if seen.complete {
        ("Not found", "No message has this text in its key, value or headers.")
    } else {
        (
            "Not found so far",
            "No message that was read has this text. Begin at another offset or time to look further.",
        )
    };
    pages::card("", &Html::new(), &pages::empty_state(Icon::Message, title, text, &Html::new()))
}

/// A message in the list: a line that opens.
fn row(topic: &str, partition: i32, record: &Record) -> Html {
    let (key, _) = shown(record.key.as_deref(), LIST_BYTES_MAX);
    let (value, cut) = shown(record.value.as_deref(), LIST_BYTES_MAX);
    let place = format!("{partition}-{}", record.offset);
    let href = pages::path(&[
        "topics",
        topic,
        "messages",
        &partition.to_string(),
        &record.offset.to_string(),
    ]);
    Html::of(|out| {
        out.put(
            "<details class=\"message\" id=\"m{}\"><summary><span class=\"message-time\">{}</span>\
             <span class=\"message-place\">{} <b>{}</b></span><code class=\"message-key\">{}</code>\
             <code class=\"message-value{}\">{}</code></summary><div class=\"message-body\">",
            &[
                &place,
                &moment(record.timestamp),
                &format!("p{partition}"),
                &record.offset,
                &key.line(60),
                &pages::Raw(if value == Shown::Null { " nil" } else { "" }),
                &value.line(LINE_CHARS_MAX),
            ],
        );
        out.push(&content(&key, &value, record));
        let whole = if cut { "The whole message" } else { "Its own page" };
        out.put("<p class=\"small\"><a href=\"{}\">{}</a></p></div></details>", &[&href, &whole]);
    })
}

/// Key, value and headers.
fn content(key: &Shown, value: &Shown, record: &Record) -> Html {
    Html::of(|out| {
        part(out, "Key", key);
        part(out, "Value", value);
        if !record.headers.is_empty() {
            out.raw("<h4>Headers</h4><dl class=\"facts wide headers\">");
            for header in &record.headers {
                let (value, _) = shown(header.value.as_deref(), LIST_BYTES_MAX);
                let values: [&dyn Part; 2] = [&header.key, &value.line(1_000)];
                out.put("<div><dt><code>{}</code></dt><dd><code>{}</code></dd></div>", &values);
            }
            out.raw("</dl>");
        }
    })
}

fn part(out: &mut Html, title: &'static str, shown: &Shown) {
    out.put("<h4>{} <span class=\"dim small\">{}", &[&title, &shown.kind()]);
    if let Shown::Binary { guess: Some(guess), .. } = shown {
        out.put(", {}", &[guess]);
    }
    out.put("</span></h4><pre class=\"content\">{}</pre>", &[&shown.full()]);
}

/// Links before and after what is shown, in one partition.
fn further(topic: &str, asked: &Fields, wish: &Wish, seen: &Seen) -> Html {
    let Some(partition) = wish.partition else { return Html::new() };
    let offsets = seen.found.iter().map(|(_, record)| record.offset);
    let (Some(first), Some(last)) = (offsets.clone().min(), offsets.max()) else {
        return Html::new();
    };
    let to = |offset: i64| {
        pages::query(
            &topic_tab(topic, "messages"),
            &[
                ("partition", &partition.to_string()),
                ("from", "offset"),
                ("offset", &offset.max(0).to_string()),
                ("q", asked.text("q")),
                ("limit", asked.text("limit")),
                ("committed", asked.text("committed")),
            ],
        )
    };
    let limit = i64::try_from(wish.limit).unwrap_or(0);
    Html::of(|out| {
        out.raw("<nav class=\"pager\" aria-label=\"Messages\">");
        if first > 0 {
            let older = to(first.saturating_sub(limit));
            out.push(&pages::action(&older, Icon::Back, "Older", false));
        }
        let newer = to(last.saturating_add(1));
        out.push(&pages::action(&newer, Icon::Forward, "Newer", false));
        out.raw("</nav>");
    })
}

/// What a tail has seen, and where it goes on.
struct Tail {
    visit: Visit,
    topic: Topic,
    wish: Wish,
    next: Vec<(TopicPartition, i64)>,
    seen: VecDeque<(i32, Record)>,
    count: u64,
}

async fn tail(visit: Visit, name: &str, asked: &Fields) -> Response {
    let made = async {
        if let Some(problem) = refused(&visit) {
            return Err(problem);
        }
        let wish = wish(asked)?;
        let topic = visit.desk.admin.describe_topic(name).await?;
        let latest = visit
            .desk
            .admin
            .topic_offsets(&topic, OffsetSpec::Latest, Isolation::ReadUncommitted)
            .await?;
        let wanted = |partition: i32| wish.partition.is_none_or(|one| one == partition);
        let next = latest.into_iter().filter(|(partition, _)| wanted(*partition));
        let next = next.filter_map(|(partition, found)| {
            Some((TopicPartition::new(name, partition), found.ok()?.offset?))
        });
        let next = next.take(TAIL_PARTITIONS_MAX).collect();
        let seen = VecDeque::new();
        Ok(Tail { visit: visit.clone(), topic, wish, next, seen, count: 0 })
    };
    match made.await {
        Ok(tail) if visit.wants_events => tail.follow(),
        Ok(tail) => {
            let body = Html::of(|out| {
                out.push(&controls(&tail.topic, asked, &tail.wish, true));
                out.push(&tail.region());
            });
            let mut page = framed(&visit, &tail.topic, Tabs::Messages, &body);
            page.live = true;
            visit.answer(Ok(page))
        }
        Err(problem) => visit.answer(Err(problem)),
    }
}

impl Tail {
    fn follow(self) -> Response {
        let Some(following) = Following::start(&self.visit.desk, TAIL_PAUSE) else {
            return too_many();
        };
        let start = (self, following, pages::Sent::default());
        let changes = stream::unfold(start, |(mut tail, mut following, mut sent)| async {
            loop {
                following.next().await?;
                tail.look().await;
                let changes = sent.changes(&tail.region());
                if !changes.is_empty() {
                    return Some((changes, (tail, following, sent)));
                }
            }
        });
        pages::live(changes)
    }

    /// Reads what is new in every partition. A partition that cannot be read now is read later.
    async fn look(&mut self) {
        let options = FetchOptions {
            isolation: self.wish.isolation,
            records_max: TAIL_MAX,
            bytes_max: 1 << 18,
            ..FetchOptions::default()
        };
        for (at, next) in &mut self.next {
            let Ok(fetched) = self.visit.desk.admin.fetch(at, *next, &options).await else {
                continue;
            };
            *next = fetched.next_offset;
            for record in fetched.records {
                if crate::scan::matches(&record, self.wish.search.as_bytes()) {
                    self.count += 1;
                    self.seen.push_front((at.partition, own(record).0));
                }
            }
            self.seen.truncate(TAIL_MAX);
        }
    }

    fn region(&self) -> Html {
        Html::of(|out| {
            out.region("tail", |out| {
                let new = numbers::of(self.count, "message");
                out.put(
                    "<p class=\"told\">{} since this page follows the topic; the latest {} are kept \
                     here.</p>",
                    &[&new, &numbers::len(TAIL_MAX)],
                );
                if self.seen.is_empty() {
                    let text = "Messages appear here as they are written.";
                    let title = "Waiting for messages";
                    let state = pages::empty_state(Icon::Clock, title, text, &Html::new());
                    out.push(&pages::card("", &Html::new(), &state));
                    return;
                }
                out.raw("<div class=\"messages\">");
                for (partition, record) in &self.seen {
                    out.push(&row(&self.topic.name, *partition, record));
                }
                out.raw("</div>");
            });
        })
    }
}

/// `GET /topics/{topic}/messages/{partition}/{offset}`.
pub(crate) async fn one(
    visit: Visit,
    Path((name, partition, offset)): Path<(String, i32, i64)>,
) -> Response {
    let made = one_page(&visit, &name, partition, offset).await;
    visit.answer(made)
}

async fn one_page(visit: &Visit, name: &str, partition: i32, offset: i64) -> Made {
    if let Some(problem) = refused(visit) {
        return Err(problem);
    }
    let at = TopicPartition::new(name, partition);
    let topic = visit.desk.admin.describe_topic(name).await?;
    let options = FetchOptions { records_max: 1, bytes_max: 1 << 20, ..FetchOptions::default() };
    let fetched = visit.desk.admin.fetch(&at, offset, &options).await?;
    if let Some(unreadable) = fetched.unreadable.first() {
        let reason = &unreadable.reason;
        return Err(Problem::away(format!("the message cannot be read: {reason}")));
    }
    let record = fetched.records.into_iter().find(|record| record.offset == offset);
    let record = record.ok_or_else(|| {
        Problem::missing(format!(
            "{at} has no message at offset {offset}: it was deleted or compacted, or is still to come"
        ))
    })?;
    let (key, _) = shown(record.key.as_deref(), PAGE_BYTES_MAX);
    let (value, cut) = shown(record.value.as_deref(), PAGE_BYTES_MAX);
    let body = Html::of(|out| {
        let path = |offset: i64| {
            pages::path(&["topics", name, "messages", &partition.to_string(), &offset.to_string()])
        };
        let aside = Html::of(|out| {
            if offset > 0 {
                out.push(&pages::action(&path(offset - 1), Icon::Back, "Before", false));
            }
            out.push(&pages::action(&path(offset + 1), Icon::Forward, "After", false));
        });
        let mut inner = Html::of(|out| out.push(&facts(&record)));
        inner.push(&Html::with(
            "<div class=\"card-body message-body\">{}</div>",
            &[&content(&key, &value, &record)],
        ));
        if cut {
            inner.push(&Html::with(
                "<p class=\"dim small pad\">The value is longer than 1 MiB: its beginning is shown.</p>",
                &[],
            ));
        }
        out.push(&pages::card(&format!("Partition {partition}, offset {offset}"), &aside, &inner));
    });
    let mut page = framed(visit, &topic, Tabs::Messages, &body);
    page.title = format!("{name} {partition}-{offset}");
    page.crumbs.push((name.to_owned(), topic_tab(name, "messages")));
    Ok(page)
}

fn facts(record: &Record) -> Html {
    let clock = match record.timestamp_type {
        TimestampType::CreateTime => "by the producer's clock",
        TimestampType::LogAppendTime => "by the broker's clock",
    };
    let size = |bytes: &Option<Bytes>| {
        let length = bytes.as_ref().map_or(0, Bytes::len);
        numbers::bytes(numbers::len(length))
    };
    let time = Html::with("{} <span class=\"dim\">{}</span>", &[&moment(record.timestamp), &clock]);
    let sizes = format!("key {}, value {}", size(&record.key), size(&record.value));
    let producer = record.producer_id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    let mut kind = Html::with("{} batch", &[&record.compression]);
    if record.transactional {
        kind.push(&badge(Tone::Info, "of a transaction"));
    }
    if let Some(control) = record.control {
        kind.push(&badge(Tone::Plain, &format!("Kafka's own marker: {control:?}")));
    }
    pages::key_values(&[
        ("Timestamp", time),
        ("Size", Html::with("{}", &[&sizes])),
        ("Producer id", Html::with("{}", &[&producer])),
        ("Batch", kind),
        ("Leader epoch", Html::with("{}", &[&record.leader_epoch])),
    ])
}

/// The form that writes a message.
pub(crate) fn produce_form(topic: &Topic, sent: &Fields) -> Html {
    let choices: Vec<(String, String)> = topic
        .partitions
        .iter()
        .map(|one| (one.index.to_string(), format!("Partition {}", one.index)))
        .collect();
    let mut choices: Vec<(&str, &str)> =
        choices.iter().map(|(value, word)| (value.as_str(), word.as_str())).collect();
    choices.insert(0, ("", "By the key"));
    let fields = Html::of(|out| {
        out.raw("<div class=\"columns\">");
        out.push(&Field { value: sent.text("key"), ..Field::new("key", "Key") });
        out.push(&Field {
            input: Input::Choice(&choices),
            value: sent.text("partition"),
            ..Field::new("partition", "Partition")
        });
        out.raw("</div>");
        out.push(&Field {
            input: Input::Code(8),
            value: sent.verbatim("value"),
            ..Field::new("value", "Value")
        });
        out.push(&Field {
            input: Input::Code(2),
            value: sent.verbatim("headers"),
            help: "One name: value on each line.",
            ..Field::new("headers", "Headers")
        });
        out.push(&Field {
            input: Input::Check,
            help: "No value at all: what deletes a key of a compacted topic.",
            ..Field::new("tombstone", "Tombstone")
        });
    });
    let action = topic_tab(&topic.name, "produce");
    Form { action: &action, confirm: "", submit: "Produce", danger: false }.around(&fields)
}

/// `GET /topics/{topic}/produce`: the form on a page of its own, for browsers without scripts.
pub(crate) async fn produce_page(
    visit: Visit,
    Path(name): Path<String>,
    Asked(asked): Asked,
) -> Response {
    let made = async {
        let topic = visit.desk.admin.describe_topic(&name).await?;
        let form =
            Html::with("<div class=\"card-body\">{}</div>", &[&produce_form(&topic, &asked)]);
        let card = pages::card("Produce a message", &Html::new(), &form);
        let body = Html::with("<div class=\"narrow\">{}</div>", &[&card]);
        Ok(on_its_own(&visit, &topic, Tabs::Messages, &body))
    };
    let made: Made = made.await;
    visit.answer(made)
}

/// `POST /topics/{topic}/produce`.
pub(crate) async fn produce(visit: Visit, Path(name): Path<String>, Sent(sent): Sent) -> Response {
    let done = try_produce(&visit, &name, &sent).await;
    let list = topic_tab(&name, "messages");
    let to = match &done {
        Ok((_, partition)) => pages::query(&list, &[("partition", &partition.to_string())]),
        Err(_) => list.clone(),
    };
    visit.done("topic.produce", &to, &list, done.map(|(text, _)| text))
}

async fn try_produce(visit: &Visit, name: &str, sent: &Fields) -> Result<(String, i32), Problem> {
    let bytes = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
    let mut headers = Vec::new();
    for line in sent.text("headers").lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some((key, value)) = line.split_once(':') else {
            return Err(Problem::bad(format!("a header is written as name: value, not {line:?}")));
        };
        headers.push(Header { key: key.trim().to_owned(), value: bytes(value.trim()) });
    }
    let tombstone = sent.text("tombstone") == "true";
    let key = sent.text("key");
    // Browsers send every line's end as two characters; a message has the one that was typed.
    let value = sent.verbatim("value").replace("\r\n", "\n");
    let record = NewRecord {
        key: if key.is_empty() { None } else { bytes(key) },
        value: if tombstone { None } else { bytes(&value) },
        headers,
        timestamp: visit.now.timestamp_millis(),
    };
    let partition = sent.checked("partition", "the partition")?;
    let produced = visit.desk.admin.produce(name, partition, &record).await?;
    let (partition, offset) = (produced.at.partition, produced.offset);
    Ok((format!("Written to partition {partition} at offset {offset}."), partition))
}
