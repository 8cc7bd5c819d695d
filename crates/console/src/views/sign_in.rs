//! In and out: by a password, or by a link that works once. The session is the orchestrator's as well.

use accounts::{Accounts, SignedIn};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use door::{safe_next, session_cookie, session_token};
use pages::{Field, Form, Html, Input, Product, Shell, Tone};

use crate::fields::{Asked, Sent};
use crate::problem::Problem;
use crate::visit::{Visit, see, sentence};

fn accounts(visit: &Visit) -> Result<&Accounts, Problem> {
    visit.desk.neighbours.accounts.as_ref().ok_or_else(|| {
        Problem::missing("this console runs without accounts: there is nothing to sign in to")
    })
}

/// `GET /login`.
pub(crate) async fn form(visit: Visit, Asked(asked): Asked) -> Response {
    let next = safe_next(asked.text("next"));
    if visit.principal.role().is_some() {
        return see(next);
    }
    match accounts(&visit) {
        Ok(_) => page(next, "", None),
        Err(problem) => visit.answer(Err(problem)),
    }
}

fn page(next: &str, name: &str, wrong: Option<&Problem>) -> Response {
    let body = Html::of(|out| {
        out.put(
            "<div class=\"gate\"><div class=\"gate-brand\"><img src=\"{}\" alt=\"\" width=\"34\" \
             height=\"34\">Millstream</div><h1>Sign in</h1>",
            &[&pages::assets::mark()],
        );
        if let Some(wrong) = wrong {
            out.push(&pages::banner(Tone::Bad, &sentence(&wrong.detail), &Html::new()));
        }
        let fields = Html::of(|out| {
            out.put("<input type=\"hidden\" name=\"next\" value=\"{}\">", &[&next]);
            out.push(&Field { value: name, required: true, ..Field::new("name", "Name") });
            out.push(&Field {
                input: Input::Password,
                required: true,
                ..Field::new("password", "Password")
            });
        });
        let form = Form { action: "/login", confirm: "", submit: "Sign in", danger: false };
        out.push(&form.plain(&fields));
        out.raw(
            "</div><p class=\"gate-note\">No password? When it starts, Millstream prints a link that \
             signs in.</p>",
        );
    });
    let shell = Shell { title: "Sign in", bare: true, ..Shell::new(Product::Console) };
    let status = wrong.map_or(StatusCode::OK, |wrong| wrong.status);
    pages::respond(status, shell.render(&body))
}

/// `POST /login`.
pub(crate) async fn sign_in(visit: Visit, Sent(sent): Sent) -> Response {
    let (name, next) = (sent.text("name"), safe_next(sent.text("next")));
    let done = async {
        let accounts = accounts(&visit)?;
        Ok(accounts.sign_in(name, sent.verbatim("password")).await?)
    };
    match done.await {
        Ok(signed_in) => enter(&signed_in, next),
        Err(problem) => page(next, name, Some(&problem)),
    }
}

/// `GET /login/link`: a link that was printed at the start, or by a command.
pub(crate) async fn link(visit: Visit, Asked(asked): Asked) -> Response {
    let next = safe_next(asked.text("next"));
    let done = async { Ok(accounts(&visit)?.redeem(asked.text("token")).await?) };
    match done.await {
        Ok(Some(signed_in)) => enter(&signed_in, next),
        Ok(None) if visit.principal.role().is_some() => see(next),
        Ok(None) => {
            let detail = "this link was used already, or is too old: ask Millstream for a new one";
            page(next, "", Some(&Problem::new(StatusCode::UNAUTHORIZED, detail)))
        }
        Err(problem) => page(next, "", Some(&problem)),
    }
}

fn enter(signed_in: &SignedIn, next: &str) -> Response {
    let mut response = see(next);
    if let Some(cookie) = session_cookie(&signed_in.token, accounts::SESSION_LIFETIME, false) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// `POST /logout`.
pub(crate) async fn sign_out(visit: Visit, headers: HeaderMap) -> Response {
    if let (Ok(accounts), Some(token)) = (accounts(&visit), session_token(&headers))
        && let Err(error) = accounts.sign_out(token).await
    {
        // The cookie goes in any case; the session ends by itself.
        tracing::warn!("cannot end a session: {error}");
    }
    let mut response = see("/login");
    response.headers_mut().append(header::SET_COOKIE, door::clear_session_cookie());
    response
}
