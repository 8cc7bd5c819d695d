//! The list of DAGs.

use axum::extract::Path;
use axum::response::Response;
use door::Permission;
use metadata::{DagCounts, DagFilter, DagSummary, ImportError, RECENT_RUNS, RecentRun};
use pages::{Align, Column, Html, Icon, Name, Part, Raw, State, Table, Tone, ago, query};
use scheduler::RunState;

use super::{ROWS, Segment, dag_at, import_errors, nil, run_at, segments};
use crate::act::Actor;
use crate::fields::{Asked, Fields, Sent};
use crate::visit::{Made, Page, Visit, see};

/// Import errors that the list names; the rest are on their page.
const ERRORS_SHOWN: usize = 3;

/// `GET /`: the list of DAGs is home.
pub(crate) async fn home(_: Visit) -> Response {
    see("/dags")
}

/// `GET /dags`.
pub(crate) async fn list(visit: Visit, Asked(asked): Asked) -> Response {
    visit.show(move |visit| page(visit, asked.clone())).await
}

async fn page(visit: Visit, asked: Fields) -> Made {
    let metadata = &visit.desk.metadata;
    let show = Show::of(&asked);
    let filter = DagFilter {
        search: asked.some("search"),
        tag: asked.some("tag"),
        paused: show.paused(),
        latest_state: show.latest_state(),
        limit: ROWS,
        offset: asked.number("offset", 0),
        ..DagFilter::default()
    };
    let (dags, total) = metadata.dags(&filter).await?;
    let (counts, tags) = (metadata.dag_counts().await?, metadata.dag_tags().await?);
    let errors = metadata.import_errors().await?;
    let body = Html::of(|out| {
        out.push(&pages::page_head("DAGs", None, &Html::new()));
        out.region_as("div", "errors", "import-errors", |out| banner(out, &errors));
        out.region_as("div", "filters", "filters", |out| {
            filters(out, &asked, show, &counts, &tags)
        });
        out.region("dags", |out| {
            if dags.is_empty() {
                out.push(&nothing(&counts, &errors));
            } else {
                out.push(&table(&visit, &dags));
                let here = |offset: u64| address(&asked, show, Some(offset));
                let offset = u64::from(filter.offset);
                out.push(&pages::pager(total, u64::from(ROWS), offset, &here));
            }
        });
    });
    Ok(Page { title: "DAGs".to_owned(), section: "dags", body, live: true, ..Page::default() })
}

/// Which DAGs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    All,
    Active,
    Paused,
    Running,
    Failed,
}

impl Show {
    const NAMES: [(&str, Self); 5] = [
        ("", Self::All),
        ("active", Self::Active),
        ("paused", Self::Paused),
        ("running", Self::Running),
        ("failed", Self::Failed),
    ];

    fn of(asked: &Fields) -> Self {
        let name = asked.text("show");
        Self::NAMES.iter().find(|(known, _)| *known == name).map_or(Self::All, |(_, show)| *show)
    }

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, show)| *show == self).map_or("", |(name, _)| name)
    }

    fn paused(self) -> Option<bool> {
        match self {
            Self::Active => Some(false),
            Self::Paused => Some(true),
            Self::All | Self::Running | Self::Failed => None,
        }
    }

    fn latest_state(self) -> Option<RunState> {
        match self {
            Self::Running => Some(RunState::Running),
            Self::Failed => Some(RunState::Failed),
            Self::All | Self::Active | Self::Paused => None,
        }
    }
}

/// The list with the same search, and this choice.
fn address(asked: &Fields, show: Show, offset: Option<u64>) -> String {
    let offset = offset.filter(|offset| *offset > 0).map(|offset| offset.to_string());
    query(
        "/dags",
        &[
            ("search", asked.text("search")),
            ("tag", asked.text("tag")),
            ("show", show.name()),
            ("offset", offset.as_deref().unwrap_or("")),
        ],
    )
}

fn filters(out: &mut Html, asked: &Fields, show: Show, counts: &DagCounts, tags: &[String]) {
    let choices = [
        ("All", Show::All, counts.all),
        ("Active", Show::Active, counts.all.saturating_sub(counts.paused)),
        ("Paused", Show::Paused, counts.paused),
        ("Running", Show::Running, counts.running),
        ("Failed", Show::Failed, counts.failed),
    ];
    let choices = choices.map(|(label, choice, count)| Segment {
        href: address(asked, choice, None),
        label,
        count: Some(count),
        current: choice == show,
    });
    out.push(&segments("DAGs shown", &choices));
    out.put(
        "<form class=\"filter-form\" action=\"/dags\" data-auto>\
         <input type=\"hidden\" name=\"show\" value=\"{}\">\
         <input type=\"search\" name=\"search\" value=\"{}\" placeholder=\"Name\" \
         aria-label=\"Part of the name\" data-search autocomplete=\"off\" spellcheck=\"false\">",
        &[&show.name(), &asked.text("search")],
    );
    if !tags.is_empty() {
        out.raw("<select name=\"tag\" aria-label=\"Tag\"><option value=\"\">All tags</option>");
        for tag in tags {
            let chosen = (tag == asked.text("tag")).then_some(Raw(" selected"));
            out.put("<option value=\"{}\"{}>{}</option>", &[tag, &chosen, tag]);
        }
        out.raw("</select>");
    }
    out.raw("<button class=\"button\" type=\"submit\">Filter</button></form>");
}

fn table(visit: &Visit, dags: &[DagSummary]) -> Html {
    const COLUMNS: &[Column<'_>] = &[
        Column { label: "On", align: Align::Left },
        Column::left("DAG"),
        Column::left("Schedule"),
        Column::left("Last runs"),
        Column::left("Latest run"),
        Column::left("Next run"),
        Column::left("Owner"),
        Column::actions("Trigger"),
    ];
    let mut table = Table::new(COLUMNS);
    for dag in dags {
        let next = match dag.next_run {
            Some(next) if !dag.paused => super::next_run(next.run_after, visit.now),
            _ => nil(),
        };
        let cells: [&dyn Part; 8] = [
            &switch(visit, dag),
            &name(dag),
            &Html::with("<code class=\"nowrap\">{}</code>", &[&dag.schedule]),
            &bars(&dag.dag_id, &dag.recent),
            &latest(visit, dag),
            &next,
            &owners(dag),
            &trigger(visit, dag),
        ];
        table.row(&cells);
    }
    Html::with("<div class=\"dag-table\">{}</div>", &[&table.finish()])
}

fn name(dag: &DagSummary) -> Html {
    Html::of(|out| {
        out.put(
            "<div class=\"main-cell\"><span class=\"name-line\"><a href=\"{}\">{}</a>",
            &[&dag_at(&dag.dag_id, ""), &Name(&dag.dag_id)],
        );
        if !dag.tags.is_empty() {
            out.raw("<span class=\"badges\">");
            for tag in &dag.tags {
                let href = query("/dags", &[("tag", tag)]);
                out.put("<a class=\"badge\" href=\"{}\">{}</a>", &[&href, tag]);
            }
            out.raw("</span>");
        }
        out.raw("</span>");
        if let Some(text) = &dag.description {
            out.put("<small>{}</small>", &[text]);
        }
        out.raw("</div>");
    })
}

fn owners(dag: &DagSummary) -> Html {
    if dag.owners.is_empty() { nil() } else { Html::with("{}", &[&dag.owners.join(", ")]) }
}

fn latest(visit: &Visit, dag: &DagSummary) -> Html {
    let Some(run) = dag.recent.first() else { return nil() };
    let at = run.start.unwrap_or(run.run_after);
    Html::with(
        "<a class=\"latest\" href=\"{}\">{}<span class=\"dim\">{}</span></a>",
        &[&run_at(&dag.dag_id, &run.run_id, ""), &State(run.state.name()), &ago(at, visit.now)],
    )
}

/// The button that starts a run: on its own page if there is something to fill in.
fn trigger(visit: &Visit, dag: &DagSummary) -> Html {
    if !visit.may(Permission::Trigger) {
        return Html::new();
    }
    Html::with(
        "<a class=\"button icon-only\" href=\"{}\" aria-label=\"Trigger {}\" title=\"Trigger\">{}</a>",
        &[&dag_at(&dag.dag_id, "trigger"), &dag.dag_id, &Icon::Play],
    )
}

/// The switch that pauses a DAG, or only its state for those who may not.
pub(crate) fn switch(visit: &Visit, dag: &DagSummary) -> Html {
    let on = if dag.paused { "false" } else { "true" };
    let word = if dag.paused { "Paused" } else { "Active" };
    if !visit.may(Permission::Pause) {
        return Html::with(
            "<button class=\"switch\" role=\"switch\" aria-checked=\"{}\" aria-label=\"{} is on\" \
             title=\"{}\" disabled><i></i></button>",
            &[&on, &dag.dag_id, &word],
        );
    }
    Html::with(
        "<form class=\"inline\" method=\"post\" action=\"{}\" data-fetch>\
         <input type=\"hidden\" name=\"paused\" value=\"{}\">\
         <input type=\"hidden\" name=\"next\" value=\"{}\">\
         <button class=\"switch\" type=\"submit\" role=\"switch\" aria-checked=\"{}\" \
         aria-label=\"{} is on\" title=\"{}\"><i></i></button></form>",
        &[&dag_at(&dag.dag_id, "pause"), &on, &visit.place, &on, &dag.dag_id, &word],
    )
}

/// `POST /dags/{dag_id}/pause`.
pub(crate) async fn pause(visit: Visit, Path(dag_id): Path<String>, Sent(sent): Sent) -> Response {
    let paused = sent.flag("paused");
    let to = match door::safe_next(sent.text("next")) {
        "/" => dag_at(&dag_id, ""),
        next => next.to_owned(),
    };
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let done = actor.pause(&dag_id, paused).await;
    let word = if paused { "is paused" } else { "goes on" };
    visit.done(&to, done.map(|()| format!("{dag_id} {word}.")))
}

/// The latest runs as bars, as high as they took long, the newest at the right.
pub(crate) fn bars(dag_id: &str, recent: &[RecentRun]) -> Html {
    if recent.is_empty() {
        return nil();
    }
    let seconds = |run: &RecentRun| match (run.start, run.end) {
        (Some(start), Some(end)) => (end - start).num_milliseconds().max(0),
        _ => 0,
    };
    let longest = recent.iter().map(seconds).max().unwrap_or(0).max(1);
    Html::of(|out| {
        out.raw("<svg class=\"bars\" viewBox=\"0 0 110 26\" width=\"110\" height=\"26\">");
        for at in recent.len()..RECENT_RUNS {
            let x = 110 - 8 * (at + 1);
            out.put(
                "<rect class=\"slot\" x=\"{}\" y=\"23\" width=\"6\" height=\"3\" rx=\"1.5\"/>",
                &[&x],
            );
        }
        for (at, run) in recent.iter().take(RECENT_RUNS).enumerate() {
            let x = 110 - 8 * (at + 1);
            let height = 5 + 21 * seconds(run) / longest;
            let height = if run.end.is_none() { 26 } else { height };
            let title = format!(
                "{} {}: {}",
                run.run_type.name(),
                run.run_after.format("%Y-%m-%d %H:%M:%S"),
                run.state.name()
            );
            out.put(
                "<a href=\"{}\" data-state=\"{}\"><title>{}</title>\
                 <rect x=\"{}\" y=\"{}\" width=\"6\" height=\"{}\" rx=\"1.5\"/></a>",
                &[
                    &run_at(dag_id, &run.run_id, ""),
                    &run.state.name(),
                    &title,
                    &x,
                    &(26 - height),
                    &height,
                ],
            );
        }
        out.raw("</svg>");
    })
}

/// What could not be imported, above the list.
fn banner(out: &mut Html, errors: &[ImportError]) {
    if errors.is_empty() {
        return;
    }
    let title = match errors.len() {
        1 => "One DAG file cannot be imported".to_owned(),
        many => format!("{many} DAG files cannot be imported"),
    };
    let body = Html::of(|out| {
        out.raw("<ul class=\"error-list\">");
        for error in errors.iter().take(ERRORS_SHOWN) {
            let gist = import_errors::gist(&error.error);
            out.put(
                "<li><a href=\"{}\"><code>{}</code></a><span class=\"dim\">{}</span></li>",
                &[&format!("/import-errors#{}", pages::segment(&error.file)), &error.file, &gist],
            );
        }
        if errors.len() > ERRORS_SHOWN {
            out.put(
                "<li><a href=\"/import-errors\">{} more</a></li>",
                &[&(errors.len() - ERRORS_SHOWN)],
            );
        }
        out.raw("</ul>");
    });
    out.push(&pages::banner(Tone::Bad, &title, &body));
}

fn nothing(counts: &DagCounts, errors: &[ImportError]) -> Html {
    let body = if counts.all > 0 {
        let all = pages::action("/dags", Icon::Cross, "Show all DAGs", false);
        pages::empty_state(
            Icon::Search,
            "No DAG is like that",
            "None of the DAGs fits the filter.",
            &all,
        )
    } else if errors.is_empty() {
        let text = "Put a YAML or Python file with a DAG into the dags folder of the project. It \
                    appears here within seconds.";
        pages::empty_state(Icon::Dag, "No DAGs yet", text, &Html::new())
    } else {
        let text = "There are DAG files, but none of them can be imported. What is wrong with each \
                    is said above.";
        pages::empty_state(Icon::Dag, "No DAGs yet", text, &Html::new())
    };
    pages::card("", &Html::new(), &body)
}
