//! ORDER BY, LIMIT and OFFSET. NULL comes first going up and last going down, as in Spark.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{self, LimitClause, OrderBy, OrderByExpr, OrderByKind, Spanned as _};

use super::grouping::Grouping;
use super::items::Output;
use super::{Planner, columns, from, ordinal};
use crate::error::{DialectError, Position};
use crate::functions::ORDERED;
use crate::lower::Typed;
use crate::types;
use crate::udf::Udf;

/// The written keys.
pub(super) fn keys(
    order: Option<&OrderBy>,
    position: Position,
) -> Result<&[OrderByExpr], DialectError> {
    match order.map(|order| &order.kind) {
        None => Ok(&[]),
        Some(OrderByKind::Expressions(keys)) => Ok(keys),
        Some(OrderByKind::All(_)) => {
            Err(DialectError::unsupported("ORDER BY ALL", "name the columns", position))
        }
    }
}

/// What a key sorts by: a column of the result, or an expression that the result does not show.
pub(super) enum By {
    Output(usize),
    Hidden(Typed),
}

/// A key and its direction.
pub(super) struct Key {
    by: By,
    ascending: bool,
    nulls_first: bool,
}

impl Key {
    fn new(by: By, written: &OrderByExpr) -> Self {
        let ascending = written.options.asc.unwrap_or(true);
        let nulls_first = written.options.nulls_first.unwrap_or(ascending);
        Key { by, ascending, nulls_first }
    }
}

/// The place of the result's column that a key names by number or name.
fn place<'a>(
    key: &ast::Expr,
    mut names: impl ExactSizeIterator<Item = &'a str>,
) -> Result<Option<usize>, DialectError> {
    if let Some(at) = ordinal(key) {
        let count = names.len();
        return match at.checked_sub(1) {
            Some(place) if place < count => Ok(Some(place)),
            _ => {
                let message = format!("ORDER BY {at}: the result has {count} columns");
                Err(DialectError::types(message, "", key.span().into()))
            }
        };
    }
    let ast::Expr::Identifier(name) = key else { return Ok(None) };
    Ok(names.position(|known| known.eq_ignore_ascii_case(&name.value)))
}

/// Finds the keys of a SELECT: names of its list first, then columns of its FROM.
pub(super) fn lowered(
    planner: &Planner<'_>,
    order: &[OrderByExpr],
    schema: &DFSchema,
    grouping: &Grouping,
    outputs: &[Output],
) -> Result<Vec<Key>, DialectError> {
    let mut keys = Vec::new();
    for written in order {
        let names: Vec<&str> = outputs.iter().map(Output::name).collect();
        let by = match place(&written.expr, names.into_iter())? {
            Some(at) => By::Output(at),
            None => {
                let expr = grouping.named(&written.expr, outputs, schema);
                let value = planner.expr(&expr, schema)?;
                let same = outputs.iter().position(|output| output.value.expr == value.expr);
                same.map_or(By::Hidden(value), By::Output)
            }
        };
        keys.push(Key::new(by, written));
    }
    Ok(keys)
}

/// How the rows of a projection are sorted.
pub(super) struct Sort {
    keys: Vec<(usize, bool, bool)>,
    /// Columns that the result shows; those after them are only sorted by.
    visible: usize,
}

impl Sort {
    /// Adds hidden keys to the outputs.
    pub(super) fn new(
        keys: Vec<Key>,
        outputs: &mut Vec<Output>,
        distinct: bool,
        position: Position,
    ) -> Result<Self, DialectError> {
        let visible = outputs.len();
        let mut places = Vec::new();
        for Key { by, ascending, nulls_first } in keys {
            let at = match by {
                By::Output(at) => at,
                By::Hidden(_) if distinct => {
                    let what = "ORDER BY something that SELECT DISTINCT does not show";
                    return Err(DialectError::unsupported(what, "", position));
                }
                By::Hidden(value) => {
                    let alias = Some(format!("__order_{}", outputs.len()));
                    outputs.push(Output { written: None, value, alias, position });
                    outputs.len() - 1
                }
            };
            places.push((at, ascending, nulls_first));
        }
        Ok(Sort { keys: places, visible })
    }

    /// Sorts, then drops what is not shown.
    pub(super) fn applied(self, plan: LogicalPlan) -> Result<LogicalPlan, DialectError> {
        if self.keys.is_empty() {
            return Ok(plan);
        }
        let all = columns(&plan);
        let mut sorts = Vec::new();
        for (at, ascending, nulls_first) in &self.keys {
            let Some(column) = all.get(*at).cloned() else { continue };
            let value = in_order(from::typed(&plan, column)?);
            sorts.push(SortExpr::new(value, *ascending, *nulls_first));
        }
        let hidden = self.visible < all.len();
        let plan = LogicalPlanBuilder::from(plan).sort(sorts)?;
        if !hidden {
            return Ok(plan.build()?);
        }
        let shown = all.into_iter().take(self.visible).map(Expr::Column);
        Ok(plan.project(shown)?.build()?)
    }
}

/// Doubles sort in SQL's order, where `-0.0 = 0.0` and NaN is the largest.
fn in_order(value: Typed) -> Expr {
    if types::is_float(&value.data_type) {
        let data_type: DataType = value.data_type;
        return Udf::call(&ORDERED, data_type, vec![value.expr]);
    }
    value.expr
}

impl Planner<'_> {
    /// Sorts the rows of a query that is not a SELECT: by its own columns.
    pub(super) fn ordered(
        &self,
        plan: LogicalPlan,
        order: &[OrderByExpr],
    ) -> Result<LogicalPlan, DialectError> {
        let all = columns(&plan);
        let mut sorts = Vec::new();
        for written in order {
            let names: Vec<&str> = all.iter().map(|column| column.name.as_str()).collect();
            let value = match place(&written.expr, names.into_iter())? {
                Some(at) => from::typed(&plan, all[at].clone())?,
                None => self.expr(&written.expr, plan.schema())?,
            };
            let key = Key::new(By::Output(0), written);
            sorts.push(SortExpr::new(in_order(value), key.ascending, key.nulls_first));
        }
        if sorts.is_empty() {
            return Ok(plan);
        }
        Ok(LogicalPlanBuilder::from(plan).sort(sorts)?.build()?)
    }
}

/// Keeps the rows that LIMIT and OFFSET leave.
pub(super) fn limited(
    plan: LogicalPlan,
    clause: Option<&LimitClause>,
    position: Position,
) -> Result<LogicalPlan, DialectError> {
    let (limit, offset) = match clause {
        None => return Ok(plan),
        Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
            (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
        }
        Some(other) => return Err(DialectError::unsupported(other.to_string(), "", position)),
    };
    let rows = |expr: &ast::Expr| {
        ordinal(expr).ok_or_else(|| {
            let message = format!("LIMIT and OFFSET take a whole number, not {expr}");
            DialectError::types(message, "", expr.span().into())
        })
    };
    let skip = offset.map(rows).transpose()?.unwrap_or(0);
    let fetch = limit.map(rows).transpose()?;
    Ok(LogicalPlanBuilder::from(plan).limit(skip, fetch)?.build()?)
}
