//! The project's secret key, and what the parts show each other with it.
//!
//! The key lies in the data directory, readable by its owner only. A part that asks another one for
//! something that not everybody may have shows a token made from it. Processes of one project that run
//! apart are given copies of the file.

use std::path::Path;

use door::{Accounts, Answer, Door, Principal, Role};
use metadata::SecretKey;

use crate::failure::Failure;

/// The key's file in the data directory.
const FILE: &str = "secret.key";
/// What the engine's token is for.
const ENGINE: &str = "engine";

/// The key in this data directory; a new one where none is.
pub(crate) fn load(data: &Path) -> Result<SecretKey, Failure> {
    SecretKey::load_or_create(&data.join(FILE)).map_err(|error| Failure::new(error.to_string()))
}

/// What the engine asks for.
pub(crate) fn engine_token(key: &SecretKey) -> String {
    key.token(ENGINE)
}

/// What the command line shows the webserver.
pub(crate) fn operator_token(key: &SecretKey) -> String {
    key.token(accounts::OPERATOR)
}

/// The key in this data directory, where a project has run.
pub(crate) fn existing(data: &Path) -> Result<SecretKey, Failure> {
    if !data.join(FILE).is_file() {
        return Err(Failure::new(format!(
            "{} holds no {FILE}: no project has run with this data directory",
            data.display()
        ))
        .next("start the project with `millstream up`, or name its data directory: --data DIR"));
    }
    load(data)
}

/// The door of the engine: this machine sees its status, parts of the project do the rest.
pub(crate) fn engine_door(key: &SecretKey) -> Door {
    Door::with_accounts(std::sync::Arc::new(Parts(key.clone())))
}

/// Lets in who has the key.
#[derive(Debug)]
struct Parts(SecretKey);

impl Accounts for Parts {
    fn by_session<'a>(&'a self, _token: &'a str) -> Answer<'a, Option<Principal>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn by_token<'a>(&'a self, token: &'a str) -> Answer<'a, Option<Principal>> {
        let known = self.0.is_token(ENGINE, token);
        let part = known.then(|| Principal::user("millstream", Role::Admin));
        Box::pin(std::future::ready(Ok(part)))
    }

    fn any_user(&self) -> Answer<'_, bool> {
        Box::pin(std::future::ready(Ok(false)))
    }
}
