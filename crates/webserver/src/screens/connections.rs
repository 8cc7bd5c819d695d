//! Connections: their passwords never leave the server again.

use axum::extract::Path;
use axum::response::Response;
use door::Permission;
use metadata::Connection;
use pages::{Column, Field, Form, Html, Icon, Input, Part, Table, Tone, post_button};
use serde_json::{Value, json};

use super::or_nil;
use crate::act::Actor;
use crate::fields::{Asked, Fields, Sent};
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// Types that a field offers; any other can be written.
const KINDS: &[&str] = &["http", "postgres", "kafka", "cassandra", "generic"];

/// `GET /connections`.
pub(crate) async fn list(visit: Visit, Asked(asked): Asked) -> Response {
    visit.show(move |visit| page(visit, asked.clone())).await
}

async fn page(visit: Visit, asked: Fields) -> Made {
    let connections = visit.desk.metadata.connections().await?;
    let edits = visit.may(Permission::EditConnections);
    let edited = asked.some("edit").filter(|_| edits);
    let edited = connections.iter().find(|connection| Some(&connection.id) == edited.as_ref());
    let note =
        Html::with("Where tasks find other systems. Passwords are encrypted and never shown.", &[]);
    let body = Html::of(|out| {
        out.push(&pages::page_head("Connections", Some(&note), &Html::new()));
        out.raw("<div class=\"stack\">");
        if connections.is_empty() {
            let text = "A task names a connection by its id, so that neither an address nor a \
                        password stands in a DAG.";
            let empty = pages::empty_state(Icon::Connection, "No connections", text, &Html::new());
            out.push(&pages::card("", &Html::new(), &empty));
        } else {
            out.push(&table(&connections, edits));
        }
        if edits {
            out.push(&form(edited));
        }
        out.raw("</div>");
    });
    Ok(Page { title: "Connections".to_owned(), section: "connections", body, ..Page::default() })
}

fn table(connections: &[Connection], edits: bool) -> Html {
    let mut table = Table::new(&[
        Column::left("Connection"),
        Column::left("Type"),
        Column::left("Host"),
        Column::left("Schema"),
        Column::left("Login"),
        Column::left("Password"),
        Column::actions("Change"),
    ]);
    for connection in connections {
        let id = Html::of(|out| {
            out.put("<div class=\"main-cell\"><b>{}</b>", &[&connection.id]);
            if let Some(text) = &connection.description {
                out.put("<small>{}</small>", &[text]);
            }
            out.raw("</div>");
        });
        let host = match (&connection.host, connection.port) {
            (Some(host), Some(port)) => Some(format!("{host}:{port}")),
            (Some(host), None) => Some(host.clone()),
            (None, Some(port)) => Some(format!(":{port}")),
            (None, None) => None,
        };
        let password = match &connection.password {
            Some(_) => Html::with("{}", &[&pages::Badge(Tone::Plain, "set")]),
            None => super::nil(),
        };
        let actions = if edits { actions(&connection.id) } else { Html::new() };
        let cells: [&dyn Part; 7] = [
            &id,
            &connection.kind,
            &or_nil(host.as_deref()),
            &or_nil(connection.schema.as_deref()),
            &or_nil(connection.login.as_deref()),
            &password,
            &actions,
        ];
        table.row(&cells);
    }
    table.finish()
}

fn actions(id: &str) -> Html {
    Html::of(|out| {
        let edit = pages::query("/connections", &[("edit", id)]);
        out.put("<a class=\"button quiet\" href=\"{}#f-kind\">Edit</a>", &[&edit]);
        let action = pages::path(&["connections", id, "delete"]);
        let confirm = format!("The connection {id} is deleted. Tasks that name it fail.");
        let form = Form { action: &action, confirm: &confirm, submit: "Delete", danger: true };
        out.push(&post_button(&form, Some(Icon::Trash), "icon-only", &[]));
    })
}

fn form(edited: Option<&Connection>) -> Html {
    let text = |of: fn(&Connection) -> Option<&str>| edited.and_then(of).unwrap_or_default();
    let port = edited.and_then(|known| known.port).map(|port| port.to_string());
    let kind = edited.map_or("http", |known| known.kind.as_str());
    let mut kinds: Vec<(&str, &str)> = KINDS.iter().map(|kind| (*kind, *kind)).collect();
    if !KINDS.contains(&kind) {
        kinds.push((kind, kind));
    }
    let has = edited.is_some_and(|known| known.password.is_some());
    let password_help =
        if has { "A password is set. Empty: it stays." } else { "It is never shown again." };
    let has_extra = edited.is_some_and(|known| known.extra.is_some());
    let extra_help = if has_extra {
        "A JSON object is set; it may hold secrets and is not shown. Empty: it stays."
    } else {
        "A JSON object with what the type needs besides."
    };
    let fields = Html::of(|out| {
        out.raw("<div class=\"columns\">");
        for field in [
            Field {
                value: text(|known| Some(&known.id)),
                required: true,
                ..Field::new("id", "Connection id")
            },
            Field { input: Input::Choice(&kinds), value: kind, ..Field::new("kind", "Type") },
            Field { value: text(|known| known.host.as_deref()), ..Field::new("host", "Host") },
            Field {
                input: Input::Number,
                value: port.as_deref().unwrap_or(""),
                ..Field::new("port", "Port")
            },
            Field {
                value: text(|known| known.schema.as_deref()),
                ..Field::new("schema", "Schema")
            },
            Field { value: text(|known| known.login.as_deref()), ..Field::new("login", "Login") },
            Field {
                input: Input::Password,
                help: password_help,
                ..Field::new("password", "Password")
            },
            Field {
                value: text(|known| known.description.as_deref()),
                ..Field::new("description", "Description")
            },
        ] {
            out.push(&field);
        }
        out.raw("</div>");
        out.push(&Field {
            input: Input::Code(3),
            help: extra_help,
            ..Field::new("extra", "Extra")
        });
    });
    let form =
        Form { action: "/connections", confirm: "", submit: "Set the connection", danger: false };
    let form = Html::with("<div class=\"card-body\">{}</div>", &[&form.around(&fields)]);
    let title = if edited.is_some() { "Change a connection" } else { "Add or change a connection" };
    pages::card(title, &Html::new(), &form)
}

/// `POST /connections`.
pub(crate) async fn set(visit: Visit, Sent(sent): Sent) -> Response {
    let id = sent.text("id").to_owned();
    let done = async {
        let port = match sent.text("port") {
            "" => None,
            text => Some(text.parse().map_err(|_| {
                Problem::unprocessable("The port is not a whole number up to 65535.")
            })?),
        };
        let known = visit.desk.metadata.connection(&id).await?;
        // What is never shown stays when its field is left empty.
        let password = Some(sent.verbatim("password").to_owned()).filter(|text| !text.is_empty());
        let connection = Connection {
            id: id.clone(),
            kind: sent.text("kind").to_owned(),
            description: sent.some("description"),
            host: sent.some("host"),
            port,
            schema: sent.some("schema"),
            login: sent.some("login"),
            password: password.or_else(|| known.as_ref().and_then(|known| known.password.clone())),
            extra: sent.some("extra").or_else(|| known.and_then(|known| known.extra)),
        };
        save(&visit, &connection).await
    };
    let done = done.await;
    visit.done("/connections", done.map(|()| format!("The connection {id} is set.")))
}

/// Keeps a connection.
pub(crate) async fn save(visit: &Visit, connection: &Connection) -> Result<(), Problem> {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || "_-.#:()@[]{}|~`,/?!'\"<>;^&*%$ ".contains(c);
    let id = &connection.id;
    if id.is_empty() || id.chars().count() > 200 || !id.chars().all(plain) {
        return Err(Problem::unprocessable("A connection has an id of 1 to 200 plain characters."));
    }
    if connection.kind.is_empty() {
        return Err(Problem::unprocessable("A connection has a type."));
    }
    if let Some(extra) = &connection.extra {
        let object = serde_json::from_str::<Value>(extra).is_ok_and(|value| value.is_object());
        if !object {
            return Err(Problem::unprocessable("The extra is not a JSON object."));
        }
    }
    visit.desk.metadata.set_connection(connection).await?;
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    actor.audit("connection.set", None, None, None, json!({"connection": id})).await
}

/// `POST /connections/{id}/delete`.
pub(crate) async fn delete(visit: Visit, Path(id): Path<String>) -> Response {
    let done = remove(&visit, &id).await;
    visit.done("/connections", done.map(|()| format!("The connection {id} is deleted.")))
}

/// Deletes a connection.
pub(crate) async fn remove(visit: &Visit, id: &str) -> Result<(), Problem> {
    if !visit.desk.metadata.delete_connection(id).await? {
        return Err(Problem::missing(format!(
            "The Connection with connection_id: `{id}` was not found"
        )));
    }
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    actor.audit("connection.delete", None, None, None, json!({"connection": id})).await
}
