//! Users and their roles.

use accounts::UserSummary;
use axum::extract::Path;
use axum::response::Response;
use door::{Permission, Role};
use pages::{
    Badge, Column, Field, Form, Html, Icon, Input, Part, Raw, Table, Tone, ago, post_button,
};

use crate::fields::Sent;
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// What a role is for, in a few words.
const fn meaning(role: Role) -> &'static str {
    match role {
        Role::Viewer => "sees",
        Role::User => "also triggers, pauses and clears",
        Role::Op => "also changes variables, connections and pools",
        Role::Admin => "may everything",
        Role::OperationsUser => "triggers, clears and watches; sees no secrets",
        Role::DagAuthor => "sees; writes DAGs in their folder",
        Role::DeploymentManager => "owns configuration, packages and users",
    }
}

/// `GET /users`.
pub(crate) async fn list(visit: Visit) -> Response {
    visit.show(page).await
}

async fn page(visit: Visit) -> Made {
    let users = visit.desk.accounts.users().await?;
    let note = Html::with("Who may sign in, and what they may do.", &[]);
    let body = Html::of(|out| {
        out.push(&pages::page_head("Users", Some(&note), &Html::new()));
        out.put("<div class=\"stack\">{}{}{}</div>", &[&table(&visit, &users), &form(), &roles()]);
    });
    Ok(Page { title: "Users".to_owned(), section: "users", body, ..Page::default() })
}

fn table(visit: &Visit, users: &[UserSummary]) -> Html {
    let mut table = Table::new(&[
        Column::left("Name"),
        Column::left("Role"),
        Column::left("Password"),
        Column::left("Added"),
        Column::actions("Change"),
    ]);
    for user in users {
        let own = user.name == visit.principal.name();
        let name = Html::of(|out| {
            out.put("<b>{}</b>", &[&user.name]);
            if own {
                out.put(" {}", &[&Badge(Tone::Info, "you")]);
            }
        });
        let password = match user.has_password {
            true => Html::with("set", &[]),
            false => Html::with("<span class=\"dim\">none: signs in by a link</span>", &[]),
        };
        let remove = pages::path(&["users", &user.name, "remove"]);
        let confirm = format!("{} is removed, with all sessions and API tokens.", user.name);
        let form = Form { action: &remove, confirm: &confirm, submit: "Remove", danger: true };
        let cells: [&dyn Part; 5] = [
            &name,
            &role_form(user),
            &password,
            &ago(user.created_at, visit.now),
            &post_button(&form, Some(Icon::Trash), "icon-only", &[]),
        ];
        table.row(&cells);
    }
    table.finish()
}

fn role_form(user: &UserSummary) -> Html {
    Html::of(|out| {
        out.put(
            "<form class=\"inline role\" method=\"post\" action=\"{}\" data-fetch data-auto>\
             <select class=\"input\" name=\"role\" aria-label=\"Role of {}\">",
            &[&pages::path(&["users", &user.name, "role"]), &user.name],
        );
        if user.role.is_none() {
            out.raw("<option value=\"\" selected>unknown</option>");
        }
        for (name, role) in Role::NAMES {
            let selected = (user.role == Some(role)).then_some(Raw(" selected"));
            out.put("<option{}>{}</option>", &[&selected, &name]);
        }
        out.raw("</select><noscript><button class=\"button\">Set</button></noscript></form>");
    })
}

fn form() -> Html {
    let choices = Role::NAMES.map(|(name, _)| (name, name));
    let fields = Html::of(|out| {
        out.raw("<div class=\"columns\">");
        for field in [
            Field { required: true, ..Field::new("name", "Name") },
            Field { input: Input::Password, required: true, ..Field::new("password", "Password") },
            Field { input: Input::Choice(&choices), value: "Viewer", ..Field::new("role", "Role") },
        ] {
            out.push(&field);
        }
        out.raw("</div>");
    });
    let form = Form { action: "/users", confirm: "", submit: "Add the user", danger: false };
    let form = Html::with("<div class=\"card-body\">{}</div>", &[&form.around(&fields)]);
    pages::card("Add a user", &Html::new(), &form)
}

fn roles() -> Html {
    let pairs = Role::NAMES.map(|(name, role)| (name, Html::with("{}", &[&meaning(role)])));
    pages::card("What roles may", &Html::new(), &pages::key_values(&pairs))
}

fn named(sent: &crate::fields::Fields) -> Result<Role, Problem> {
    let name = sent.text("role");
    Role::named(name).ok_or_else(|| Problem::unprocessable(format!("{name:?} is no role.")))
}

/// `POST /users`.
pub(crate) async fn add(visit: Visit, Sent(sent): Sent) -> Response {
    let name = sent.text("name").to_owned();
    let done = async {
        let role = named(&sent)?;
        let (by, password) = (visit.principal.name(), sent.verbatim("password"));
        visit.desk.accounts.create_user(by, &name, password, role).await?;
        Ok(format!("{name} is added."))
    };
    let done = done.await;
    visit.done("/users", done)
}

/// `POST /users/{name}/role`.
pub(crate) async fn set_role(visit: Visit, Path(name): Path<String>, Sent(sent): Sent) -> Response {
    let done = async {
        let role = named(&sent)?;
        visit.desk.accounts.set_role(visit.principal.name(), &name, role).await?;
        Ok(format!("{name} has the role {}.", role.name()))
    };
    let done = done.await;
    // Who takes the right from themselves does not come back to this page.
    let kept = name != visit.principal.name()
        || named(&sent).is_ok_and(|role| role.may(Permission::Users))
        || done.is_err();
    visit.done(if kept { "/users" } else { "/dags" }, done)
}

/// `POST /users/{name}/remove`.
pub(crate) async fn remove(visit: Visit, Path(name): Path<String>) -> Response {
    let done = visit.desk.accounts.remove_user(visit.principal.name(), &name).await;
    visit.done("/users", done.map(|()| format!("{name} is removed.")).map_err(Problem::from))
}
