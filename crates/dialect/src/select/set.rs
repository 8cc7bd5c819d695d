//! VALUES, and UNION, INTERSECT and EXCEPT: rows side by side in the types that they meet in.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{SetOperator, SetQuantifier, Spanned as _, Values};

use super::{Planner, columns, from};
use crate::error::{DialectError, Position};
use crate::lower::cast_to;
use crate::types;

impl Planner<'_> {
    /// Rows of constants, with columns `col1`, `col2`, ...
    pub(super) fn values(&self, values: &Values) -> Result<LogicalPlan, DialectError> {
        let empty = DFSchema::empty();
        let mut rows = Vec::new();
        let mut meets: Vec<DataType> = Vec::new();
        for row in &values.rows {
            let mut cells = Vec::new();
            for (at, cell) in row.content.iter().enumerate() {
                let position = Position::from(cell.span());
                let lowered = self.expr(cell, &empty)?;
                let before = meets.get(at).cloned().unwrap_or(DataType::Null);
                if meets.len() == at && rows.is_empty() {
                    meets.push(DataType::Null);
                }
                let Some(slot) = meets.get_mut(at) else {
                    return Err(DialectError::types("the rows differ in length", "", position));
                };
                *slot = common(&before, &lowered.data_type, "VALUES", position)?;
                cells.push(lowered);
            }
            if cells.len() != meets.len() {
                let position = Position::from(values.span());
                return Err(DialectError::types("the rows differ in length", "", position));
            }
            rows.push(cells);
        }
        let rows = rows.into_iter().map(|row| {
            row.into_iter().zip(&meets).map(|(cell, meets)| cast_to(cell, meets).expr).collect()
        });
        let plan = LogicalPlanBuilder::values(rows.collect())?.build()?;
        let names = columns(&plan).into_iter().enumerate();
        let named = names.map(|(at, column)| Expr::Column(column).alias(format!("col{}", at + 1)));
        Ok(LogicalPlanBuilder::from(plan).project(named)?.build()?)
    }
}

fn common(
    left: &DataType,
    right: &DataType,
    what: &str,
    position: Position,
) -> Result<DataType, DialectError> {
    types::common_type(left, right).ok_or_else(|| {
        let (left, right) = (types::type_name(left), types::type_name(right));
        let message = format!("{what}: {left} and {right} have no common type");
        DialectError::types(message, "write a CAST", position)
    })
}

/// The set operation on two queries; names are those of the first.
pub(super) fn combined(
    left: LogicalPlan,
    operator: SetOperator,
    quantifier: SetQuantifier,
    right: LogicalPlan,
    position: Position,
) -> Result<LogicalPlan, DialectError> {
    let all = match quantifier {
        SetQuantifier::All => true,
        SetQuantifier::Distinct | SetQuantifier::None => false,
        other => return Err(DialectError::unsupported(other.to_string(), "", position)),
    };
    let (of_left, of_right) = (columns(&left), columns(&right));
    if of_left.len() != of_right.len() {
        let message = format!("{operator}: {} columns beside {}", of_left.len(), of_right.len());
        return Err(DialectError::types(message, "", position));
    }
    let (mut lefts, mut rights) = (Vec::new(), Vec::new());
    for (l, r) in of_left.into_iter().zip(of_right) {
        let name = l.name.clone();
        let (l, r) = (from::typed(&left, l)?, from::typed(&right, r)?);
        let meets = common(&l.data_type, &r.data_type, &operator.to_string(), position)?;
        lefts.push(cast_to(l, &meets).expr.alias(&name));
        rights.push(cast_to(r, &meets).expr.alias(&name));
    }
    let left = LogicalPlanBuilder::from(left).project(lefts)?.build()?;
    let right = LogicalPlanBuilder::from(right).project(rights)?.build()?;
    let plan = match operator {
        SetOperator::Union if all => LogicalPlanBuilder::from(left).union(right)?.build()?,
        SetOperator::Union => LogicalPlanBuilder::from(left).union_distinct(right)?.build()?,
        // DataFusion keeps one side's copies for ALL, Spark counts both sides'.
        _ if all => {
            let what = format!("{operator} ALL");
            return Err(DialectError::unsupported(what, "leave out ALL", position));
        }
        SetOperator::Intersect => LogicalPlanBuilder::intersect(left, right, false)?,
        SetOperator::Except | SetOperator::Minus => LogicalPlanBuilder::except(left, right, false)?,
    };
    Ok(plan)
}
