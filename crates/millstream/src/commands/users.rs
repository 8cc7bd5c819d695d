//! `millstream users`: who may sign in to the pages, with what role, and their API tokens.
//!
//! It writes the metadata database that the settings name, beside a running project or without one.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use accounts::Accounts;
use door::Role;
use runtime::World;
use spelling::hint;

use super::{Outcome, small_runtime, webserver_address};
use crate::cli::Users;
use crate::failure::Failure;
use crate::node::running::login_link;
use crate::node::{key, orchestration};
use crate::project::Project;
use crate::screen;
use crate::screen::table::{Side, Table};

/// Who did it, in the audit log.
const BY: &str = "command line";

/// Does what was asked for.
pub(crate) fn run(
    action: &Users,
    project: Option<&Path>,
    data: Option<&Path>,
    set: &[String],
) -> Outcome {
    let project = Project::find(project)?;
    let config = project.config(set)?;
    let data = project.data(data);
    let webserver = webserver_address(&config, &data)?;
    let clock = World::real(config.durability()?).clock;
    let done = small_runtime()?.block_on(async {
        let key = key::load(&data)?;
        let metadata = orchestration::database(&config, &data, &key).await?;
        let accounts = Accounts::open(metadata.clone(), clock);
        let done = act(action, &accounts, webserver).await;
        metadata.close().await;
        done
    });
    Ok(done?)
}

async fn act(action: &Users, accounts: &Accounts, webserver: SocketAddr) -> Result<(), Failure> {
    let failed = |error: accounts::Error| Failure::new(error.to_string());
    match action {
        Users::List => {
            let mut table =
                Table::new(&["USER", "ROLE", "PASSWORD"].map(|name| (name, Side::Left)));
            for user in accounts.users().await.map_err(failed)? {
                let role = user.role.map_or("unknown", Role::name).to_owned();
                let password = if user.has_password { "yes" } else { "no, by link only" };
                table.row(vec![user.name, role, password.to_owned()]);
            }
            for line in table.lines() {
                screen::say(&line);
            }
        }
        Users::Create { name, role } => {
            let role = role_named(role)?;
            let password = password(name)?;
            accounts.create_user(BY, name, &password, role).await.map_err(failed)?;
            screen::note(&format!("user {name} may sign in as {}", role.name()));
        }
        Users::Remove { name } => {
            accounts.remove_user(BY, name).await.map_err(failed)?;
            screen::note(&format!("user {name} is gone, with all sessions and tokens"));
        }
        Users::Role { name, role } => {
            let role = role_named(role)?;
            accounts.set_role(BY, name, role).await.map_err(failed)?;
            screen::note(&format!("user {name} is {} from the next request on", role.name()));
        }
        Users::Password { name } => {
            let password = password(name)?;
            accounts.set_password(BY, name, &password).await.map_err(failed)?;
            screen::note(&format!("user {name} has a new password"));
        }
        Users::Token { user, name } => {
            screen::say(&accounts.create_token(user, name).await.map_err(failed)?);
        }
        Users::Link => {
            if webserver.port() == 0 {
                return Err(Failure::new("the webserver takes a free port, and does not run now")
                    .next("start it: millstream up"));
            }
            let token = accounts.login_link().await.map_err(failed)?;
            screen::say(&login_link(webserver, &token));
        }
    }
    Ok(())
}

fn role_named(name: &str) -> Result<Role, Failure> {
    Role::named(name).ok_or_else(|| {
        let names: Vec<_> = Role::NAMES.iter().map(|(name, _)| *name).collect();
        let next = hint(name, names.iter().copied())
            .unwrap_or_else(|| format!("roles are {}", names.join(", ")));
        Failure::new(format!("there is no role {name}")).next(next)
    })
}

/// The first line of standard input; on a terminal, asked for and not shown.
fn password(name: &str) -> Result<String, Failure> {
    let unread = |error: std::io::Error| Failure::new(format!("cannot read the password: {error}"));
    let terminal = std::io::stdin().is_terminal();
    if terminal {
        screen::progress(&format!("Password of {name}: "));
        std::io::stderr().flush().map_err(unread)?;
        echo(false);
    }
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    if terminal {
        echo(true);
        screen::note("");
    }
    read.map_err(unread)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        return Err(Failure::new("no password was given")
            .next("type it, or pipe it in as the first line of standard input"));
    }
    Ok(password)
}

/// Whether the terminal shows what is typed. Where it cannot be told, it goes on as it was.
fn echo(shown: bool) {
    let word = if shown { "echo" } else { "-echo" };
    let _as_it_was = Command::new("stty").arg(word).stdin(Stdio::inherit()).status();
}
