//! GROUP BY and HAVING: what is a key, what is an aggregate, and that nothing else is read.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{self, GroupByExpr, Select, SelectItem, Spanned as _};

use super::items::Output;
use super::{Planner, ordinal, window};
use crate::error::{DialectError, Position};
use crate::functions::ORDERED;
use crate::types;
use crate::udf::Udf;

/// The keys of GROUP BY as written, with names of the SELECT list put in.
#[derive(Debug)]
pub(super) struct Grouping {
    keys: Vec<ast::Expr>,
    having: bool,
}

/// Whether an aggregate is called in the expression.
pub(super) fn aggregates(expr: &Expr) -> bool {
    expr.exists(|e| Ok(matches!(e, Expr::AggregateFunction(_)))).unwrap_or(true)
}

impl Grouping {
    pub(super) fn read(select: &Select, schema: &DFSchema) -> Result<Self, DialectError> {
        let position = Position::from(select.span());
        let GroupByExpr::Expressions(keys, modifiers) = &select.group_by else {
            return Err(DialectError::unsupported("GROUP BY ALL", "name the columns", position));
        };
        if !modifiers.is_empty() {
            return Err(DialectError::unsupported("ROLLUP, CUBE or TOTALS", "", position));
        }
        let keys = keys
            .iter()
            .map(|key| resolved(key, &select.projection, schema))
            .collect::<Result<_, _>>()?;
        Ok(Grouping { keys, having: select.having.is_some() })
    }

    /// The expression with `window` and its parts standing for the window of GROUP BY.
    pub(super) fn windowed(&self, expr: &ast::Expr, schema: &DFSchema) -> ast::Expr {
        let key = self.keys.iter().find(|key| window::is_call(key));
        match key {
            Some(key) if !has_column(schema, "window") => window::put_in(expr, key),
            _ => expr.clone(),
        }
    }

    /// An expression of HAVING with names of the SELECT list put in; a column comes before them.
    pub(super) fn named(
        &self,
        expr: &ast::Expr,
        outputs: &[Output],
        schema: &DFSchema,
    ) -> ast::Expr {
        let replaced = window::replaced(expr, |e| {
            let ast::Expr::Identifier(name) = e else { return None };
            if has_column(schema, &name.value) {
                return None;
            }
            let same = |output: &&Output| {
                output.alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(&name.value))
            };
            outputs.iter().find(same)?.written.clone()
        });
        self.windowed(&replaced, schema)
    }

    /// Aggregates, and puts the results' columns into the outputs and the condition.
    pub(super) fn applied(
        &self,
        planner: &Planner<'_>,
        plan: LogicalPlan,
        outputs: &mut [Output],
        having: Option<(Expr, Position)>,
        position: Position,
    ) -> Result<LogicalPlan, DialectError> {
        let mut calls = Vec::new();
        for expr in outputs.iter().map(|o| &o.value.expr).chain(having.as_ref().map(|(e, _)| e)) {
            collect(expr, &mut calls)?;
        }
        if self.keys.is_empty() && calls.is_empty() && !self.having {
            return Ok(plan);
        }
        let (plan, keys) = self.lowered(planner, plan)?;
        let groups: Vec<Expr> = keys.iter().map(in_order).collect();
        if groups.is_empty() && calls.is_empty() {
            return Err(DialectError::types(
                "HAVING without an aggregate",
                "write WHERE",
                position,
            ));
        }
        let plan = LogicalPlanBuilder::from(plan).aggregate(groups, calls.clone())?.build()?;
        let results: Vec<Column> = plan.schema().columns();
        let known: Vec<(Expr, Column)> =
            keys.into_iter().map(|key| key.0).chain(calls).zip(results).collect();
        for output in outputs.iter_mut() {
            let bare = matches!(output.value.expr, Expr::Column(_)) && output.alias.is_none();
            let name = output.name().to_string();
            output.value.expr = rebased(output.value.expr.clone(), &known, output.position)?;
            // A key that is not a plain column after grouping keeps the name it was read by.
            if bare && !matches!(&output.value.expr, Expr::Column(c) if c.name == name) {
                output.alias = Some(name);
            }
        }
        let Some((condition, position)) = having else { return Ok(plan) };
        let condition = rebased(condition, &known, position)?;
        Ok(LogicalPlanBuilder::from(plan).having(condition)?.build()?)
    }

    /// The keys over the rows of FROM, each once; rows without a time have no window.
    fn lowered(
        &self,
        planner: &Planner<'_>,
        mut plan: LogicalPlan,
    ) -> Result<(LogicalPlan, Vec<(Expr, DataType)>), DialectError> {
        let mut keys: Vec<(Expr, DataType)> = Vec::new();
        for key in &self.keys {
            let lowered = planner.expr(key, plan.schema())?;
            if aggregates(&lowered.expr) {
                let what = "an aggregate in GROUP BY";
                return Err(DialectError::unsupported(what, "", key.span().into()));
            }
            if window::is_call(key) {
                let timed = lowered.expr.clone().is_not_null();
                plan = LogicalPlanBuilder::from(plan).filter(timed)?.build()?;
            }
            if !keys.iter().any(|(known, _)| *known == lowered.expr) {
                keys.push((lowered.expr, lowered.data_type));
            }
        }
        Ok((plan, keys))
    }
}

/// Doubles group in SQL's order, where `-0.0 = 0.0` and all NaNs are one.
fn in_order((key, data_type): &(Expr, DataType)) -> Expr {
    if types::is_float(data_type) {
        return Udf::call(&ORDERED, data_type.clone(), vec![key.clone()]);
    }
    key.clone()
}

fn has_column(schema: &DFSchema, name: &str) -> bool {
    schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name))
}

/// A key: a place in the SELECT list, a column, or a name that the SELECT list gives.
fn resolved(
    key: &ast::Expr,
    items: &[SelectItem],
    schema: &DFSchema,
) -> Result<ast::Expr, DialectError> {
    if let Some(at) = ordinal(key) {
        return match at.checked_sub(1).and_then(|at| items.get(at)) {
            Some(SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. }) => {
                Ok(e.clone())
            }
            _ => {
                let message = format!("GROUP BY {at}: the SELECT list has {} items", items.len());
                Err(DialectError::types(message, "", key.span().into()))
            }
        };
    }
    let ast::Expr::Identifier(name) = key else { return Ok(key.clone()) };
    if has_column(schema, &name.value) {
        return Ok(key.clone());
    }
    let named = items.iter().find_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias }
            if alias.value.eq_ignore_ascii_case(&name.value) =>
        {
            Some(expr.clone())
        }
        _ => None,
    });
    Ok(named.unwrap_or_else(|| key.clone()))
}

fn collect(expr: &Expr, calls: &mut Vec<Expr>) -> Result<(), DialectError> {
    expr.apply(|e| {
        if !matches!(e, Expr::AggregateFunction(_)) {
            return Ok(TreeNodeRecursion::Continue);
        }
        if !calls.contains(e) {
            calls.push(e.clone());
        }
        Ok(TreeNodeRecursion::Jump)
    })?;
    Ok(())
}

/// The expression over the columns that the aggregation gives.
fn rebased(expr: Expr, known: &[(Expr, Column)], position: Position) -> Result<Expr, DialectError> {
    let mut stranger = None;
    let done = expr.transform_down(|e| {
        if let Some((_, column)) = known.iter().find(|(key, _)| *key == e) {
            let found = Expr::Column(column.clone());
            return Ok(Transformed::new(found, true, TreeNodeRecursion::Jump));
        }
        if let Expr::Column(column) = &e {
            stranger.get_or_insert_with(|| column.name.clone());
        }
        Ok(Transformed::no(e))
    })?;
    match stranger {
        None => Ok(done.data),
        Some(name) => {
            let message = format!("column {name} is neither in GROUP BY nor in an aggregate");
            let hint = format!("add it to GROUP BY, or write max({name})");
            Err(DialectError::types(message, &hint, position))
        }
    }
}
