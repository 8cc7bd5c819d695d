//! The configuration in effect, and the lists of what DAG files may use.

use axum::extract::Path;
use axum::response::Response;
use door::Permission;
use metadata::{AllowedEntry, AllowedKind, Setting};
use pages::{Column, Field, Form, Html, Icon, Table, post_button};

use crate::act::Actor;
use crate::fields::Sent;
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// A list, as the page shows it.
struct List {
    kind: AllowedKind,
    /// Its name in addresses.
    name: &'static str,
    title: &'static str,
    /// The setting that says whether it counts.
    setting: &'static str,
    any: &'static str,
    listed: &'static str,
}

const LISTS: [List; 2] = [
    List {
        kind: AllowedKind::Package,
        name: "packages",
        title: "Packages of DAG files",
        setting: "orchestrator.packages",
        any: "DAG files may import any package that is installed. With the setting \
              orchestrator.packages = \"listed\" only those of this list.",
        listed: "DAG files may import the standard library, what Apache Airflow itself needs, and \
                 these packages with what they require.",
    },
    List {
        kind: AllowedKind::Operator,
        name: "operators",
        title: "Operators of DAG files",
        setting: "orchestrator.operators",
        any: "DAG files may use any operator. With the setting orchestrator.operators = \"listed\" \
              only those of this list.",
        listed: "DAG files may use these operators, and empty. A class stands here by its path or \
                 its name.",
    },
];

/// `GET /configuration`.
pub(crate) async fn show(visit: Visit) -> Response {
    visit.show(page).await
}

async fn page(visit: Visit) -> Made {
    let settings = visit.desk.metadata.configuration().await?;
    let allowed = visit.desk.metadata.allowed().await?;
    let edits = visit.may(Permission::EditPackages);
    let note = Html::with("What is in effect, and where each value comes from.", &[]);
    let body = Html::of(|out| {
        out.push(&pages::page_head("Configuration", Some(&note), &Html::new()));
        out.raw("<div class=\"stack\">");
        for list in &LISTS {
            let entries: Vec<_> = allowed.iter().filter(|entry| entry.kind == list.kind).collect();
            out.push(&listed(list, &entries, &settings, edits));
        }
        out.region("settings", |out| out.push(&settings_table(&settings)));
        out.raw("</div>");
    });
    let title = "Configuration".to_owned();
    Ok(Page { title, section: "configuration", body, ..Page::default() })
}

fn settings_table(settings: &[Setting]) -> Html {
    if settings.is_empty() {
        let text = "The configuration appears here once the orchestrator has started.";
        let empty = pages::empty_state(Icon::Settings, "Not known yet", text, &Html::new());
        return pages::card("", &Html::new(), &empty);
    }
    let mut table = Table::new(&[Column::left("Key"), Column::left("Value"), Column::left("From")]);
    for setting in settings {
        let name = Html::with("<code>{}</code>", &[&setting.name]);
        let value = Html::with("<code class=\"wrap\">{}</code>", &[&setting.value]);
        table.row(&[&name, &value, &setting.origin]);
    }
    table.finish()
}

fn listed(list: &List, entries: &[&AllowedEntry], settings: &[Setting], edits: bool) -> Html {
    let counts =
        settings.iter().any(|setting| setting.name == list.setting && setting.value == "listed");
    let text = if counts { list.listed } else { list.any };
    let body = Html::of(|out| {
        out.put("<div class=\"card-body\"><p>{}</p></div>", &[&text]);
        if !entries.is_empty() {
            out.push(&entries_table(list, entries, edits));
        }
        if edits {
            out.put("<div class=\"card-body\">{}</div>", &[&add_form(list)]);
        }
    });
    pages::card(list.title, &Html::new(), &body)
}

fn entries_table(list: &List, entries: &[&AllowedEntry], edits: bool) -> Html {
    let versions = list.kind == AllowedKind::Package;
    let mut columns =
        vec![Column::left("Name"), Column::left("Added by"), Column::actions("Remove")];
    if versions {
        columns.insert(1, Column::left("Version"));
    }
    let mut table = Table::new(&columns);
    for entry in entries {
        let name = Html::with("<b>{}</b>", &[&entry.name]);
        let version = entry.version.as_deref().unwrap_or("any");
        let remove = if edits {
            let action = pages::path(&["configuration", list.name, &entry.name, "remove"]);
            let confirm =
                format!("{} is taken off the list. DAG files that use it do not run.", entry.name);
            let form = Form { action: &action, confirm: &confirm, submit: "Remove", danger: true };
            post_button(&form, Some(Icon::Trash), "icon-only", &[])
        } else {
            Html::new()
        };
        if versions {
            table.row(&[&name, &version, &entry.added_by, &remove]);
        } else {
            table.row(&[&name, &entry.added_by, &remove]);
        }
    }
    table.finish()
}

fn add_form(list: &List) -> Html {
    let fields = Html::of(|out| {
        out.raw("<div class=\"columns\">");
        out.push(&Field { required: true, ..Field::new(list.kind.name(), "Name") });
        if list.kind == AllowedKind::Package {
            out.push(&Field::new("version", "Version, if only one"));
        }
        out.raw("</div>");
    });
    let action = pages::path(&["configuration", list.name]);
    Form { action: &action, confirm: "", submit: "Add to the list", danger: false }.around(&fields)
}

fn kind_of(name: &str) -> Result<AllowedKind, Problem> {
    let list = LISTS.iter().find(|list| list.name == name);
    list.map(|list| list.kind).ok_or_else(|| Problem::missing(format!("There is no list {name}.")))
}

/// `POST /configuration/{list}`.
pub(crate) async fn add(visit: Visit, Path(list): Path<String>, Sent(sent): Sent) -> Response {
    let done = async {
        let kind = kind_of(&list)?;
        let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
        let added = actor.allow(kind, sent.text(kind.name()), Some(sent.text("version"))).await?;
        Ok(format!("DAG files may use the {} {}.", kind.name(), added.name))
    };
    let done = done.await;
    visit.done("/configuration", done)
}

/// `POST /configuration/{list}/{name}/remove`.
pub(crate) async fn remove(visit: Visit, Path((list, name)): Path<(String, String)>) -> Response {
    let done = async {
        let kind = kind_of(&list)?;
        let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
        actor.disallow(kind, &name).await?;
        Ok(format!("DAG files may no longer use the {} {name}.", kind.name()))
    };
    let done = done.await;
    visit.done("/configuration", done)
}
