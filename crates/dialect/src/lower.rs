//! From SQL text to a typed DataFusion expression.
//!
//! Owns the walk over the syntax tree: every node is either in the portable subset, and gets its
//! types, casts and checks here, or is refused with its place. What leaves this module needs no
//! further coercion. Column names are found in any case.
//!
//! Never does: read rows, or leave a type decision to DataFusion.

mod coerce;
mod conditional;
mod literal;
mod operator;

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::expr::Expr;
use datafusion::logical_expr::lit;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use sqlparser::ast::{self, Ident, Spanned as _};
use sqlparser::tokenizer::Token;

use crate::catalogue::entry;
use crate::error::{DialectError, Position};
use crate::functions::{FIELD, GET_INDEX};
use crate::udf::Udf;
use crate::{call, syntax, types};

pub(crate) use coerce::{cast_to, coerce};
pub(crate) use conditional::{coalesce, if_else, null_if, same, when_then};
pub(crate) use operator::equal;

/// Operators nested deeper than this are refused: each level is a stack frame at planning.
const TREE_DEPTH_MAX: usize = 150;

/// An expression and its type.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub(crate) expr: Expr,
    pub(crate) data_type: DataType,
}

impl Typed {
    pub(crate) fn new(expr: Expr, data_type: DataType) -> Self {
        Typed { expr, data_type }
    }

    pub(crate) fn boolean(expr: Expr) -> Self {
        Typed::new(expr, DataType::Boolean)
    }

    pub(crate) fn literal(&self) -> Option<&ScalarValue> {
        match &self.expr {
            Expr::Literal(value, _) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.data_type == DataType::Null
    }
}

/// Reads one expression and lowers it over the columns of `schema`.
///
/// # Errors
/// Text that is not in the subset, unknown functions and columns, types that do not fit; with
/// the place in `sql`.
pub fn parse_expression(sql: &str, schema: &DFSchema) -> Result<Expr, DialectError> {
    lower(&parse_sql_expression(sql)?, schema)
}

/// Reads one expression to a syntax tree.
pub fn parse_sql_expression(sql: &str) -> Result<ast::Expr, DialectError> {
    let tokens = syntax::tokens(sql)?;
    let end = tokens.last().map(|token| Position::from(token.span)).unwrap_or_default();
    let mut parser = syntax::parser(tokens);
    let expr = parser.parse_expr().map_err(|error| syntax::parser_error(&error, end))?;
    let next = parser.next_token();
    if next.token != Token::EOF {
        let message = format!("{} stands after the expression", next.token);
        return Err(DialectError::syntax(message, next.span.into()));
    }
    Ok(expr)
}

/// Lowers a syntax tree, for example one out of [`crate::InsertDefinition::query`].
pub fn lower(expr: &ast::Expr, schema: &DFSchema) -> Result<Expr, DialectError> {
    let mut lowering = Lowering { schema, moment: None, depth: 0 };
    Ok(lowering.expr(expr)?.expr)
}

/// Prepares a lowered expression for evaluation on batches of the same schema.
pub fn physical(expr: &Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>, DialectError> {
    Ok(create_physical_expr(expr, schema, &ExecutionProps::new(), &Default::default())?)
}

/// Whether a second run over the same rows gives the same values.
///
/// Looks for `now()`, `rand()` and their like; [`lower`] refuses them.
pub fn is_deterministic(expr: &ast::Expr) -> bool {
    use std::ops::ControlFlow;
    let found = ast::visit_expressions(expr, |expr| match expr {
        ast::Expr::Function(function)
            if entry(&function.name.to_string()).is_some_and(|entry| !entry.deterministic) =>
        {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_continue()
}

/// One walk over one tree.
pub(crate) struct Lowering<'a> {
    pub(crate) schema: &'a DFSchema,
    /// What `now()` gives, microseconds since the Unix epoch; a stream has none, for it runs again.
    pub(crate) moment: Option<i64>,
    depth: usize,
}

impl<'a> Lowering<'a> {
    /// The walk over an expression of a query that runs once.
    pub(crate) fn of_query(schema: &'a DFSchema, now_micros: i64) -> Self {
        Lowering { schema, moment: Some(now_micros), depth: 0 }
    }

    /// Lowers one node and everything below it.
    pub(crate) fn expr(&mut self, expr: &ast::Expr) -> Result<Typed, DialectError> {
        if self.depth >= TREE_DEPTH_MAX {
            let message = format!("the expression is nested deeper than {TREE_DEPTH_MAX} levels");
            return Err(DialectError::syntax(message, expr.span().into()));
        }
        self.depth += 1;
        let lowered = self.node(expr);
        self.depth -= 1;
        lowered
    }

    fn node(&mut self, expr: &ast::Expr) -> Result<Typed, DialectError> {
        use ast::Expr as E;
        let position = Position::from(expr.span());
        match expr {
            E::Nested(inner) => self.expr(inner),
            E::Identifier(name) => self.column(std::slice::from_ref(name)),
            E::CompoundIdentifier(names) => self.column(names),
            E::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            E::Value(value) => literal::value(value),
            E::TypedString(typed) => literal::typed_string(typed),
            E::Interval(interval) => literal::interval(interval, position),
            E::Function(function) => call::function(self, function),
            E::Cast { kind, expr, data_type, format, .. } => {
                if format.is_some() {
                    return Err(DialectError::unsupported("CAST with FORMAT", "", position));
                }
                let lenient = matches!(kind, ast::CastKind::TryCast | ast::CastKind::SafeCast);
                let value = self.expr(expr)?;
                let target = types::parse_type(&data_type.to_string())
                    .map_err(|error| at_place(error, position))?;
                coerce::written_cast(value, &target, lenient, position)
            }
            E::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), position)
            }
            E::Ceil { .. }
            | E::Floor { .. }
            | E::Substring { .. }
            | E::Trim { .. }
            | E::Position { .. }
            | E::Extract { .. }
            | E::Overlay { .. }
            | E::Struct { .. } => call::special(self, expr, position),
            _ => self.operator(expr, position),
        }
    }

    /// Finds `column`, `table.column`, `column.field...` or `table.column.field...`.
    fn column(&mut self, names: &[Ident]) -> Result<Typed, DialectError> {
        let Some(first) = names.first() else {
            return Err(DialectError::syntax("a name is missing", Position::default()));
        };
        if names.len() >= 2
            && let Some(found) = self.find(Some(first), &names[1])?
        {
            return fields(found, &names[2..]);
        }
        if let Some(found) = self.find(None, first)? {
            return fields(found, &names[1..]);
        }
        let wanted = if names.len() >= 2 && self.has_table(first) { &names[1] } else { first };
        let known = self.schema.fields().iter().map(|field| field.name().as_str());
        Err(DialectError::UnknownColumn {
            name: wanted.value.clone(),
            hint: spelling::hint(&wanted.value, known),
            position: wanted.span.into(),
        })
    }

    fn has_table(&self, name: &Ident) -> bool {
        self.schema.iter().any(|(table, _)| {
            table.is_some_and(|table| table.table().eq_ignore_ascii_case(&name.value))
        })
    }

    fn find(&self, table: Option<&Ident>, name: &Ident) -> Result<Option<Typed>, DialectError> {
        let mut found: Option<Typed> = None;
        let mut exact = false;
        for (qualifier, field) in self.schema.iter() {
            if !field.name().eq_ignore_ascii_case(&name.value) {
                continue;
            }
            let wanted = table.is_none_or(|table| {
                qualifier.is_some_and(|q| q.table().eq_ignore_ascii_case(&table.value))
            });
            if !wanted {
                continue;
            }
            let same = *field.name() == name.value;
            if found.is_some() && (same == exact) {
                let message = format!("column {} is in the input more than once", name.value);
                let hint = "write table.column";
                return Err(DialectError::types(message, hint, name.span.into()));
            }
            if found.is_none() || same {
                let column = Column::new(qualifier.cloned(), field.name());
                found = Some(Typed::new(Expr::Column(column), field.data_type().clone()));
                exact = same;
            }
        }
        Ok(found)
    }

    /// `value.field` and `value[index]` on any expression.
    fn access(
        &mut self,
        root: &ast::Expr,
        chain: &[ast::AccessExpr],
    ) -> Result<Typed, DialectError> {
        let mut names = Vec::new();
        let mut rest = chain;
        // `a.b.c[0]` arrives with the names in the chain, and the table may be the root.
        if let ast::Expr::Identifier(first) = root {
            names.push(first.clone());
            while let Some(ast::AccessExpr::Dot(ast::Expr::Identifier(name))) = rest.first() {
                names.push(name.clone());
                rest = &rest[1..];
            }
        }
        let mut value = if names.is_empty() { self.expr(root)? } else { self.column(&names)? };
        for step in rest {
            value = match step {
                ast::AccessExpr::Dot(ast::Expr::Identifier(name)) => {
                    fields(value, std::slice::from_ref(name))?
                }
                ast::AccessExpr::Subscript(ast::Subscript::Index { index }) => {
                    self.index(value, index)?
                }
                other => {
                    let position = other.span().into();
                    return Err(DialectError::unsupported(other.to_string(), "", position));
                }
            };
        }
        Ok(value)
    }

    /// `array[position from 0]` or `map[key]`.
    fn index(&mut self, value: Typed, index: &ast::Expr) -> Result<Typed, DialectError> {
        let position = Position::from(index.span());
        let key = self.expr(index)?;
        match &value.data_type {
            DataType::List(element) => {
                let returns = element.data_type().clone();
                let key = coerce(key, &DataType::Int32, "an array position", position)?;
                Ok(Typed::new(
                    Udf::call(&GET_INDEX, returns.clone(), vec![value.expr, key.expr]),
                    returns,
                ))
            }
            DataType::Map(_, _) => call::by_name("element_at", vec![value, key], position),
            other => Err(DialectError::types(
                format!("{} has no elements", types::type_name(other)),
                "",
                position,
            )),
        }
    }
}

/// Takes fields out of a struct, by name in any case.
fn fields(mut value: Typed, names: &[Ident]) -> Result<Typed, DialectError> {
    for name in names {
        let position = Position::from(name.span);
        let DataType::Struct(inside) = &value.data_type else {
            let message =
                format!("{} has no field {}", types::type_name(&value.data_type), name.value);
            return Err(DialectError::types(message, "", position));
        };
        let Some(index) =
            inside.iter().position(|field| field.name().eq_ignore_ascii_case(&name.value))
        else {
            let known = inside.iter().map(|field| field.name().as_str());
            return Err(DialectError::UnknownColumn {
                name: name.value.clone(),
                hint: spelling::hint(&name.value, known),
                position,
            });
        };
        let returns = inside[index].data_type().clone();
        // The index fits: a struct of billions of fields cannot be declared.
        let index = lit(i32::try_from(index).unwrap_or(i32::MAX));
        value = Typed::new(Udf::call(&FIELD, returns.clone(), vec![value.expr, index]), returns);
    }
    Ok(value)
}

/// Gives an error out of a nested text the place of the node that held it.
fn at_place(error: DialectError, place: Position) -> DialectError {
    match error {
        DialectError::UnknownType { name, hint, .. } => {
            DialectError::UnknownType { name, hint, position: place }
        }
        DialectError::Syntax { message, hint, .. } => {
            DialectError::Syntax { message, hint, position: place }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
