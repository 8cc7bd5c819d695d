//! The file of a DAG as the database keeps it, with its versions.

use axum::extract::Path;
use axum::response::Response;
use pages::{Html, Part, Raw, ago};

use super::{dag, dag_at};
use crate::fields::{Asked, Fields};
use crate::problem::Problem;
use crate::source;
use crate::visit::{Made, Visit};

/// `GET /dags/{dag_id}/code`.
pub(crate) async fn code(
    visit: Visit,
    Path(dag_id): Path<String>,
    Asked(asked): Asked,
) -> Response {
    visit.show(move |visit| page(visit, dag_id.clone(), asked.clone())).await
}

async fn page(visit: Visit, dag_id: String, asked: Fields) -> Made {
    let dag = visit.desk.dag(&dag_id).await?;
    let wanted: Option<i64> = asked.some("version").and_then(|version| version.parse().ok());
    let found = visit.desk.metadata.dag_source(&dag_id, wanted).await?;
    let (version, text) = found.ok_or_else(|| {
        let version = wanted.unwrap_or(dag.version);
        Problem::missing(format!("DAG {dag_id} has no version {version}"))
    })?;
    let versions = visit.desk.metadata.dag_versions(&dag_id).await?;
    let aside = Html::of(|out| {
        out.put(
            "<form class=\"filters flat\" action=\"{}\" data-auto>",
            &[&dag_at(&dag_id, "code")],
        );
        out.raw("<select name=\"version\" aria-label=\"Version\">");
        for known in &versions {
            let selected = (known.version == version).then_some(Raw(" selected"));
            let newest = if known.version == dag.version { " (newest)" } else { "" };
            let label = format!(
                "Version {}{newest}, {}",
                known.version,
                known.created_at.format("%Y-%m-%d %H:%M")
            );
            let values: [&dyn Part; 3] = [&known.version, &selected, &label];
            out.put("<option value=\"{}\"{}>{}</option>", &values);
        }
        out.raw(
            "</select><noscript><button class=\"button\" type=\"submit\">Show</button></noscript>",
        );
        out.raw("</form>");
    });
    let body = Html::of(|out| {
        out.region("code", |out| {
            if version != dag.version {
                let text = Html::with(
                    "<p>The newest is <a href=\"{}\">version {}</a>, parsed {}.</p>",
                    &[&dag_at(&dag_id, "code"), &dag.version, &ago(dag.last_parsed, visit.now)],
                );
                let title = format!("This is version {version}");
                let banner = pages::banner(pages::Tone::Info, &title, &text);
                out.put("<div class=\"above\">{}</div>", &[&banner]);
            }
            let source = source::lines(&text, source::Language::of(&dag.file), 1, None);
            out.push(&pages::card(&dag.file, &aside, &source));
        });
    });
    Ok(self::dag::tab(&visit, &dag, "code", &body))
}
