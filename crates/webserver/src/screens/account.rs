//! One's own account: the password and the API tokens.

use axum::extract::Path;
use axum::response::Response;
use pages::{Column, Field, Form, Html, Icon, Input, Part, Table, Tone, ago, post_button};

use crate::fields::Sent;
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// `GET /account`.
pub(crate) async fn show(visit: Visit) -> Response {
    visit.show(|visit| page(visit, None)).await
}

/// The page; a new token is shown on it once.
async fn page(visit: Visit, token: Option<(String, String)>) -> Made {
    let name = visit.principal.name();
    let tokens = visit.desk.accounts.tokens(Some(name)).await?;
    let users = visit.desk.accounts.users().await?;
    let has = users.iter().any(|user| user.name == name && user.has_password);
    let role = visit.principal.role().map_or("", door::Role::name);
    let body = Html::of(|out| {
        let note = Html::with(
            "{}Your password, and the tokens by which programs act for you.",
            &[&pages::Badge(Tone::Info, role)],
        );
        out.push(&pages::page_head(name, Some(&note), &Html::new()));
        out.raw("<div class=\"stack narrow\">");
        if let Some((name, token)) = &token {
            let shown = Html::with(
                "<p>It is shown only now: copy it.</p><p class=\"token\"><code id=\"new-token\">{}\
                 </code><button class=\"button\" type=\"button\" data-copy=\"new-token\">Copy</button>\
                 </p>",
                &[token],
            );
            let title = format!("The token {name} is made");
            out.push(&pages::banner(Tone::Good, &title, &shown));
        }
        out.push(&tokens_card(&visit, &tokens));
        out.push(&password_card(has));
        out.raw("</div>");
    });
    Ok(Page { title: "Account".to_owned(), section: "account", body, ..Page::default() })
}

fn tokens_card(visit: &Visit, tokens: &[accounts::TokenSummary]) -> Html {
    let body = Html::of(|out| {
        let mut table =
            Table::new(&[Column::left("Name"), Column::left("Made"), Column::actions("Revoke")]);
        for token in tokens {
            let action = pages::path(&["account", "tokens", &token.name, "revoke"]);
            let confirm =
                format!("Programs with the token {} are refused from now on.", token.name);
            let form = Form { action: &action, confirm: &confirm, submit: "Revoke", danger: true };
            let cells: [&dyn Part; 3] = [
                &Html::with("<b>{}</b>", &[&token.name]),
                &ago(token.created_at, visit.now),
                &post_button(&form, Some(Icon::Trash), "icon-only", &[]),
            ];
            table.row(&cells);
        }
        if !table.is_empty() {
            out.push(&table.finish());
        }
        let fields = Html::with(
            "{}",
            &[&Field {
                help: "Send it as Authorization: Bearer TOKEN. It may what you may.",
                required: true,
                ..Field::new("name", "Name of a new token")
            }],
        );
        let form = Form {
            action: "/account/tokens",
            confirm: "",
            submit: "Make the token",
            danger: false,
        };
        out.put("<div class=\"card-body\">{}</div>", &[&form.around(&fields)]);
    });
    pages::card("API tokens", &Html::new(), &body)
}

fn password_card(has: bool) -> Html {
    let fields = Html::of(|out| {
        out.raw("<div class=\"columns\">");
        if has {
            out.push(&Field {
                input: Input::Password,
                required: true,
                ..Field::new("old", "Present password")
            });
        }
        out.push(&Field {
            input: Input::Password,
            required: true,
            ..Field::new("new", "New password")
        });
        out.raw("</div>");
    });
    let submit = if has { "Change the password" } else { "Set a password" };
    let form = Form { action: "/account/password", confirm: "", submit, danger: false };
    let form = Html::with("<div class=\"card-body\">{}</div>", &[&form.around(&fields)]);
    pages::card("Password", &Html::new(), &form)
}

/// `POST /account/tokens`: answers with the page itself, since a token must not go through a cookie.
pub(crate) async fn add_token(visit: Visit, Sent(sent): Sent) -> Response {
    let name = sent.text("name").to_owned();
    match visit.desk.accounts.create_token(visit.principal.name(), &name).await {
        Ok(token) => {
            let made = page(visit.clone(), Some((name, token))).await;
            visit.answer(made)
        }
        Err(error) => visit.done("/account", Err(Problem::from(error))),
    }
}

/// `POST /account/tokens/{name}/revoke`.
pub(crate) async fn revoke_token(visit: Visit, Path(name): Path<String>) -> Response {
    let own = visit.principal.name();
    let done = visit.desk.accounts.revoke_token(own, own, &name).await;
    let done = done.map(|()| format!("The token {name} is revoked.")).map_err(Problem::from);
    visit.done("/account", done)
}

/// `POST /account/password`.
pub(crate) async fn change_password(visit: Visit, Sent(sent): Sent) -> Response {
    let (name, old, new) = (visit.principal.name(), sent.verbatim("old"), sent.verbatim("new"));
    let done = visit.desk.accounts.change_password(name, old, new).await;
    let done = done.map(|()| "The password is changed.".to_owned()).map_err(Problem::from);
    visit.done("/account", done)
}
