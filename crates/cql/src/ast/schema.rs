//! Statements that change the schema.
//!
//! Owns keyspace, table, type and index statements. Never does: check options.

use super::{Direction, Ident, Literal, QualifiedName, Span};
use crate::types::CqlType;

/// `WITH a = 1 AND b = {...}`, in text order.
pub type Properties = Vec<Property>;

/// One option.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// The option's name.
    pub name: Ident,
    /// Its value.
    pub value: PropertyValue,
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq)]
pub enum PropertyValue {
    /// A constant, or an identifier taken as text.
    Literal(Literal),
    /// `{'a': 'b'}`.
    Map(Vec<(Literal, Literal)>),
}

/// A type as written; user types are not looked up yet.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeName {
    /// A type without parameters.
    Native(CqlType),
    /// `list<t>`.
    List(Box<TypeName>),
    /// `set<t>`.
    Set(Box<TypeName>),
    /// `map<k, v>`.
    Map(Box<TypeName>, Box<TypeName>),
    /// `tuple<a, b>`.
    Tuple(Vec<TypeName>),
    /// `vector<t, n>`.
    Vector(Box<TypeName>, u32),
    /// `frozen<t>`.
    Frozen(Box<TypeName>),
    /// A user type.
    User(QualifiedName),
    /// `'a.java.class'`.
    Custom(String),
}

/// `CREATE KEYSPACE`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateKeyspace {
    /// The keyspace.
    pub name: Ident,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// WITH.
    pub properties: Properties,
}

/// `ALTER KEYSPACE`.
#[derive(Debug, Clone, PartialEq)]
pub struct AlterKeyspace {
    /// The keyspace.
    pub name: Ident,
    /// IF EXISTS.
    pub if_exists: bool,
    /// WITH.
    pub properties: Properties,
}

/// `DROP KEYSPACE`.
#[derive(Debug, Clone, PartialEq)]
pub struct DropKeyspace {
    /// The keyspace.
    pub name: Ident,
    /// IF EXISTS.
    pub if_exists: bool,
}

/// `CREATE TABLE`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateTable {
    /// The table.
    pub name: QualifiedName,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Columns in text order.
    pub columns: Vec<ColumnDefinition>,
    /// Each PRIMARY KEY written: partition columns, clustering columns. A correct statement has
    /// exactly one; an inline `c t PRIMARY KEY` is here as `([c], [])`.
    pub primary_keys: Vec<(Vec<Ident>, Vec<Ident>)>,
    /// CLUSTERING ORDER BY.
    pub clustering_order: Vec<(Ident, Direction)>,
    /// COMPACT STORAGE.
    pub compact_storage: bool,
    /// WITH.
    pub properties: Properties,
}

/// One column of a table, or one field of a type.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDefinition {
    /// The name.
    pub name: Ident,
    /// The type.
    pub ty: TypeName,
    /// STATIC.
    pub is_static: bool,
}

/// `ALTER TABLE`.
#[derive(Debug, Clone, PartialEq)]
pub struct AlterTable {
    /// The table.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What changes.
    pub change: AlterTableChange,
}

/// What an ALTER TABLE does.
#[derive(Debug, Clone, PartialEq)]
pub enum AlterTableChange {
    /// `ADD`.
    Add {
        /// IF NOT EXISTS.
        if_not_exists: bool,
        /// New columns.
        columns: Vec<ColumnDefinition>,
    },
    /// `DROP`.
    Drop {
        /// IF EXISTS.
        if_exists: bool,
        /// Columns.
        columns: Vec<Ident>,
        /// USING TIMESTAMP, microseconds.
        timestamp: Option<i64>,
    },
    /// `RENAME a TO b AND ...`.
    Rename {
        /// IF EXISTS.
        if_exists: bool,
        /// Old and new names.
        pairs: Vec<(Ident, Ident)>,
    },
    /// `ALTER c TYPE t`, refused by Cassandra since 3.0.10.
    AlterColumn(Ident, TypeName),
    /// `WITH`.
    With(Properties),
    /// `DROP COMPACT STORAGE`.
    DropCompactStorage,
}

/// `DROP TABLE`.
#[derive(Debug, Clone, PartialEq)]
pub struct DropTable {
    /// The table.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
}

/// `CREATE TYPE`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateType {
    /// The type.
    pub name: QualifiedName,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Fields in text order.
    pub fields: Vec<(Ident, TypeName)>,
}

/// `ALTER TYPE`.
#[derive(Debug, Clone, PartialEq)]
pub struct AlterType {
    /// The type.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What changes.
    pub change: AlterTypeChange,
}

/// What an ALTER TYPE does.
#[derive(Debug, Clone, PartialEq)]
pub enum AlterTypeChange {
    /// `ADD f t`.
    Add {
        /// IF NOT EXISTS.
        if_not_exists: bool,
        /// The field.
        field: Ident,
        /// Its type.
        ty: TypeName,
    },
    /// `RENAME a TO b AND ...`.
    Rename {
        /// IF EXISTS.
        if_exists: bool,
        /// Old and new names.
        pairs: Vec<(Ident, Ident)>,
    },
    /// `ALTER f TYPE t`, refused by Cassandra.
    AlterField(Ident, TypeName),
}

/// `DROP TYPE`.
#[derive(Debug, Clone, PartialEq)]
pub struct DropType {
    /// The type.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
}

/// `CREATE [CUSTOM] INDEX`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateIndex {
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// CUSTOM.
    pub custom: bool,
    /// The index name; Cassandra makes `table_column_idx` when there is none.
    pub name: Option<Ident>,
    /// The table.
    pub table: QualifiedName,
    /// Indexed columns.
    pub targets: Vec<IndexTarget>,
    /// `USING 'class'`.
    pub using: Option<String>,
    /// `WITH OPTIONS = {...}` and the like.
    pub properties: Properties,
}

/// What of a table is indexed.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexTarget {
    /// Which part of the column.
    pub kind: IndexTargetKind,
    /// The column.
    pub column: Ident,
}

/// Which part of a column is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is named after its keyword")]
pub enum IndexTargetKind {
    /// `(c)`.
    Simple,
    Keys,
    Values,
    Entries,
    Full,
}

/// `DROP INDEX`.
#[derive(Debug, Clone, PartialEq)]
pub struct DropIndex {
    /// The index.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
}

/// A statement that is recognised and refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// What kind.
    pub kind: UnsupportedKind,
    /// The whole statement.
    pub span: Span,
}

/// Kinds of recognised and refused statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is named after its statement")]
pub enum UnsupportedKind {
    CreateMaterializedView,
    AlterMaterializedView,
    DropMaterializedView,
    CreateFunction,
    DropFunction,
    CreateAggregate,
    DropAggregate,
    CreateTrigger,
    DropTrigger,
    IdentityMapping,
    Transaction,
}
