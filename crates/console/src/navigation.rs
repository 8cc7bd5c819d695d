//! The links of every page: those that lead somewhere for who looks.

use door::{Permission, Principal};
use pages::{Icon, Link, Search};

/// The search at the top.
pub(crate) const SEARCH: Search<'static> =
    Search { action: "/topics", name: "search", label: "Search topics" };

const ALL: &[(Permission, Link<'static>)] = &[
    (Permission::Pipelines, link("pipelines", "/", "Pipelines", Icon::Dag, "", 'p')),
    (Permission::Streams, link("streams", "/streams", "Streams", Icon::Stream, "", 's')),
    (Permission::Streams, link("dead", "/dead-letters", "Dead letters", Icon::Alert, "", 'x')),
    (Permission::Doctor, link("doctor", "/doctor", "Doctor", Icon::Doctor, "", 'h')),
    (Permission::Query, link("sql", "/sql", "SQL", Icon::Code, "", 'e')),
    (Permission::Topics, link("topics", "/topics", "Topics", Icon::Topic, "Kafka", 't')),
    (Permission::Topics, link("groups", "/groups", "Consumer groups", Icon::Group, "Kafka", 'g')),
    (Permission::Topics, link("brokers", "/brokers", "Brokers", Icon::Broker, "Kafka", 'b')),
    (
        Permission::Topics,
        link("transactions", "/transactions", "Transactions", Icon::Retry, "Kafka", 'n'),
    ),
    (Permission::Tables, link("tables", "/tables", "Tables", Icon::Table, "Cassandra", 'c')),
    (Permission::Query, link("cql", "/cql", "CQL", Icon::Code, "Cassandra", 'q')),
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

/// The links that lead somewhere for `principal`.
pub(crate) fn links(principal: &Principal) -> Vec<Link<'static>> {
    let there = ALL.iter().filter(|(permission, _)| principal.may(*permission));
    let mut links: Vec<_> = there.map(|(_, link)| *link).collect();
    if principal.can_sign_in() {
        links.push(link("login", "/login", "Sign in", Icon::Lock, "More after signing in", 'l'));
    }
    links
}
