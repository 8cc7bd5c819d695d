//! Variables: their values are hidden until somebody who may change them asks for one.

use axum::extract::Path;
use axum::response::Response;
use door::Permission;
use metadata::Variable;
use pages::{Column, Field, Form, Html, Icon, Input, Part, Table, post_button};
use serde_json::json;

use super::or_nil;
use crate::act::Actor;
use crate::fields::{Asked, Fields, Sent};
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// `GET /variables`.
pub(crate) async fn list(visit: Visit, Asked(asked): Asked) -> Response {
    let made = page(visit.clone(), asked).await;
    visit.answer(made)
}

async fn page(visit: Visit, asked: Fields) -> Made {
    let variables = visit.desk.metadata.variables().await?;
    let edits = visit.may(Permission::EditVariables);
    let shown = asked.some("show").filter(|_| edits);
    let edited = asked.some("edit").filter(|_| edits);
    let edited = variables.iter().find(|variable| Some(&variable.name) == edited.as_ref());
    if let Some(name) = &shown {
        let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
        actor.audit("variable.show", None, None, None, json!({"variable": name})).await?;
    }
    let note =
        Html::with("Values that tasks read by name. They are encrypted where they are kept.", &[]);
    let body = Html::of(|out| {
        out.push(&pages::page_head("Variables", Some(&note), &Html::new()));
        out.raw("<div class=\"stack\">");
        if variables.is_empty() {
            let text = "A task reads a variable by var.value.NAME in its templates, so that what \
                        differs from place to place need not stand in a DAG.";
            let empty = pages::empty_state(Icon::Variable, "No variables", text, &Html::new());
            out.push(&pages::card("", &Html::new(), &empty));
        } else {
            out.push(&table(&variables, shown.as_deref(), edits));
        }
        if edits {
            out.push(&form(edited));
        }
        out.raw("</div>");
    });
    Ok(Page { title: "Variables".to_owned(), section: "variables", body, ..Page::default() })
}

fn table(variables: &[Variable], shown: Option<&str>, edits: bool) -> Html {
    let mut table = Table::new(&[
        Column::left("Key"),
        Column::left("Value"),
        Column::left("Description"),
        Column::actions("Change"),
    ]);
    for variable in variables {
        let name = Html::with("<b>{}</b>", &[&variable.name]);
        let value = if shown == Some(&variable.name) {
            Html::with("<code class=\"wrap\">{}</code>", &[&variable.value])
        } else {
            Html::with(
                "<span class=\"secret\" aria-label=\"hidden\">&#8226;&#8226;&#8226;&#8226;&#8226;&#8226;</span>",
                &[],
            )
        };
        let actions = if edits { actions(&variable.name, shown) } else { Html::new() };
        let cells: [&dyn Part; 4] =
            [&name, &value, &or_nil(variable.description.as_deref()), &actions];
        table.row(&cells);
    }
    table.finish()
}

fn actions(name: &str, shown: Option<&str>) -> Html {
    Html::of(|out| {
        let (word, href) = if shown == Some(name) {
            ("Hide", "/variables".to_owned())
        } else {
            ("Show", pages::query("/variables", &[("show", name)]))
        };
        let edit = pages::query("/variables", &[("edit", name)]);
        out.put(
            "<a class=\"button quiet\" href=\"{}\">{}</a><a class=\"button quiet\" \
             href=\"{}#f-value\">Edit</a>",
            &[&href, &word, &edit],
        );
        let action = pages::path(&["variables", name, "delete"]);
        let confirm = format!("The variable {name} is deleted. Tasks that read it fail.");
        let form = Form { action: &action, confirm: &confirm, submit: "Delete", danger: true };
        out.push(&post_button(&form, Some(Icon::Trash), "icon-only", &[]));
    })
}

fn form(edited: Option<&Variable>) -> Html {
    let fields = Html::of(|out| {
        let name = edited.map_or("", |variable| variable.name.as_str());
        let description = edited.and_then(|variable| variable.description.as_deref());
        let value = edited.map_or("", |variable| variable.value.as_str());
        out.raw("<div class=\"columns\">");
        out.push(&Field { value: name, required: true, ..Field::new("name", "Key") });
        out.push(&Field {
            value: description.unwrap_or_default(),
            ..Field::new("description", "Description")
        });
        out.raw("</div>");
        out.push(&Field { input: Input::Lines(3), value, ..Field::new("value", "Value") });
    });
    let form =
        Form { action: "/variables", confirm: "", submit: "Set the variable", danger: false };
    let form = Html::with("<div class=\"card-body\">{}</div>", &[&form.around(&fields)]);
    let title = if edited.is_some() { "Change a variable" } else { "Add or change a variable" };
    pages::card(title, &Html::new(), &form)
}

/// `POST /variables`.
pub(crate) async fn set(visit: Visit, Sent(sent): Sent) -> Response {
    let value = sent.verbatim("value").replace("\r\n", "\n");
    let name = sent.text("name").to_owned();
    let done = save(&visit, &name, &value, sent.some("description").as_deref()).await;
    visit.done("/variables", done.map(|()| format!("The variable {name} is set.")))
}

/// Keeps a variable.
pub(crate) async fn save(
    visit: &Visit,
    name: &str,
    value: &str,
    description: Option<&str>,
) -> Result<(), Problem> {
    if name.is_empty() || name.chars().count() > 250 {
        return Err(Problem::unprocessable("A variable has a key of 1 to 250 characters."));
    }
    visit.desk.metadata.set_variable(name, value, description).await?;
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    actor.audit("variable.set", None, None, None, json!({"variable": name})).await
}

/// `POST /variables/{name}/delete`.
pub(crate) async fn delete(visit: Visit, Path(name): Path<String>) -> Response {
    let done = remove(&visit, &name).await;
    visit.done("/variables", done.map(|()| format!("The variable {name} is deleted.")))
}

/// Deletes a variable.
pub(crate) async fn remove(visit: &Visit, name: &str) -> Result<(), Problem> {
    if !visit.desk.metadata.delete_variable(name).await? {
        let detail = format!("The Variable with key: `{name}` was not found");
        return Err(Problem::missing(detail));
    }
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    actor.audit("variable.delete", None, None, None, json!({"variable": name})).await
}
