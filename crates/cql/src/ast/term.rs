//! Values, functions and selectors as written.
//!
//! Owns the expression part of the tree. Never does: evaluate.

use bytes::Bytes;

use super::{Ident, Span, TypeName};
use crate::value::{CqlDuration, Uuid};

/// A constant as written. Numbers keep their text: the column decides how wide they are.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `'text'` or `$$text$$`.
    Text(String),
    /// Digits with an optional leading `-`.
    Integer(String),
    /// A number with a point or exponent, `NaN`, `Infinity`, `-NaN`, `-Infinity`.
    Float(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A bare uuid.
    Uuid(Uuid),
    /// `0x` and an even number of hex digits.
    Blob(Bytes),
    /// `1y2mo3d` or ISO 8601.
    Duration(CqlDuration),
}

/// A value expression and its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// What it is.
    pub kind: TermKind,
    /// Where it stands.
    pub span: Span,
}

impl Term {
    /// The arguments, if it is a call of `token`: in a bound, the token of the key that they are.
    #[must_use]
    pub fn token_arguments(&self) -> Option<&[Term]> {
        match &self.kind {
            TermKind::Function { name, args } if name.name.name == "token" => Some(args),
            _ => None,
        }
    }
}

/// A value expression.
#[derive(Debug, Clone, PartialEq)]
pub enum TermKind {
    /// A constant.
    Literal(Literal),
    /// `null`.
    Null,
    /// `?` or `:name`; `index` counts markers of the statement from 0 in text order.
    Marker {
        /// Position in the bound values.
        index: usize,
        /// The name of `:name`.
        name: Option<String>,
    },
    /// `[a, b]`: a list, or a vector.
    List(Vec<Term>),
    /// `{a, b}`; `{}` is written here too and may also mean an empty map or user type.
    Set(Vec<Term>),
    /// `{a: b}`.
    Map(Vec<(Term, Term)>),
    /// `(a, b)`.
    Tuple(Vec<Term>),
    /// `{field: value}` where every key is an identifier.
    Udt(Vec<(Ident, Term)>),
    /// `f(a, b)`.
    Function {
        /// Which function.
        name: FunctionName,
        /// Its arguments.
        args: Vec<Term>,
    },
    /// `(type) term`, a type hint.
    Hint {
        /// The type.
        ty: TypeName,
        /// The hinted term.
        term: Box<Term>,
    },
    /// `a + b` and the like.
    Arithmetic {
        /// The operator.
        op: ArithmeticOperator,
        /// Left side.
        left: Box<Term>,
        /// Right side.
        right: Box<Term>,
    },
    /// `-a` where `a` is not a number literal.
    Negate(Box<Term>),
}

/// `f` or `keyspace.f`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionName {
    /// The keyspace, when written.
    pub keyspace: Option<Ident>,
    /// The function.
    pub name: Ident,
}

/// `+ - * / %`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is named after its operator")]
pub enum ArithmeticOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// Comparison of a relation or condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is named after its operator")]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    ContainsKey,
    Like,
}

/// The right side of `IN`.
#[derive(Debug, Clone, PartialEq)]
pub enum InValues {
    /// `IN (a, b)`; may be empty.
    List(Vec<Term>),
    /// `IN ?` or `IN :name`: one bound list. Always a [`TermKind::Marker`].
    Marker(Term),
}

/// One selected expression and its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// What it is.
    pub kind: SelectorKind,
    /// Where it stands.
    pub span: Span,
}

/// An expression in a selection or GROUP BY.
#[derive(Debug, Clone, PartialEq)]
pub enum SelectorKind {
    /// A column.
    Column(Ident),
    /// `count(*)` or `count(1)`.
    CountAll,
    /// `writetime(x)`.
    WriteTime(Box<Selector>),
    /// `maxwritetime(x)`.
    MaxWriteTime(Box<Selector>),
    /// `ttl(x)`.
    Ttl(Box<Selector>),
    /// `CAST(x AS type)`.
    Cast {
        /// What is cast.
        of: Box<Selector>,
        /// To which type.
        ty: TypeName,
    },
    /// `f(a, b)`; `token(...)` too.
    Function {
        /// Which function.
        name: FunctionName,
        /// Its arguments.
        args: Vec<Selector>,
    },
    /// `x.field`.
    Field {
        /// The user type value.
        of: Box<Selector>,
        /// The field.
        field: Ident,
    },
    /// `x[key]`.
    Element {
        /// The collection.
        of: Box<Selector>,
        /// Key or index.
        key: Term,
    },
    /// `x[from..to]`, either side may be missing.
    Slice {
        /// The collection.
        of: Box<Selector>,
        /// Lower bound, inclusive.
        from: Option<Term>,
        /// Upper bound, inclusive.
        to: Option<Term>,
    },
    /// A constant, marker, null or a collection of only those.
    Term(Term),
    /// `[a, b]`.
    List(Vec<Selector>),
    /// `{a, b}`.
    Set(Vec<Selector>),
    /// `{a: b}`.
    Map(Vec<(Selector, Selector)>),
    /// `(a, b)`.
    Tuple(Vec<Selector>),
    /// `{field: x}`.
    Udt(Vec<(Ident, Selector)>),
    /// `(type) x`.
    Hint {
        /// The type.
        ty: TypeName,
        /// The hinted selector.
        of: Box<Selector>,
    },
    /// `a + b`.
    Arithmetic {
        /// The operator.
        op: ArithmeticOperator,
        /// Left side.
        left: Box<Selector>,
        /// Right side.
        right: Box<Selector>,
    },
    /// `-a`.
    Negate(Box<Selector>),
}
