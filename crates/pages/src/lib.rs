//! The shell of every page on both ports: layout, styles, scripts, escaping, live regions.
//!
//! Owns what a page looks like and how it gets to a browser; the pages themselves are in `webserver`
//! and `console`. How a page is made:
//!
//! ```
//! use pages::{Html, Icon, Product, Shell, State, Tone};
//!
//! let foreign = "<script>";
//! let mut body = Html::new();
//! // Placeholders are filled in order, escaped; the template itself is ours.
//! body.put("<a href=\"{}\">{}</a>", &[&pages::path(&["dags", foreign]), &foreign]);
//! body.push(&pages::page_head("DAGs", None, &Html::new()));
//! // A region is sent again when it changes.
//! body.region("rows", |out| out.push(&State("running")));
//! body.push(&pages::empty_state(Icon::Dag, "No DAGs yet", "Put a file into dags/.", &Html::new()));
//! let shell = Shell { title: "DAGs", section: "dags", ..Shell::new(Product::Orchestrator) };
//! let text = shell.render(&body);
//! assert!(!text.contains(foreign));
//! ```
//!
//! | for | see |
//! |---|---|
//! | markup | [`Html`], [`Part`], [`Raw`] |
//! | frame of a page, navigation, who is signed in | [`Shell`], [`Link`], [`Toast`] |
//! | an answer (wrap the server's router in `door::secured`) | [`respond`] |
//! | components | [`page_head`], [`tabs`], [`breadcrumbs`](Shell::crumbs), [`State`], [`Badge`], [`Name`], [`empty_state`], [`error_state`], [`skeleton`], [`key_values`], [`pager`], [`Table`], [`card`], [`tile`] |
//! | forms | [`Field`], [`post_button`], [`Form`] |
//! | times | [`ago`], [`time`], [`duration`] |
//! | addresses | [`path`], [`query`] |
//! | live pages | [`live`], [`Change`], [`Html::region`] |
//! | files | [`assets`] |
//!
//! In the browser: `ui/core.js` (theme, live regions, forms by fetch, confirmations, keys),
//! `ui/x-dag.js` (pan and zoom of a picture), `ui/x-grid.js` (arrow keys in a grid of runs),
//! `ui/x-log.js` (a log that is followed). Every page works without them.
//!
//! Never does: know a service, read a database, decide who may.

pub mod assets;
mod form;
mod html;
mod icon;
mod live;
mod parts;
mod reply;
mod shell;
mod table;
mod times;
mod url;

pub use form::{Field, Form, Input, post_button};
pub use html::{Html, Part, Raw};
pub use icon::Icon;
pub use live::{Change, Sent, live, resumed, wanted};
pub use parts::{
    Badge, Name, State, Tab, Tone, action, banner, card, empty_state, error_state, key_values,
    page_head, pager, skeleton, tabs, tile,
};
pub use reply::respond;
pub use shell::{Link, Product, Search, Shell, Toast, User};
pub use table::{Align, Column, Table};
pub use times::{ago, duration, seconds_text, time};
pub use url::{decode, path, query, segment};
