//! `/doctor`: what is wrong, in one sentence each, and what to do. `GET /api/doctor`: the whole report.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use pages::{Html, Icon, Tone};

use super::{badge, coded};
use crate::problem::Problem;
use crate::settings::{Finding, Severity};
use crate::visit::{Made, Page, Visit};

/// Findings that are shown.
const FINDINGS_MAX: usize = 200;

pub(crate) async fn show(visit: Visit) -> Response {
    let made = page(&visit).await;
    visit.answer(made)
}

pub(crate) async fn json(visit: Visit) -> Response {
    let Some(doctor) = &visit.desk.neighbours.findings else {
        return Problem::missing("this console runs without the doctor: ask `millstream doctor`")
            .into_response();
    };
    match doctor.json().await {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(why) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why).into_response(),
    }
}

async fn page(visit: &Visit) -> Made {
    let actions = pages::action("/doctor", Icon::Retry, "Ask again", false);
    let started = visit.desk.elapsed();
    let body = match &visit.desk.neighbours.findings {
        None => {
            let text = "This console runs without the doctor. Ask it on the command line: millstream \
                        doctor.";
            pages::card(
                "",
                &Html::new(),
                &pages::empty_state(Icon::Doctor, "The doctor is not here", text, &Html::new()),
            )
        }
        Some(doctor) => findings(&doctor.findings().await),
    };
    let took = visit.desk.elapsed().saturating_sub(started).as_millis();
    let took = crate::numbers::span(u64::try_from(took).unwrap_or(u64::MAX));
    let body = Html::of(|out| {
        let note = Html::with(
            "<span>Why a table is empty or late: every hop was asked, in {}.</span>",
            &[&took],
        );
        out.push(&pages::page_head("Doctor", Some(&note), &actions));
        out.push(&body);
    });
    Ok(Page { title: "Doctor".to_owned(), section: "doctor", body, ..Page::default() })
}

fn findings(findings: &[Finding]) -> Html {
    if findings.iter().all(|finding| finding.severity == Severity::Good) {
        let text = "Every source, topic, stream and table that was asked is as it should be.";
        let body = pages::empty_state(Icon::Check, "All is well", text, &Html::new());
        return pages::card("", &Html::new(), &body);
    }
    // In the doctor's order: a cause stands before what it explains, whatever is worse.
    Html::of(|out| {
        out.raw("<ol class=\"findings\">");
        for finding in findings.iter().take(FINDINGS_MAX) {
            let (tone, word) = match finding.severity {
                Severity::Problem => (Tone::Bad, "problem"),
                Severity::Warning => (Tone::Warn, "warning"),
                Severity::Note => (Tone::Info, "note"),
                Severity::Good => (Tone::Good, "well"),
            };
            out.put(
                "<li class=\"finding {}\"><div class=\"finding-head\">{}<b>{}</b></div><p>{}</p>",
                &[
                    &pages::Raw(tone.name()),
                    &badge(tone, word),
                    &finding.hop,
                    &coded(&finding.sentence),
                ],
            );
            if !finding.next.is_empty() {
                out.put(
                    "<p class=\"next\">{}{}</p>",
                    &[&Icon::Forward, &Html::with("<span>{}</span>", &[&coded(&finding.next)])],
                );
            }
            for follows in &finding.so {
                out.put("<p class=\"next\">So: {}</p>", &[follows]);
            }
            out.raw("</li>");
        }
        out.raw("</ol>");
    })
}
