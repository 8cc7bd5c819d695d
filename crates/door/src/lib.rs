//! Who asks, and whether they may: the door every HTTP route of ours goes through.
//!
//! Owns the list of permissions, the roles that have them, and the principal. Every route declares a
//! permission with [`guarded`] (or through [`Routes`], which also lists them), and its handler takes
//! the [`Principal`]; a handler that takes one is unreachable around the door.
//!
//! A server adds its [`Door`] as an `axum::Extension` layer. Without one, or with one that has no
//! accounts, whoever reaches the loopback address reads, and nobody changes anything. With accounts,
//! a session's cookie or an API token says who asks. Requests that name another host (a page of
//! another site that was made to resolve to 127.0.0.1), that come from a script of another page, or
//! that would change something and cannot show that they come from a page of ours, are refused.
//!
//! Never does: know a service, keep users or sessions, read a body.

mod cookie;
mod gate;
mod headers;
mod origin;
mod permission;
mod principal;
mod routes;
pub mod testing;

pub use cookie::{SESSION_COOKIE, clear_session_cookie, session_cookie, session_token};
pub use gate::{Accounts, Answer, CannotBind, Door, Unavailable, guarded, safe_next};
pub use headers::secured;
pub use permission::{Permission, Role};
pub use principal::Principal;
pub use routes::{Listed, Routes};
