//! The form that starts a run by hand: params as the DAG names them, or JSON.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use dag::Dag;
use metadata::DagSummary;
use pages::{Field, Form, Html, Input, Part, Tone};
use serde_json::{Map, Value};

use super::{dag_at, run_at};
use crate::act::{Actor, Trigger};
use crate::fields::{Fields, Sent};
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// Names of the form's fields for params begin with this.
const PARAM: &str = "param.";

/// `GET /dags/{dag_id}/trigger`.
pub(crate) async fn form(visit: Visit, Path(dag_id): Path<String>) -> Response {
    visit.show(move |visit| form_page(visit, dag_id.clone())).await
}

async fn form_page(visit: Visit, dag_id: String) -> Made {
    let dag = visit.desk.dag(&dag_id).await?;
    let model = visit.desk.model(&dag_id, dag.version).await?;
    Ok(page(&dag, &model, None, None))
}

/// The page; with what was sent and what is wrong with it, if that was so.
fn page(dag: &DagSummary, model: &Dag, sent: Option<&Fields>, wrong: Option<&Problem>) -> Page {
    let params: Vec<(String, &Value)> =
        model.params.iter().map(|(name, value)| (format!("{PARAM}{name}"), value)).collect();
    let fields = Html::of(|out| {
        if let Some(wrong) = wrong {
            out.push(&pages::banner(Tone::Bad, &wrong.detail, &Html::new()));
        }
        if dag.paused {
            let text = "The run is made at once. It starts when the DAG is switched on.";
            let text = Html::with("<p>{}</p>", &[&text]);
            out.push(&pages::banner(Tone::Warn, "The DAG is paused", &text));
        }
        for (name, default) in &params {
            out.push(&param(name, default, sent));
        }
        out.raw("<details class=\"more\"");
        if sent.is_some() || model.params.is_empty() {
            out.raw(" open");
        }
        out.raw("><summary>More</summary><div class=\"form\">");
        let value = |name: &str| sent.map_or("", |sent| sent.verbatim(name));
        for field in [
            Field {
                input: Input::Code(4),
                value: value("conf"),
                help: "A JSON object. What it holds goes before the fields above.",
                ..Field::new("conf", "Configuration")
            },
            Field {
                input: Input::Moment,
                value: value("logical_date"),
                help: "In UTC. Empty: now.",
                ..Field::new("logical_date", "Logical date")
            },
            Field {
                value: value("run_id"),
                help: "Empty: made from the date.",
                ..Field::new("run_id", "Run id")
            },
            Field { input: Input::Lines(2), value: value("note"), ..Field::new("note", "Note") },
        ] {
            out.push(&field);
        }
        out.raw("</div></details>");
    });
    let action = dag_at(&dag.dag_id, "trigger");
    let form = Form { action: &action, confirm: "", submit: "Trigger", danger: false };
    let form = Html::with("<div class=\"card-body\">{}</div>", &[&form.around(&fields)]);
    let note = Html::with("{}", &[&dag.description.as_deref().unwrap_or("Start a run by hand.")]);
    let title = format!("Trigger {}", dag.dag_id);
    let body = Html::of(|out| {
        out.push(&pages::page_head(&title, Some(&note), &Html::new()));
        out.put("<div class=\"narrow\">{}</div>", &[&pages::card("", &Html::new(), &form)]);
    });
    let crumbs = vec![
        ("DAGs".to_owned(), "/dags".to_owned()),
        (dag.dag_id.clone(), dag_at(&dag.dag_id, "")),
    ];
    let status = wrong.map_or(StatusCode::OK, |wrong| wrong.status);
    Page { title: "Trigger".to_owned(), section: "dags", crumbs, body, status, ..Page::default() }
}

/// A field of the type that the default has.
fn param(name: &str, default: &Value, sent: Option<&Fields>) -> Html {
    let label = name.strip_prefix(PARAM).unwrap_or(name);
    let laid_out = serde_json::to_string_pretty(default).unwrap_or_default();
    let (input, value) = match default {
        Value::Bool(flag) => (Input::Check, flag.to_string()),
        Value::Number(number) => (Input::Text, number.to_string()),
        Value::String(text) if text.contains('\n') => (Input::Lines(4), text.clone()),
        Value::String(text) => (Input::Text, text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => (Input::Code(4), laid_out),
    };
    let value = match (sent, input) {
        (None, _) => value,
        (Some(sent), Input::Check) => sent.flag(name).to_string(),
        (Some(sent), _) => sent.verbatim(name).to_owned(),
    };
    let help = match default {
        Value::Number(_) => "A number.",
        Value::Null | Value::Array(_) | Value::Object(_) => "JSON.",
        _ => "",
    };
    // A text may be empty; nothing here is called optional.
    let field: &dyn Part =
        &Field { input, value: &value, help, required: false, ..Field::new(name, label) };
    Html::with("<div class=\"param\">{}</div>", &[field])
}

/// `POST /dags/{dag_id}/trigger`.
pub(crate) async fn trigger(
    visit: Visit,
    Path(dag_id): Path<String>,
    Sent(sent): Sent,
) -> Response {
    let known = async {
        let dag = visit.desk.dag(&dag_id).await?;
        let model = visit.desk.model(&dag_id, dag.version).await?;
        Ok((dag, model))
    };
    let (dag, model) = match known.await {
        Ok(known) => known,
        Err(problem) => return visit.answer(Err(problem)),
    };
    let made = async {
        let asked = read(&model, &sent, visit.now)?;
        let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
        actor.trigger(&dag_id, asked).await
    };
    match made.await {
        Ok(run) => visit.done(&run_at(&dag_id, &run.run_id, ""), Ok("The run is made.".to_owned())),
        Err(problem) => visit.answer(Ok(page(&dag, &model, Some(&sent), Some(&problem)))),
    }
}

/// What a form asks for.
fn read(model: &Dag, sent: &Fields, now: DateTime<Utc>) -> Result<Trigger, Problem> {
    let mut conf = Map::new();
    for (name, default) in &model.params {
        let field = format!("{PARAM}{name}");
        // A form that does not have the field asks for the default.
        let given =
            matches!(default, Value::Bool(_)) || sent.pairs().any(|(known, _)| known == field);
        let value = if given { value(name, default, sent, &field)? } else { default.clone() };
        conf.insert(name.clone(), value);
    }
    if let Some(text) = sent.some("conf") {
        match serde_json::from_str(&text) {
            Ok(Value::Object(more)) => conf.extend(more),
            Ok(_) => return Err(Problem::unprocessable("The configuration is not a JSON object.")),
            Err(error) => {
                let text = format!("The configuration is not JSON: {error}.");
                return Err(Problem::unprocessable(text));
            }
        }
    }
    let logical_date = match sent.some("logical_date") {
        None => now,
        Some(text) => moment(&text).ok_or_else(|| {
            Problem::unprocessable(format!("{text:?} is no date: write 2026-01-31T12:00:00."))
        })?,
    };
    Ok(Trigger {
        run_id: sent.some("run_id"),
        logical_date: Some(logical_date),
        conf,
        note: super::run::note_of(sent),
        ..Trigger::default()
    })
}

fn value(name: &str, default: &Value, sent: &Fields, field: &str) -> Result<Value, Problem> {
    let wrong = |what: &str| Problem::unprocessable(format!("{name} is not {what}."));
    match default {
        Value::Bool(_) => Ok(Value::Bool(sent.flag(field))),
        Value::String(_) => Ok(Value::String(sent.verbatim(field).replace("\r\n", "\n"))),
        Value::Number(_) => {
            let number: Result<serde_json::Number, _> = serde_json::from_str(sent.text(field));
            number.map(Value::Number).map_err(|_| wrong("a number"))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => match sent.text(field) {
            "" => Ok(Value::Null),
            text => serde_json::from_str(text).map_err(|error| wrong(&format!("JSON: {error}"))),
        },
    }
}

/// A moment as a browser's field has it, or with a zone.
pub(crate) fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| {
            // A day is its first moment.
            NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)
        })
        .map(|at| at.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_browsers_and_programs_write_it() {
        for text in [
            "2026-01-31T12:00",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00Z",
            "2026-01-31T13:00:00+01:00",
        ] {
            assert_eq!(moment(text).unwrap().timestamp(), 1_769_860_800, "{text}");
        }
        assert_eq!(moment("soon"), None);
    }

    #[test]
    fn what_a_field_holds_has_the_type_of_its_default() {
        let sent = Fields::read("n=3&bad=x&t=&flag=true&list=%5B1%5D");
        let read = |default: Value, field: &str| value("p", &default, &sent, field);
        assert_eq!(read(1.into(), "n").unwrap(), Value::from(3));
        assert!(read(1.into(), "bad").unwrap_err().detail.contains("p is not a number"));
        assert_eq!(read("x".into(), "t").unwrap(), Value::from(""));
        assert_eq!(read(false.into(), "flag").unwrap(), Value::from(true));
        assert_eq!(read(Value::Null, "list").unwrap(), serde_json::json!([1]));
    }
}
