//! CASE and everything that evaluates only some of its operands: coalesce, if, AND, OR.
//!
//! Owns the promise that a branch that is not taken cannot fail. DataFusion's optimizer turns a
//! boolean CASE into AND and OR, which evaluate both sides; where an operand can fail, the CASE
//! is built over 0 and 1 so that it stays a CASE.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::lit;
use sqlparser::ast;

use super::{Lowering, Typed, coerce::unify, operator};
use crate::error::{DialectError, Position};
use crate::functions::{ORDERED, TO_BOOLEAN, TO_TINYINT};
use crate::lower::coerce::coerce;
use crate::udf::Udf;

/// Whether evaluating an expression can end in an error.
pub(crate) fn can_fail(expr: &Expr) -> bool {
    expr.exists(|node| {
        Ok(match node {
            Expr::ScalarFunction(call) => {
                let harmless = [ORDERED.entry.name, TO_BOOLEAN.entry.name, TO_TINYINT.entry.name];
                !harmless.contains(&call.func.name())
            }
            _ => false,
        })
    })
    .unwrap_or(true)
}

/// Builds a searched CASE; all values have the type `data_type`.
pub(crate) fn when_then(
    branches: Vec<(Expr, Expr)>,
    otherwise: Option<Expr>,
    data_type: &DataType,
) -> Expr {
    let fallible = branches.iter().any(|(when, then)| can_fail(when) || can_fail(then))
        || otherwise.as_ref().is_some_and(can_fail);
    let guarded = fallible && *data_type == DataType::Boolean;
    let value = |expr: Expr| {
        if guarded { Udf::call(&TO_TINYINT, DataType::Int8, vec![expr]) } else { expr }
    };
    let when_then_expr =
        branches.into_iter().map(|(when, then)| (Box::new(when), Box::new(value(then)))).collect();
    let else_expr = otherwise.map(|expr| Box::new(value(expr)));
    let case = Expr::Case(Case { expr: None, when_then_expr, else_expr });
    if guarded { Udf::call(&TO_BOOLEAN, DataType::Boolean, vec![case]) } else { case }
}

/// The operands of a chain of one operator, left to right.
fn chain<'a>(expr: &'a ast::Expr, wanted: &ast::BinaryOperator, out: &mut Vec<&'a ast::Expr>) {
    let mut node = expr;
    let mut reversed = Vec::new();
    loop {
        match node {
            ast::Expr::BinaryOp { left, op, right } if op == wanted => {
                reversed.push(right.as_ref());
                node = left;
            }
            _ => {
                reversed.push(node);
                break;
            }
        }
    }
    out.extend(reversed.into_iter().rev());
}

impl Lowering<'_> {
    /// `AND` and `OR`: an operand that can fail is evaluated only where the ones before it leave
    /// the answer open.
    pub(super) fn junction(
        &mut self,
        expr: &ast::Expr,
        op: &ast::BinaryOperator,
        position: Position,
    ) -> Result<Typed, DialectError> {
        let and = *op == ast::BinaryOperator::And;
        let mut operands = Vec::new();
        chain(expr, op, &mut operands);
        let mut whole: Option<Expr> = None;
        for operand in operands {
            let lowered = self.expr(operand)?;
            let what = if and { "an operand of AND" } else { "an operand of OR" };
            let right = coerce(lowered, &DataType::Boolean, what, position)?.expr;
            whole = Some(match whole {
                None => right,
                Some(left) => junction_pair(left, right, and),
            });
        }
        Ok(Typed::boolean(whole.unwrap_or_else(|| lit(and))))
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
        position: Position,
    ) -> Result<Typed, DialectError> {
        let subject = operand.map(|operand| self.expr(operand)).transpose()?;
        let mut whens = Vec::new();
        let mut values = Vec::new();
        for branch in conditions {
            let condition = self.expr(&branch.condition)?;
            whens.push(match &subject {
                Some(subject) => {
                    let op = datafusion::logical_expr::Operator::Eq;
                    operator::compare(subject.clone(), op, condition, position)?.expr
                }
                None => coerce(condition, &DataType::Boolean, "a WHEN condition", position)?.expr,
            });
            values.push(self.expr(&branch.result)?);
        }
        let has_else = otherwise.is_some();
        if let Some(otherwise) = otherwise {
            values.push(self.expr(otherwise)?);
        }
        let (values, data_type) = unify(values, "CASE results", position)?;
        let mut values: Vec<Expr> = values.into_iter().map(|value| value.expr).collect();
        let last = if has_else { values.pop() } else { None };
        let branches = whens.into_iter().zip(values).collect();
        Ok(Typed::new(when_then(branches, last, &data_type), data_type))
    }
}

/// `left AND right` or `left OR right`.
///
/// A right side that can fail appears twice below a CASE: where `left` is decided the other way,
/// and where `left` is NULL. Chains are folded from the left, so that only one operand doubles.
fn junction_pair(left: Expr, right: Expr, and: bool) -> Expr {
    if !can_fail(&right) {
        return if and { left.and(right) } else { left.or(right) };
    }
    let tiny = |expr: Expr| Udf::call(&TO_TINYINT, DataType::Int8, vec![expr]);
    let unknown = Expr::Literal(ScalarValue::Boolean(None), None);
    let open = if and { unknown.and(right.clone()) } else { unknown.or(right.clone()) };
    let (decided, undecided) = if and { (0_i8, 1_i8) } else { (1_i8, 0_i8) };
    let case = Expr::Case(Case {
        expr: Some(Box::new(tiny(left))),
        when_then_expr: vec![
            (Box::new(lit(decided)), Box::new(lit(decided))),
            (Box::new(lit(undecided)), Box::new(tiny(right))),
        ],
        else_expr: Some(Box::new(tiny(open))),
    });
    Udf::call(&TO_BOOLEAN, DataType::Boolean, vec![case])
}

/// `coalesce(..)`: the first value that is not NULL; later ones are not evaluated.
pub(crate) fn coalesce(values: Vec<Typed>, position: Position) -> Result<Typed, DialectError> {
    let (values, data_type) = unify(values, "coalesce values", position)?;
    let mut values: Vec<Expr> = values.into_iter().map(|value| value.expr).collect();
    let last = values.pop();
    if values.is_empty() {
        return Ok(Typed::new(last.unwrap_or_else(|| lit(ScalarValue::Null)), data_type));
    }
    let branches = values.into_iter().map(|value| (value.clone().is_not_null(), value)).collect();
    Ok(Typed::new(when_then(branches, last, &data_type), data_type))
}

/// `if(condition, a, b)`.
pub(crate) fn if_else(
    condition: Typed,
    then: Typed,
    otherwise: Typed,
    position: Position,
) -> Result<Typed, DialectError> {
    let condition = coerce(condition, &DataType::Boolean, "the condition of if", position)?;
    let (mut values, data_type) = unify(vec![then, otherwise], "the values of if", position)?;
    let last = values.pop().map(|value| value.expr);
    let branches = values.into_iter().map(|value| (condition.expr.clone(), value.expr)).collect();
    Ok(Typed::new(when_then(branches, last, &data_type), data_type))
}

/// `nullif(a, b)`: NULL where both are equal, else a.
pub(crate) fn null_if(
    left: Typed,
    right: Typed,
    position: Position,
) -> Result<Typed, DialectError> {
    let op = datafusion::logical_expr::Operator::Eq;
    let data_type = left.data_type.clone();
    let value = left.expr.clone();
    let null = Expr::Literal(
        ScalarValue::try_from(&data_type).map_err(|source| DialectError::Planning { source })?,
        None,
    );
    let same = operator::compare(left, op, right, position)?;
    Ok(Typed::new(when_then(vec![(same.expr, null)], Some(value), &data_type), data_type))
}

/// `a <=> b`: equal, with NULL equal to NULL.
pub(crate) fn same(left: Typed, right: Typed, position: Position) -> Result<Typed, DialectError> {
    let op = datafusion::logical_expr::Operator::IsNotDistinctFrom;
    operator::compare(left, op, right, position)
}
