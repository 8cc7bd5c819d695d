//! Statements about roles and permissions, and DESCRIBE.
//!
//! Owns their shapes. Never does: authorise.

use super::{Ident, Literal, QualifiedName};

/// One option of a role.
#[derive(Debug, Clone, PartialEq)]
pub enum RoleOption {
    /// `PASSWORD = '...'`.
    Password(String),
    /// `HASHED PASSWORD = '...'`.
    HashedPassword(String),
    /// `SUPERUSER = true`.
    Superuser(bool),
    /// `LOGIN = true`.
    Login(bool),
    /// `OPTIONS = {...}`.
    Options(Vec<(Literal, Literal)>),
    /// `ACCESS TO DATACENTERS {...}`; `None` for ALL.
    Datacenters(Option<Vec<String>>),
    /// `ACCESS FROM CIDRS {...}`; `None` for ALL.
    Cidrs(Option<Vec<String>>),
}

/// `CREATE ROLE` or `CREATE USER`. A user has LOGIN set.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateRole {
    /// The role. Written as a text literal or quoted it keeps its case.
    pub name: String,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Options in text order.
    pub options: Vec<RoleOption>,
}

/// `ALTER ROLE` or `ALTER USER`.
#[derive(Debug, Clone, PartialEq)]
pub struct AlterRole {
    /// The role.
    pub name: String,
    /// IF EXISTS.
    pub if_exists: bool,
    /// Options in text order.
    pub options: Vec<RoleOption>,
}

/// `DROP ROLE` or `DROP USER`.
#[derive(Debug, Clone, PartialEq)]
pub struct DropRole {
    /// The role.
    pub name: String,
    /// IF EXISTS.
    pub if_exists: bool,
}

/// `LIST ROLES` or `LIST USERS`.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRoles {
    /// OF.
    pub of: Option<String>,
    /// NORECURSIVE.
    pub no_recursive: bool,
    /// LIST USERS.
    pub users: bool,
}

/// `LIST ... PERMISSIONS`.
#[derive(Debug, Clone, PartialEq)]
pub struct ListPermissions {
    /// Which; empty means ALL.
    pub permissions: Vec<Permission>,
    /// ON.
    pub on: Option<Resource>,
    /// OF.
    pub of: Option<String>,
    /// NORECURSIVE.
    pub no_recursive: bool,
}

/// `GRANT role TO role`.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantRole {
    /// What is granted.
    pub role: String,
    /// To whom.
    pub to: String,
}

/// `REVOKE role FROM role`.
#[derive(Debug, Clone, PartialEq)]
pub struct RevokeRole {
    /// What is revoked.
    pub role: String,
    /// From whom.
    pub from: String,
}

/// `GRANT permissions ON resource TO role`.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantPermissions {
    /// Which; empty means ALL.
    pub permissions: Vec<Permission>,
    /// ON.
    pub on: Resource,
    /// To whom.
    pub to: String,
}

/// `REVOKE permissions ON resource FROM role`.
#[derive(Debug, Clone, PartialEq)]
pub struct RevokePermissions {
    /// Which; empty means ALL.
    pub permissions: Vec<Permission>,
    /// ON.
    pub on: Resource,
    /// From whom.
    pub from: String,
}

/// A permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is named after its keyword")]
pub enum Permission {
    Create,
    Alter,
    Drop,
    Select,
    Modify,
    Authorize,
    Describe,
    Execute,
    Unmask,
    SelectMasked,
}

/// What a permission is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Resource {
    /// `ALL KEYSPACES`.
    AllKeyspaces,
    /// `KEYSPACE ks`.
    Keyspace(Ident),
    /// `ALL TABLES IN KEYSPACE ks`.
    AllTables(Ident),
    /// `[TABLE] t`.
    Table(QualifiedName),
    /// `ALL ROLES`.
    AllRoles,
    /// `ROLE r`.
    Role(String),
    /// `ALL FUNCTIONS [IN KEYSPACE ks]`.
    AllFunctions(Option<Ident>),
    /// `FUNCTION f(...)`, arguments skipped.
    Function(QualifiedName),
    /// `ALL MBEANS`, `MBEAN 'x'`, `MBEANS 'x'`.
    Mbean(Option<String>),
}

/// `DESCRIBE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Describe {
    /// What.
    pub target: DescribeTarget,
    /// WITH INTERNALS.
    pub with_internals: bool,
}

/// What is described.
#[derive(Debug, Clone, PartialEq)]
pub enum DescribeTarget {
    /// `CLUSTER`.
    Cluster,
    /// `SCHEMA`, or `FULL SCHEMA` when true.
    Schema(bool),
    /// `KEYSPACES`.
    Keyspaces,
    /// `[ONLY] KEYSPACE [ks]`.
    Keyspace {
        /// The keyspace; the session's when missing.
        name: Option<Ident>,
        /// ONLY: without its tables and types.
        only: bool,
    },
    /// `TABLES`.
    Tables,
    /// `TABLE t`.
    Table(QualifiedName),
    /// `TYPES`.
    Types,
    /// `TYPE t`.
    Type(QualifiedName),
    /// `FUNCTIONS`.
    Functions,
    /// `FUNCTION f`.
    Function(QualifiedName),
    /// `AGGREGATES`.
    Aggregates,
    /// `AGGREGATE a`.
    Aggregate(QualifiedName),
    /// `INDEX i`.
    Index(QualifiedName),
    /// `MATERIALIZED VIEW v`.
    MaterializedView(QualifiedName),
    /// A bare name: keyspace, table, view or index.
    Any(QualifiedName),
}
