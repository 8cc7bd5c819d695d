//! The links at the left of every page.

use door::{Permission, Principal};
use pages::{Icon, Link, Search};

/// The search at the top of every page.
pub(crate) const SEARCH: Search<'static> =
    Search { action: "/dags", name: "search", label: "Search DAGs" };

const LINKS: &[(Permission, Link<'static>)] = &[
    (Permission::Dags, link("dags", "/dags", "DAGs", Icon::Dag, "", 'd')),
    (Permission::Dags, link("runs", "/runs", "Runs", Icon::Play, "Browse", 'r')),
    (Permission::Dags, link("tasks", "/tasks", "Task instances", Icon::List, "Browse", 't')),
    (Permission::Logs, link("xcoms", "/xcoms", "XComs", Icon::XCom, "Browse", 'x')),
    (
        Permission::Dags,
        link("import-errors", "/import-errors", "Import errors", Icon::Alert, "Browse", 'i'),
    ),
    (Permission::Audit, link("audit", "/audit", "Audit log", Icon::Clock, "Browse", 'a')),
    (
        Permission::Variables,
        link("variables", "/variables", "Variables", Icon::Variable, "Admin", 'v'),
    ),
    (
        Permission::Connections,
        link("connections", "/connections", "Connections", Icon::Connection, "Admin", 'c'),
    ),
    (Permission::Dags, link("pools", "/pools", "Pools", Icon::Pool, "Admin", 'p')),
    (
        Permission::Configuration,
        link("configuration", "/configuration", "Configuration", Icon::Settings, "Admin", 'o'),
    ),
    (Permission::Users, link("users", "/users", "Users", Icon::Users, "Admin", 'u')),
    (Permission::OwnAccount, link("account", "/account", "Account", Icon::Key, "Admin", 'k')),
    (Permission::Health, link("about", "/about", "About", Icon::Info, "Admin", 'b')),
];

const fn link(
    key: &'static str,
    href: &'static str,
    label: &'static str,
    icon: Icon,
    group: &'static str,
    letter: char,
) -> Link<'static> {
    Link { key, href, label, icon, group, shortcut: Some(letter) }
}

/// The links to what a principal may see.
pub(crate) fn links(principal: &Principal) -> Vec<Link<'static>> {
    let seen = LINKS.iter().filter(|(permission, _)| principal.may(*permission));
    seen.map(|(_, link)| *link).collect()
}
