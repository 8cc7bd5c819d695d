//! Permissions, roles, and the table of which role has which.

/// What a route lets its caller do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// See whether a service lives.
    Health,
    /// Load styles and scripts.
    Assets,
    /// Sign in and out, and see the page that does so.
    SignIn,
    /// See pipelines and their numbers.
    Pipelines,
    /// Read records that were made up.
    Records,

    /// See DAGs, their runs and tasks, pools and import errors.
    Dags,
    /// See the files of DAGs.
    Code,
    /// See logs, XComs and rendered arguments.
    Logs,
    /// Start runs by hand.
    Trigger,
    /// Pause DAGs and let them go on.
    Pause,
    /// Clear tasks and runs, mark them, write notes about them.
    Clear,
    /// Delete DAGs and runs with all they left.
    DeleteRuns,
    /// See variables; values only with [`Permission::EditVariables`].
    Variables,
    /// Set and delete variables.
    EditVariables,
    /// See connections, without their secrets.
    Connections,
    /// Set and delete connections.
    EditConnections,
    /// Set and delete pools.
    EditPools,
    /// See who did what.
    Audit,
    /// See the effective configuration, and which packages and operators DAG files may use.
    Configuration,
    /// Say which packages and operators DAG files may use.
    EditPackages,

    /// See brokers, topics, consumer groups, producers and transactions.
    Topics,
    /// See messages.
    Messages,
    /// Write messages into topics.
    Produce,
    /// Create, change and delete topics.
    EditTopics,
    /// Move and delete the offsets of consumer groups.
    EditGroups,
    /// See keyspaces, tables and rows.
    Tables,
    /// Run statements that read.
    Query,
    /// Run statements that change tables and rows.
    EditTables,
    /// See streams, their batches and state, and dead letters.
    Streams,
    /// Start and stop streams, send dead letters again.
    EditStreams,
    /// Ask the doctor.
    Doctor,

    /// See and change one's own password, sessions and API tokens.
    OwnAccount,
    /// Add and remove users, set their roles and passwords.
    Users,
}

/// What a user is to the project. The first four are ordered, each may what the one before it may; the
/// others are the roles of a team in which one runs, one writes and one deploys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Sees.
    Viewer,
    /// Also triggers, pauses, clears and marks.
    User,
    /// Also changes variables, connections, pools, topics and tables.
    Op,
    /// May everything.
    Admin,
    /// Triggers, clears, marks and watches; sees no variables or connections.
    OperationsUser,
    /// Sees; writes DAGs in their folder, for which no route exists.
    DagAuthor,
    /// Owns the configuration, the packages and the users: may everything.
    DeploymentManager,
}

impl Role {
    /// Every role with its name.
    pub const NAMES: [(&str, Self); 7] = [
        ("Viewer", Self::Viewer),
        ("User", Self::User),
        ("Op", Self::Op),
        ("Admin", Self::Admin),
        ("OperationsUser", Self::OperationsUser),
        ("DagAuthor", Self::DagAuthor),
        ("DeploymentManager", Self::DeploymentManager),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, role)| *role == self).map_or("", |(name, _)| name)
    }

    /// The role of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, role)| *role)
    }

    /// Whether this role has the permission.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        let column = match self {
            Self::Viewer => 3,
            Self::User => 4,
            Self::Op => 5,
            Self::Admin => 6,
            Self::OperationsUser => 7,
            Self::DagAuthor => 8,
            Self::DeploymentManager => 9,
        };
        has(permission, column)
    }
}

/// Someone without a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// From anywhere, at a server with accounts that other machines reach.
    Anyone,
    /// On this machine, at a server with accounts that only this machine reaches.
    Local,
    /// On this machine, at a server without accounts.
    Open,
}

impl Stranger {
    pub(crate) fn may(self, permission: Permission) -> bool {
        let column = match self {
            Self::Anyone => 0,
            Self::Local => 1,
            Self::Open => 2,
        };
        has(permission, column)
    }
}

/// The marks of a row are read in their order, the space between them is for the eye.
fn has(permission: Permission, column: usize) -> bool {
    let row = TABLE.iter().find(|(listed, _)| *listed == permission);
    row.and_then(|(_, marks)| marks.split_whitespace().nth(column)).is_some_and(|mark| mark == "x")
}

impl Permission {
    /// Every permission.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(permission, _)| *permission)
    }

    /// Whether it lets its holder change something that others see.
    #[must_use]
    pub fn changes(self) -> bool {
        let row = TABLE.iter().find(|(listed, _)| *listed == self);
        row.is_some_and(|(_, roles)| roles.ends_with('!'))
    }
}

/// Who has what: three kinds of strangers (anyone; on this machine; on this machine where there are no
/// accounts), then the roles. The last column marks what changes something.
#[rustfmt::skip]
const TABLE: &[(Permission, &str)] = &[
    //                             strangers roles in order    team
    //                             A L O     V U O A           O D M
    (Permission::Health,          "x x x     x x x x           x x x"),
    (Permission::Assets,          "x x x     x x x x           x x x"),
    (Permission::SignIn,          "x x x     x x x x           x x x"),
    (Permission::Pipelines,       ". x x     x x x x           x x x"),
    (Permission::Records,         ". x x     x x x x           x x x"),
    (Permission::Dags,            ". . x     x x x x           x x x"),
    (Permission::Code,            ". . x     x x x x           x x x"),
    (Permission::Logs,            ". . x     x x x x           x x x"),
    (Permission::Trigger,         ". . .     . x x x           x . x  !"),
    (Permission::Pause,           ". . .     . x x x           x . x  !"),
    (Permission::Clear,           ". . .     . x x x           x . x  !"),
    (Permission::DeleteRuns,      ". . .     . x x x           . . x  !"),
    (Permission::Variables,       ". . .     . . x x           . . x"),
    (Permission::EditVariables,   ". . .     . . x x           . . x  !"),
    (Permission::Connections,     ". . .     . . x x           . . x"),
    (Permission::EditConnections, ". . .     . . x x           . . x  !"),
    (Permission::EditPools,       ". . .     . . x x           . . x  !"),
    (Permission::Audit,           ". . .     x x x x           x x x"),
    (Permission::Configuration,   ". . .     . . x x           . . x"),
    (Permission::EditPackages,    ". . .     . . . x           . . x  !"),
    (Permission::Topics,          ". . x     x x x x           x x x"),
    (Permission::Messages,        ". . x     x x x x           x x x"),
    (Permission::Produce,         ". . .     . . x x           . . x  !"),
    (Permission::EditTopics,      ". . .     . . x x           . . x  !"),
    (Permission::EditGroups,      ". . .     . . x x           . . x  !"),
    (Permission::Tables,          ". . x     x x x x           x x x"),
    (Permission::Query,           ". . .     . x x x           x x x"),
    (Permission::EditTables,      ". . .     . . x x           . . x  !"),
    (Permission::Streams,         ". . x     x x x x           x x x"),
    (Permission::EditStreams,     ". . .     . . x x           . . x  !"),
    (Permission::Doctor,          ". . x     x x x x           x x x"),
    (Permission::OwnAccount,      ". . .     x x x x           x x x"),
    (Permission::Users,           ". . .     . . . x           . . x  !"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Every mark again, told by rules instead of a table.
    fn expected(role: Role, permission: Permission) -> bool {
        use Permission as P;
        let everybody = matches!(
            permission,
            P::Health
                | P::Assets
                | P::SignIn
                | P::Pipelines
                | P::Records
                | P::Dags
                | P::Code
                | P::Logs
                | P::Audit
                | P::Topics
                | P::Messages
                | P::Tables
                | P::Streams
                | P::Doctor
                | P::OwnAccount
        );
        let operates = matches!(permission, P::Trigger | P::Pause | P::Clear);
        match role {
            Role::Viewer => everybody,
            Role::User => everybody || operates || matches!(permission, P::DeleteRuns | P::Query),
            Role::Op => !matches!(permission, P::Users | P::EditPackages),
            Role::Admin | Role::DeploymentManager => true,
            Role::OperationsUser => everybody || operates || permission == P::Query,
            Role::DagAuthor => everybody || permission == P::Query,
        }
    }

    #[test]
    fn every_role_has_its_permissions_and_no_other() {
        for (name, role) in Role::NAMES {
            for permission in Permission::all() {
                assert_eq!(
                    role.may(permission),
                    expected(role, permission),
                    "{name}, {permission:?}"
                );
            }
        }
    }

    #[test]
    fn each_of_the_ordered_roles_may_what_the_one_before_it_may() {
        for pair in [Role::Viewer, Role::User, Role::Op, Role::Admin].windows(2) {
            for permission in Permission::all() {
                assert!(!pair[0].may(permission) || pair[1].may(permission), "{permission:?}");
            }
        }
    }

    #[test]
    fn a_stranger_changes_nothing_and_sees_no_secrets() {
        for stranger in [Stranger::Anyone, Stranger::Local, Stranger::Open] {
            for permission in Permission::all().filter(|permission| permission.changes()) {
                assert!(!stranger.may(permission), "{stranger:?}, {permission:?}");
            }
            for secret in [Permission::Variables, Permission::Connections, Permission::Users] {
                assert!(!stranger.may(secret), "{stranger:?}, {secret:?}");
            }
        }
        assert!(Stranger::Local.may(Permission::Pipelines));
        assert!(!Stranger::Anyone.may(Permission::Pipelines));
        assert!(!Stranger::Local.may(Permission::Dags));
    }

    #[test]
    fn the_table_has_every_permission_once_and_a_mark_for_every_column() {
        assert_eq!(TABLE.len(), Permission::Users as usize + 1);
        for (index, (permission, marks)) in TABLE.iter().enumerate() {
            assert_eq!(*permission as usize, index, "{permission:?} is not in its place");
            let marks: Vec<&str> = marks.split_whitespace().collect();
            assert!((10..=11).contains(&marks.len()), "{permission:?}");
            assert!(marks[..10].iter().all(|mark| matches!(*mark, "x" | ".")), "{permission:?}");
        }
    }

    #[test]
    fn names_of_roles_lead_back_to_them() {
        for (name, role) in Role::NAMES {
            assert_eq!(role.name(), name);
            assert_eq!(Role::named(name), Some(role));
        }
        assert_eq!(Role::named("admin"), None);
    }
}
