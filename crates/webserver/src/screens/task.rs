//! The page of a task instance: its log, its rendered arguments, its XComs, and why it is as it is.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use door::Permission;
use futures::stream;
use metadata::{LogLine, Run, TaskInstance, TaskKey, Try};
use pages::{
    Change, Column, Form, Html, Icon, Part, Raw, Sent as SentRegions, State, Tab, Table, ago,
    duration, key_values, post_button, time,
};
use scheduler::TaskState;

use super::run::{note_form, note_of, tries};
use super::{Segment, dag_at, nil, or_nil, run_at, run_name, segments, task_at};
use crate::act::{Actor, Spread};
use crate::fields::{Asked, Sent};
use crate::problem::Problem;
use crate::visit::{Following, Made, Page, Visit, stream_of, too_many};

const TABS: &[(&str, &str, Permission)] = &[
    ("", "Logs", Permission::Logs),
    ("rendered", "Rendered", Permission::Logs),
    ("xcom", "XCom", Permission::Logs),
    ("details", "Details", Permission::Dags),
];
/// Lines of a log that a page or one event of its stream carries.
const LINES: usize = 2_000;

type Ids = (String, String, String);

/// What all tabs of a task instance need.
struct Known {
    run: Run,
    task: TaskInstance,
    tries: Vec<Try>,
    /// Why it is in its state.
    why: Option<String>,
}

async fn known(visit: &Visit, ids: &Ids) -> Result<Known, Problem> {
    let (dag_id, run_id, task_id) = ids;
    let metadata = &visit.desk.metadata;
    let run = metadata.run(dag_id, run_id).await?;
    let run = run.ok_or_else(|| Problem::no_run(dag_id, run_id))?;
    let key = key(ids);
    let task = metadata.task(&key).await?;
    let task = task.ok_or_else(|| Problem::no_task(dag_id, run_id, task_id))?;
    let tries = metadata.tries(&key).await?;
    let why = match &task.reason {
        Some(reason) => Some(reason.clone()),
        None => waiting(visit, &run, &task).await?,
    };
    Ok(Known { run, task, tries, why })
}

fn key((dag_id, run_id, task_id): &Ids) -> TaskKey {
    TaskKey { dag_id: dag_id.clone(), run_id: run_id.clone(), task_id: task_id.clone() }
}

/// What a task without a state waits for.
async fn waiting(visit: &Visit, run: &Run, task: &TaskInstance) -> Result<Option<String>, Problem> {
    let said = match task.state {
        TaskState::Scheduled => "It may start, and waits for a free slot.",
        TaskState::Queued => "It was given to the executor, and waits for its process.",
        TaskState::None => "",
        _ => return Ok(None),
    };
    if !said.is_empty() {
        return Ok(Some(said.to_owned()));
    }
    let Ok(model) = visit.desk.model(&run.dag_id, run.version).await else { return Ok(None) };
    let Some(of) = model.task(&task.key.task_id) else { return Ok(None) };
    let tasks = visit.desk.metadata.tasks(&run.dag_id, &run.run_id).await?;
    let states: BTreeMap<&str, TaskState> =
        tasks.iter().map(|task| (task.key.task_id.as_str(), task.state)).collect();
    let open: Vec<String> = of
        .upstream
        .iter()
        .filter_map(|id| {
            let state = states.get(id.as_str()).copied().unwrap_or_default();
            let word = if state == TaskState::None { "no status" } else { state.name() };
            (!state.ended()).then(|| format!("{id} ({word})"))
        })
        .collect();
    Ok(match open.as_slice() {
        [] => None,
        open => Some(format!(
            "It waits for {} by its trigger rule {}.",
            open.join(", "),
            of.trigger_rule.name()
        )),
    })
}

/// The try that is asked for, or the latest.
fn chosen(known: &Known, asked: &str) -> u32 {
    asked.parse().unwrap_or(known.task.try_number)
}

/// `GET /dags/{dag_id}/runs/{run_id}/tasks/{task_id}`: the log.
pub(crate) async fn log(visit: Visit, Path(ids): Path<Ids>, Asked(asked): Asked) -> Response {
    let made = log_page(&visit, &ids, asked.text("try")).await;
    visit.answer(made)
}

async fn log_page(visit: &Visit, ids: &Ids, asked: &str) -> Made {
    let known = known(visit, ids).await?;
    let number = chosen(&known, asked);
    let lines = last_lines(visit, &known, number).await?;
    let after = lines.last().map_or(0, |(seq, _)| *seq);
    let here = |tab| task_at(&ids.0, &ids.1, &ids.2, tab);
    let body = Html::of(|out| {
        let tools = Html::of(|out| {
            let choices: Vec<(String, String)> = known
                .tries
                .iter()
                .map(|each| {
                    let number = each.try_number.to_string();
                    (format!("Try {number}"), pages::query(&here(""), &[("try", &number)]))
                })
                .collect();
            let choices: Vec<Segment<'_>> = choices
                .iter()
                .zip(&known.tries)
                .map(|((label, href), each)| Segment {
                    href: href.clone(),
                    label,
                    count: None,
                    current: each.try_number == number,
                })
                .collect();
            out.raw("<div class=\"log-tools\">");
            if choices.len() > 1 {
                out.push(&segments("Tries", &choices));
            }
            let number = number.to_string();
            let whole = pages::query(&here("log.txt"), &[("try", &number)]);
            out.put(
                "<a class=\"button quiet\" href=\"{}\" download>{}Download</a></div>",
                &[&whole, &Icon::File],
            );
        });
        let log = Html::of(|out| {
            out.raw("<x-log><div class=\"log\" id=\"log\" role=\"log\" tabindex=\"0\">");
            for (_, line) in &lines {
                out.push(&Line(line));
            }
            out.raw("</div></x-log>");
            if lines.is_empty() {
                out.put("<div class=\"log-empty\">{}</div>", &[&no_lines(&known)]);
            }
        });
        out.push(&pages::card("Log", &tools, &log));
    });
    let number = number.to_string();
    let after = after.to_string();
    let stream = pages::query(&here("events"), &[("try", &number), ("after", &after)]);
    let mut page = tab(visit, &known, "", &body);
    page.stream = Some(stream);
    Ok(page)
}

fn no_lines(known: &Known) -> Html {
    let text = if known.task.try_number == 0 {
        "The task has not started in this run. Its log appears here line by line when it does."
    } else if known.task.state.active() {
        "The task has not written anything yet."
    } else {
        "This try wrote nothing, or its log was deleted by its age."
    };
    pages::empty_state(Icon::List, "No log lines", text, &Html::new())
}

/// The end of a log.
async fn last_lines(
    visit: &Visit,
    known: &Known,
    number: u32,
) -> Result<Vec<(i64, LogLine)>, Problem> {
    let count = known.tries.iter().find(|each| each.try_number == number);
    let count = count.map_or(0, |each| each.log_lines);
    let from = (count - i64::try_from(LINES).unwrap_or(i64::MAX)).max(0);
    Ok(visit.desk.metadata.log(&known.task.key, number, from, LINES).await?)
}

/// A line of a log.
struct Line<'a>(&'a LogLine);

impl Part for Line<'_> {
    fn add_to(&self, out: &mut Html) {
        let Self(line) = self;
        let level = match line.level.as_str() {
            "error" | "critical" => "error",
            "warning" => "warning",
            "debug" => "debug",
            _ => "",
        };
        let class =
            if level.is_empty() && line.stream == metadata::Stream::Task { "task" } else { level };
        out.put(
            "<p class=\"{}\"><time>{}</time><span>{}</span></p>",
            &[&Raw(class), &line.at.format("%H:%M:%S%.3f").to_string(), &line.text],
        );
    }
}

/// `GET .../log.txt`: a whole log as text.
pub(crate) async fn log_text(
    visit: Visit,
    Path(ids): Path<Ids>,
    Asked(asked): Asked,
) -> Result<Response, Problem> {
    use axum::response::IntoResponse as _;
    let number = asked.number("try", 1);
    let metadata = visit.desk.metadata.clone();
    let key = key(&ids);
    // In pieces, so that a long log is never whole in memory.
    let pieces = stream::unfold(Some(0_i64), move |after| {
        let (metadata, key) = (metadata.clone(), key.clone());
        async move {
            let lines = metadata.log(&key, number, after?, LINES).await.ok()?;
            let last = lines.last().map(|(seq, _)| *seq)?;
            let text: String = lines
                .iter()
                .map(|(_, line)| {
                    format!("[{}] {}: {}\n", line.at.to_rfc3339(), line.level, line.text)
                })
                .collect();
            Some((Ok::<_, std::convert::Infallible>(text), Some(last)))
        }
    });
    let kind = [(axum::http::header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, axum::body::Body::from_stream(pieces)).into_response())
}

/// `GET .../events`: the head of the page when it changes, and the lines of the log as they come.
pub(crate) async fn events(
    visit: Visit,
    Path(ids): Path<Ids>,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Response {
    let Some(following) = Following::start(&visit.desk) else { return too_many() };
    let number = asked.number("try", 0);
    // A browser that asks again has more than the page had.
    let after = pages::resumed(&headers).unwrap_or_else(|| asked.text("after"));
    let after: i64 = after.parse().unwrap_or(0);
    let start = (visit, following, SentRegions::default(), after);
    stream_of(stream::unfold(start, move |(mut visit, mut following, mut sent, mut after)| {
        let ids = ids.clone();
        async move {
            loop {
                following.next().await?;
                visit.now = visit.desk.now();
                let known = known(&visit, &ids).await.ok()?;
                let head = Html::of(|out| {
                    out.region("task-head", |out| out.push(&head(&visit, &known)));
                });
                let mut changes = sent.changes(&head);
                let lines = visit.desk.metadata.log(&known.task.key, number, after, LINES).await;
                let lines = lines.ok()?;
                if let Some((last, _)) = lines.last() {
                    after = *last;
                    let html = Html::of(|out| {
                        for (_, line) in &lines {
                            out.push(&Line(line));
                        }
                    });
                    let html = html.into_string();
                    changes.push(Change::Append { id: "log".to_owned(), html });
                    changes.push(Change::At(after.to_string()));
                }
                if !changes.is_empty() {
                    return Some((changes, (visit, following, sent, after)));
                }
            }
        }
    }))
}

/// `GET .../rendered`.
pub(crate) async fn rendered(visit: Visit, Path(ids): Path<Ids>) -> Response {
    visit.show(move |visit| rendered_page(visit, ids.clone())).await
}

async fn rendered_page(visit: Visit, ids: Ids) -> Made {
    let known = known(&visit, &ids).await?;
    let body = Html::of(|out| {
        out.region_as("div", "stack", "rendered", |out| match &known.task.rendered {
            Some(serde_json::Value::Object(fields)) if !fields.is_empty() => {
                for (name, value) in fields {
                    let value = match value {
                        serde_json::Value::String(text) => {
                            Html::with("<pre class=\"json\">{}</pre>", &[text])
                        }
                        other => super::json(other),
                    };
                    out.push(&pages::card(name, &Html::new(), &value));
                }
            }
            Some(value) if !value.is_null() && !value.is_object() => {
                out.push(&pages::card("", &Html::new(), &super::json(value)));
            }
            _ => {
                let text = "The arguments of a task are shown as its latest try saw them, with all \
                            templates filled in.";
                let empty = pages::empty_state(Icon::Code, "Nothing rendered", text, &Html::new());
                out.push(&pages::card("", &Html::new(), &empty));
            }
        });
    });
    Ok(tab(&visit, &known, "rendered", &body))
}

/// `GET .../xcom`.
pub(crate) async fn xcom(visit: Visit, Path(ids): Path<Ids>) -> Response {
    visit.show(move |visit| xcom_page(visit, ids.clone())).await
}

async fn xcom_page(visit: Visit, ids: Ids) -> Made {
    const COLUMNS: &[Column<'_>] = &[Column::left("Key"), Column::left("Value")];
    let known = known(&visit, &ids).await?;
    let xcoms = visit.desk.metadata.xcoms(&known.task.key).await?;
    let body = Html::of(|out| {
        out.region("xcoms", |out| {
            if xcoms.is_empty() {
                let text = "What the task returns, or pushes for other tasks, appears here.";
                let empty = pages::empty_state(Icon::XCom, "No XComs", text, &Html::new());
                out.push(&pages::card("", &Html::new(), &empty));
                return;
            }
            let mut table = Table::new(COLUMNS);
            for (name, value) in &xcoms {
                let name = Html::with("<b>{}</b>", &[name]);
                table.row(&[&name, &super::json(value)]);
            }
            out.push(&table.finish());
        });
    });
    Ok(tab(&visit, &known, "xcom", &body))
}

/// `GET .../details`.
pub(crate) async fn details(visit: Visit, Path(ids): Path<Ids>) -> Response {
    visit.show(move |visit| details_page(visit, ids.clone())).await
}

async fn details_page(visit: Visit, ids: Ids) -> Made {
    let known = known(&visit, &ids).await?;
    let task = &known.task;
    let moment = |at: Option<chrono::DateTime<chrono::Utc>>| at.map_or_else(nil, time);
    let facts = key_values(&[
        ("Task", Html::with("<code>{}</code>", &[&task.key.task_id])),
        ("Operator", or_nil(Some(&task.operator))),
        ("Tries", Html::with("{}", &[&tries(task)])),
        ("Pool", Html::with("{}", &[&task.pool])),
        ("Slots", Html::with("{}", &[&task.pool_slots])),
        ("Priority", Html::with("{}", &[&task.priority])),
        ("Queued", moment(task.queued_at)),
        ("Started", moment(task.start)),
        ("Ended", moment(task.end)),
        ("Looked at again", moment(task.retry_at)),
        ("Executor", or_nil(task.owner.as_deref())),
    ]);
    let body = Html::of(|out| {
        out.raw("<div class=\"split\"><div class=\"stack\">");
        out.region("tries", |out| out.push(&try_table(&visit, &known)));
        out.region("task-note", |out| {
            let at = task_at(&ids.0, &ids.1, &ids.2, "note");
            let note = note_form(&visit, &at, task.note.as_deref());
            out.push(&pages::card("Note", &Html::new(), &note));
        });
        out.raw("</div>");
        out.region("task-facts", |out| out.push(&pages::card("", &Html::new(), &facts)));
        out.raw("</div>");
    });
    Ok(tab(&visit, &known, "details", &body))
}

fn try_table(visit: &Visit, known: &Known) -> Html {
    const COLUMNS: &[Column<'_>] = &[
        Column::left("Try"),
        Column::left("State"),
        Column::left("Started"),
        Column::right("Duration"),
        Column::left("Why"),
    ];
    let mut table = Table::new(COLUMNS);
    let key = &known.task.key;
    for each in known.tries.iter().rev() {
        let number = each.try_number.to_string();
        let href =
            pages::query(&task_at(&key.dag_id, &key.run_id, &key.task_id, ""), &[("try", &number)]);
        let cells: [&dyn Part; 5] = [
            &super::link(&href, &number),
            &State(each.state.name()),
            &ago(each.start, visit.now),
            &duration(Some(each.start), each.end, visit.now),
            &or_nil(each.reason.as_deref()),
        ];
        table.row(&cells);
    }
    if table.is_empty() {
        let text = "The task has not started in this run.";
        let empty = pages::empty_state(Icon::Retry, "No tries yet", text, &Html::new());
        return pages::card("", &Html::new(), &empty);
    }
    pages::card("Tries", &Html::new(), &table.finish())
}

fn tab(visit: &Visit, known: &Known, tab: &str, body: &Html) -> Page {
    let TaskKey { dag_id, run_id, task_id } = &known.task.key;
    let tabs: Vec<Tab<'_>> = TABS
        .iter()
        .filter(|(_, _, permission)| visit.may(*permission))
        .map(|(key, label, _)| Tab {
            href: task_at(dag_id, run_id, task_id, key),
            label,
            count: None,
            current: *key == tab,
        })
        .collect();
    let body = Html::of(|out| {
        out.region("task-head", |out| out.push(&head(visit, known)));
        out.push(&pages::tabs("Views of the task", &tabs));
        out.push(body);
    });
    let crumbs = vec![
        ("DAGs".to_owned(), "/dags".to_owned()),
        (dag_id.clone(), dag_at(dag_id, "")),
        (run_name(&known.run), run_at(dag_id, run_id, "")),
    ];
    Page { title: task_id.clone(), section: "dags", crumbs, body, live: true, ..Page::default() }
}

fn head(visit: &Visit, known: &Known) -> Html {
    let task = &known.task;
    let note = Html::of(|out| {
        out.push(&State(task.state.name()));
        out.put("<span>{}{}</span>", &[&Icon::Code, &task.operator]);
        out.put("<span>try {}</span>", &[&tries(task)]);
        if let Some(start) = task.start {
            out.put("<span>started {}</span>", &[&ago(start, visit.now)]);
            let took = duration(task.start, task.end, visit.now);
            out.put("<span>{}{}</span>", &[&Icon::Clock, &took]);
        }
        if let Some(note) = &task.note {
            out.put("<span class=\"note\">{}{}</span>", &[&Icon::Note, note]);
        }
    });
    let actions = if visit.may(Permission::Clear) { actions(task) } else { Html::new() };
    Html::of(|out| {
        out.push(&pages::page_head(&task.key.task_id, Some(&note), &actions));
        if let Some(why) = &known.why {
            let again = match task.retry_at {
                Some(at) if !task.state.ended() => Html::with(" Again {}.", &[&ago(at, visit.now)]),
                _ => Html::new(),
            };
            out.put(
                "<div class=\"why\" data-state=\"{}\"><span>{}{}</span></div>",
                &[&task.state.name(), why, &again],
            );
        }
    })
}

fn actions(task: &TaskInstance) -> Html {
    let TaskKey { dag_id, run_id, task_id } = &task.key;
    let (clear, mark) =
        (task_at(dag_id, run_id, task_id, "clear"), task_at(dag_id, run_id, task_id, "mark"));
    Html::of(|out| {
        out.put(
            "<button class=\"button primary\" type=\"button\" popovertarget=\"clear\">{}Clear</button>\
             <div class=\"dialog\" id=\"clear\" popover><form method=\"post\" action=\"{}\" \
             data-fetch><h2>Clear {}</h2><p class=\"dim\">What is cleared runs again. Earlier tries \
             and their logs stay.</p>",
            &[&Icon::Retry, &clear, task_id],
        );
        for (name, word, on) in [
            ("downstream", "Also the tasks after it", true),
            ("upstream", "Also the tasks before it", false),
        ] {
            out.push(&pages::Field {
                input: pages::Input::Check,
                value: if on { "true" } else { "" },
                ..pages::Field::new(name, word)
            });
        }
        out.raw(
            "<div class=\"form-end\"><button class=\"button\" type=\"button\" \
             popovertarget=\"clear\" popovertargetaction=\"hide\">Cancel</button>\
             <button class=\"button primary\" type=\"submit\">Clear</button></div></form></div>",
        );
        for (state, word, icon, danger) in [
            (TaskState::Success, "Mark success", Icon::Check, false),
            (TaskState::Failed, "Mark failed", Icon::Cross, true),
        ] {
            if task.state == state {
                continue;
            }
            let confirm = if task.state.active() {
                format!("{task_id} runs. It is stopped and marked {}.", state.name())
            } else {
                String::new()
            };
            let form = Form { action: &mark, confirm: &confirm, submit: word, danger };
            out.push(&post_button(&form, Some(icon), "", &[("state", state.name())]));
        }
    })
}

/// `POST .../clear`.
pub(crate) async fn clear(visit: Visit, Path(ids): Path<Ids>, Sent(sent): Sent) -> Response {
    let spread = Spread { upstream: sent.flag("upstream"), downstream: sent.flag("downstream") };
    let done = async {
        let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
        let run = actor.run(&ids.0, &ids.1).await?;
        let chosen = actor.spread(&run, std::slice::from_ref(&ids.2), spread).await?;
        let cleared = actor.clear(&run, &chosen).await?;
        Ok(match cleared.len() {
            0 => "There is nothing to clear.".to_owned(),
            1 => format!("{} is cleared.", cleared.first().map_or("", String::as_str)),
            many => format!("{many} tasks are cleared."),
        })
    };
    let done = done.await;
    visit.done(&task_at(&ids.0, &ids.1, &ids.2, ""), done)
}

/// `POST .../mark`.
pub(crate) async fn mark(visit: Visit, Path(ids): Path<Ids>, Sent(sent): Sent) -> Response {
    let done = async {
        let state = TaskState::named(sent.text("state"));
        let state = state.ok_or_else(|| Problem::bad("this is no state of a task"))?;
        let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
        let run = actor.run(&ids.0, &ids.1).await?;
        let chosen = actor.spread(&run, std::slice::from_ref(&ids.2), Spread::default()).await?;
        actor.mark(&run, &chosen, state).await?;
        Ok(format!("{} is marked {}.", ids.2, state.name()))
    };
    let done = done.await;
    visit.done(&task_at(&ids.0, &ids.1, &ids.2, ""), done)
}

/// `POST .../note`.
pub(crate) async fn note(visit: Visit, Path(ids): Path<Ids>, Sent(sent): Sent) -> Response {
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let done = actor.note_task(&key(&ids), note_of(&sent)).await;
    let to = task_at(&ids.0, &ids.1, &ids.2, "details");
    visit.done(&to, done.map(|()| "The note is kept.".to_owned()))
}
