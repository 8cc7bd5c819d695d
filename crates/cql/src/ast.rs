//! The typed syntax tree of one CQL statement.
//!
//! Owns shapes only: names are already case-folded, bind markers are already numbered in text
//! order. Never does: resolve a name, check a type, or know a schema.

mod data;
mod roles;
mod schema;
mod term;

pub use data::{
    Assignment, AssignmentKind, Batch, BatchKind, Condition, ConditionTarget, ConditionTest,
    Conditions, Delete, DeleteTarget, Insert, InsertSource, JsonDefault, Modification, OrderBy,
    Relation, RelationKind, Select, SelectItem, Selection, Update, Using,
};
pub use roles::{
    AlterRole, CreateRole, Describe, DescribeTarget, DropRole, GrantPermissions, GrantRole,
    ListPermissions, ListRoles, Permission, Resource, RevokePermissions, RevokeRole, RoleOption,
};
pub use schema::{
    AlterKeyspace, AlterTable, AlterTableChange, AlterType, AlterTypeChange, ColumnDefinition,
    CreateIndex, CreateKeyspace, CreateTable, CreateType, DropIndex, DropKeyspace, DropTable,
    DropType, IndexTarget, IndexTargetKind, Properties, Property, PropertyValue, TypeName,
    Unsupported, UnsupportedKind,
};
pub use term::{
    ArithmeticOperator, FunctionName, InValues, Literal, Operator, Selector, SelectorKind, Term,
    TermKind,
};

/// A range of the statement text: byte offsets, start inclusive, end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A name as Cassandra stores it: lower-cased unless it was written in double quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ident {
    /// The name after case folding, quotes removed, `""` reduced to `"`.
    pub name: String,
    /// Whether it was written in double quotes.
    pub quoted: bool,
    /// Where it stands in the text.
    pub span: Span,
}

/// `name` or `keyspace.name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualifiedName {
    /// The keyspace, when written.
    pub keyspace: Option<Ident>,
    /// The table, type, index... name.
    pub name: Ident,
}

/// Sort direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Ascending.
    #[default]
    Asc,
    /// Descending.
    Desc,
}

/// One statement and the bind markers in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The statement.
    pub statement: Statement,
    /// One entry per bind marker in text order; the name of `:name`, `None` for `?`.
    /// A name written twice has two entries.
    pub markers: Vec<Option<String>>,
}

/// One CQL statement.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is named after its statement")]
pub enum Statement {
    Use(Ident),
    CreateKeyspace(CreateKeyspace),
    AlterKeyspace(AlterKeyspace),
    DropKeyspace(DropKeyspace),
    CreateTable(CreateTable),
    AlterTable(AlterTable),
    DropTable(DropTable),
    Truncate(QualifiedName),
    CreateType(CreateType),
    AlterType(AlterType),
    DropType(DropType),
    CreateIndex(CreateIndex),
    DropIndex(DropIndex),
    Insert(Insert),
    Update(Update),
    Delete(Delete),
    Batch(Batch),
    Select(Box<Select>),
    Describe(Describe),
    CreateRole(CreateRole),
    AlterRole(AlterRole),
    DropRole(DropRole),
    ListRoles(ListRoles),
    ListPermissions(ListPermissions),
    GrantRole(GrantRole),
    RevokeRole(RevokeRole),
    GrantPermissions(GrantPermissions),
    RevokePermissions(RevokePermissions),
    /// Views, functions, aggregates, triggers...: recognised, not executed.
    Unsupported(Unsupported),
}
