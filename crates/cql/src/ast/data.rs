//! Statements that read and write rows.
//!
//! Owns INSERT, UPDATE, DELETE, BATCH and SELECT shapes. Never does: resolve columns.

use super::{Direction, Ident, InValues, Operator, QualifiedName, Selector, Span, Term};

/// `USING TIMESTAMP t AND TTL n`, any order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Using {
    /// Microseconds since 1970, an integer or a marker.
    pub timestamp: Option<Term>,
    /// Seconds, an integer, a marker or null.
    pub ttl: Option<Term>,
}

/// The IF clause of a modification.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Conditions {
    /// No IF.
    #[default]
    None,
    /// `IF NOT EXISTS`.
    NotExists,
    /// `IF EXISTS`.
    Exists,
    /// `IF a = 1 AND ...`.
    All(Vec<Condition>),
}

/// One `IF` comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The left side.
    pub target: ConditionTarget,
    /// What it is held against.
    pub test: ConditionTest,
    /// Where it stands.
    pub span: Span,
}

/// Left side of a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum ConditionTarget {
    /// A whole column.
    Column(Ident),
    /// `c[key]`.
    Element(Ident, Term),
    /// `c.field`.
    Field(Ident, Ident),
}

/// Right side of a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum ConditionTest {
    /// `op value`.
    Compare(Operator, Term),
    /// `IN ...`.
    In(InValues),
}

/// `INSERT INTO`.
#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    /// The table.
    pub table: QualifiedName,
    /// Columns and values, or JSON.
    pub source: InsertSource,
    /// Only [`Conditions::None`] or [`Conditions::NotExists`].
    pub conditions: Conditions,
    /// USING.
    pub using: Using,
}

/// What an INSERT inserts.
#[derive(Debug, Clone, PartialEq)]
pub enum InsertSource {
    /// `(a, b) VALUES (1, 2)`. The parser does not compare the two lengths.
    Values {
        /// Column names.
        columns: Vec<Ident>,
        /// Values.
        values: Vec<Term>,
    },
    /// `JSON '...' [DEFAULT NULL | UNSET]`.
    Json {
        /// A text literal or a marker.
        value: Term,
        /// What happens to columns that the text does not name.
        default: JsonDefault,
    },
}

/// `DEFAULT NULL` (also when nothing is written) or `DEFAULT UNSET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JsonDefault {
    /// Columns not named are set to null.
    #[default]
    Null,
    /// Columns not named are left alone.
    Unset,
}

/// `UPDATE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The table.
    pub table: QualifiedName,
    /// USING.
    pub using: Using,
    /// SET, in text order.
    pub assignments: Vec<Assignment>,
    /// WHERE.
    pub relations: Vec<Relation>,
    /// IF.
    pub conditions: Conditions,
}

/// One item of SET.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The column.
    pub column: Ident,
    /// What is done to it.
    pub kind: AssignmentKind,
}

/// What an assignment does.
#[derive(Debug, Clone, PartialEq)]
pub enum AssignmentKind {
    /// `c = v`.
    Set(Term),
    /// `c = c + v` or `c += v`.
    Add(Term),
    /// `c = v + c`: prepend to a list.
    Prepend(Term),
    /// `c = c - v` or `c -= v`.
    Subtract(Term),
    /// `c[key] = v`.
    SetElement(Term, Term),
    /// `c.field = v`.
    SetField(Ident, Term),
}

/// `DELETE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Delete {
    /// The table.
    pub table: QualifiedName,
    /// What of the row; empty means the whole row, range or partition.
    pub targets: Vec<DeleteTarget>,
    /// Only a timestamp can be written.
    pub using: Using,
    /// WHERE.
    pub relations: Vec<Relation>,
    /// IF.
    pub conditions: Conditions,
}

/// What of a row is deleted.
#[derive(Debug, Clone, PartialEq)]
pub enum DeleteTarget {
    /// A column.
    Column(Ident),
    /// `c[key]`.
    Element(Ident, Term),
    /// `c.field`.
    Field(Ident, Ident),
}

/// A statement that may stand in a batch.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is named after its statement")]
pub enum Modification {
    Insert(Insert),
    Update(Update),
    Delete(Delete),
}

/// How a batch is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is named after its keyword")]
pub enum BatchKind {
    Logged,
    Unlogged,
    Counter,
}

/// `BEGIN BATCH ... APPLY BATCH`; may be empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Logged, unlogged or counter.
    pub kind: BatchKind,
    /// USING of the whole batch.
    pub using: Using,
    /// The statements in text order.
    pub statements: Vec<Modification>,
}

/// `SELECT`.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    /// `SELECT JSON`.
    pub json: bool,
    /// `SELECT DISTINCT`.
    pub distinct: bool,
    /// What is selected.
    pub selection: Selection,
    /// FROM.
    pub table: QualifiedName,
    /// WHERE, joined by AND.
    pub relations: Vec<Relation>,
    /// GROUP BY.
    pub group_by: Vec<Selector>,
    /// ORDER BY.
    pub order_by: Vec<OrderBy>,
    /// PER PARTITION LIMIT: an integer or a marker.
    pub per_partition_limit: Option<Term>,
    /// LIMIT: an integer or a marker.
    pub limit: Option<Term>,
    /// ALLOW FILTERING.
    pub allow_filtering: bool,
}

/// `*` or a list.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// `*`.
    All,
    /// Expressions in text order.
    Items(Vec<SelectItem>),
}

/// One selected expression.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectItem {
    /// The expression.
    pub selector: Selector,
    /// `AS alias`.
    pub alias: Option<Ident>,
}

/// One item of ORDER BY.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderBy {
    /// The column.
    pub column: Ident,
    /// `ANN OF vector`.
    pub ann_of: Option<Term>,
    /// Direction.
    pub direction: Direction,
}

/// One relation of WHERE.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// What it says.
    pub kind: RelationKind,
    /// Where it stands.
    pub span: Span,
}

/// A relation.
#[derive(Debug, Clone, PartialEq)]
pub enum RelationKind {
    /// `c op v`, CONTAINS [KEY] and LIKE included.
    Column(Ident, Operator, Term),
    /// `c IN ...`.
    In(Ident, InValues),
    /// `c IS NOT NULL`.
    IsNotNull(Ident),
    /// `c[key] op v`.
    Element(Ident, Term, Operator, Term),
    /// `token(a, b) op v`.
    Token(Vec<Ident>, Operator, Term),
    /// `(a, b) op (1, 2)`; the value is a tuple or a marker.
    Tuple(Vec<Ident>, Operator, Term),
    /// `(a, b) IN ...`; each listed value is a tuple or a marker.
    TupleIn(Vec<Ident>, InValues),
}
