//! One query of a prompt, planned: SELECT with joins, groups and order, over tables that are given.
//!
//! Owns the meaning of the clauses; every expression in them is lowered as in a stream, so that a
//! prompt and a stream give one value for one text. DataFusion optimizes and runs what comes out.
//!
//! Never does: open a table, read the clock, run a plan. Plans of streams are the engine's.

mod from;
mod grouping;
mod items;
mod order;
mod set;
pub(crate) mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema};
use datafusion::datasource::TableProvider;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{self, Query, Select, SetExpr, Spanned as _};

use crate::call;
use crate::error::{DialectError, Position};
use crate::lower::{Lowering, Typed, coerce};
use crate::statement;

/// How deep subqueries and set operations may nest: each level is a stack frame at planning.
const DEPTH_MAX: usize = 50;

/// What a query may refer to.
#[derive(Debug)]
pub struct QueryInput {
    /// Tables by name in lower case.
    pub tables: BTreeMap<String, Arc<dyn TableProvider>>,
    /// Names that hints may offer; the tables, and those that were not opened.
    pub names: Vec<String>,
    /// What `now()` gives in the whole query, microseconds since the Unix epoch.
    pub now_micros: i64,
}

/// Reads one query; a `;` may end it.
///
/// # Errors
/// Text that is not one SELECT, WITH or VALUES, or calls a function that is not listed, with the place.
pub fn parse_query(text: &str) -> Result<Box<Query>, DialectError> {
    let mut statements = statement::parse_statements(text)?.into_iter();
    match (statements.next(), statements.next()) {
        (Some(statement), None) => match statement.value {
            statement::Statement::Query(query) => {
                functions_listed(&query)?;
                Ok(query)
            }
            _ => Err(DialectError::unsupported(
                "a statement that is not a SELECT",
                "CREATE TABLE and INSERT belong into the project's streams/*.sql",
                statement.position,
            )),
        },
        (None, _) => Err(DialectError::syntax("the query is empty", Position::default())),
        (_, Some(second)) => {
            Err(DialectError::syntax("a second statement stands after the query", second.position))
        }
    }
}

/// A misspelt function is told before any table is opened.
fn functions_listed(query: &Query) -> Result<(), DialectError> {
    let walk = ast::visit_expressions(query, |expr| match expr {
        // OVER is refused as such, whatever function it follows.
        ast::Expr::Function(function) if function.over.is_none() => match call::listed(function) {
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        },
        _ => ControlFlow::Continue(()),
    });
    match walk {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// The names in lower case of all relations that a query reads; names of its own WITH are among them.
pub fn relations(query: &Query) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let _whole = ast::visit_relations(query, |name| {
        found.insert(name.to_string().replace('`', "").to_lowercase());
        ControlFlow::<()>::Continue(())
    });
    found
}

/// Plans a query.
///
/// # Errors
/// The first thing that is not in the subset or does not fit the tables, with its place.
pub fn plan_query(query: &Query, input: &QueryInput) -> Result<LogicalPlan, DialectError> {
    let mut planner = Planner { input, named: Vec::new(), depth: 0 };
    planner.query(query)
}

struct Planner<'a> {
    input: &'a QueryInput,
    /// Queries of WITH, the innermost last.
    named: Vec<(String, LogicalPlan)>,
    depth: usize,
}

impl Planner<'_> {
    fn query(&mut self, query: &Query) -> Result<LogicalPlan, DialectError> {
        let position = Position::from(query.span());
        let unused = [
            (query.fetch.is_some(), "FETCH"),
            (!query.locks.is_empty() || query.for_clause.is_some(), "FOR"),
            (query.settings.is_some() || query.format_clause.is_some(), "SETTINGS or FORMAT"),
            (!query.pipe_operators.is_empty(), "|>"),
        ];
        refuse_first(&unused, "", position)?;
        let outer = self.named.len();
        if let Some(with) = &query.with {
            if with.recursive {
                return Err(DialectError::unsupported("WITH RECURSIVE", "", position));
            }
            for table in &with.cte_tables {
                let plan = self.query(&table.query)?;
                let plan = from::aliased(plan, Some(&table.alias))?;
                self.named.push((table.alias.name.value.to_lowercase(), plan));
            }
        }
        let order = order::keys(query.order_by.as_ref(), position)?;
        let plan = self.body(&query.body, order);
        self.named.truncate(outer);
        order::limited(plan?, query.limit_clause.as_ref(), position)
    }

    fn body(
        &mut self,
        body: &SetExpr,
        order: &[ast::OrderByExpr],
    ) -> Result<LogicalPlan, DialectError> {
        let position = Position::from(body.span());
        if self.depth >= DEPTH_MAX {
            let message = format!("queries nest deeper than {DEPTH_MAX} levels");
            return Err(DialectError::syntax(message, position));
        }
        self.depth += 1;
        let plan = match body {
            SetExpr::Select(select) => self.select(select, order),
            SetExpr::Query(query) => self.query(query).and_then(|p| self.ordered(p, order)),
            SetExpr::Values(values) => self.values(values).and_then(|p| self.ordered(p, order)),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let sides = self.body(left, &[]).and_then(|l| Ok((l, self.body(right, &[])?)));
                sides
                    .and_then(|(l, r)| set::combined(l, *op, *set_quantifier, r, position))
                    .and_then(|plan| self.ordered(plan, order))
            }
            other => Err(DialectError::unsupported(other.to_string(), "", position)),
        };
        self.depth -= 1;
        plan
    }

    fn select(
        &mut self,
        select: &Select,
        order: &[ast::OrderByExpr],
    ) -> Result<LogicalPlan, DialectError> {
        let position = Position::from(select.span());
        refuse_clauses(select, position)?;
        let mut plan = self.from(&select.from)?;
        if let Some(condition) = &select.selection {
            let lowered = self.condition(condition, plan.schema(), "WHERE")?;
            plan = LogicalPlanBuilder::from(plan).filter(lowered)?.build()?;
        }
        let grouped = grouping::Grouping::read(select, plan.schema())?;
        let mut outputs = items::read(self, select, plan.schema(), &grouped)?;
        let distinct = match &select.distinct {
            None | Some(ast::Distinct::All) => false,
            Some(ast::Distinct::Distinct) => true,
            Some(ast::Distinct::On(_)) => {
                return Err(DialectError::unsupported("DISTINCT ON", "", position));
            }
        };
        let keys = order::lowered(self, order, plan.schema(), &grouped, &outputs)?;
        let having = match &select.having {
            Some(condition) => {
                let condition = grouped.named(condition, &outputs, plan.schema());
                Some((self.boolean(&condition, plan.schema(), "HAVING")?, condition.span().into()))
            }
            None => None,
        };
        let sort = order::Sort::new(keys, &mut outputs, distinct, position)?;
        let plan = grouped.applied(self, plan, &mut outputs, having, position)?;
        let plan = items::projected(plan, &outputs)?;
        let plan =
            if distinct { LogicalPlanBuilder::from(plan).distinct()?.build()? } else { plan };
        sort.applied(plan)
    }

    /// Lowers an expression over a schema, with a moment for `now()`.
    fn expr(&self, expr: &ast::Expr, schema: &DFSchema) -> Result<Typed, DialectError> {
        Lowering::of_query(schema, self.input.now_micros).expr(expr)
    }

    fn boolean(
        &self,
        expr: &ast::Expr,
        schema: &DFSchema,
        clause: &str,
    ) -> Result<Expr, DialectError> {
        let lowered = self.expr(expr, schema)?;
        let position = expr.span().into();
        Ok(coerce(lowered, &DataType::Boolean, &format!("{clause}'s condition"), position)?.expr)
    }

    /// A condition on single rows.
    fn condition(
        &self,
        expr: &ast::Expr,
        schema: &DFSchema,
        clause: &str,
    ) -> Result<Expr, DialectError> {
        let lowered = self.boolean(expr, schema, clause)?;
        if grouping::aggregates(&lowered) {
            let what = format!("an aggregate in {clause}");
            let hint = "write HAVING, or aggregate in a subquery";
            return Err(DialectError::unsupported(what, hint, expr.span().into()));
        }
        Ok(lowered)
    }
}

/// A plan's output columns in order.
fn columns(plan: &LogicalPlan) -> Vec<Column> {
    plan.schema().columns()
}

fn refuse_first(
    clauses: &[(bool, &str)],
    hint: &str,
    position: Position,
) -> Result<(), DialectError> {
    match clauses.iter().find(|(written, _)| *written) {
        Some((_, what)) => Err(DialectError::unsupported(*what, hint, position)),
        None => Ok(()),
    }
}

fn refuse_clauses(select: &Select, position: Position) -> Result<(), DialectError> {
    let clauses = [
        (select.top.is_some(), "TOP"),
        (select.into.is_some(), "INTO"),
        (select.exclude.is_some(), "EXCLUDE"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (!select.named_window.is_empty(), "WINDOW"),
        (select.qualify.is_some(), "QUALIFY"),
        (select.value_table_mode.is_some(), "SELECT AS"),
    ];
    refuse_first(&clauses, "", position)
}

/// A whole number, which in GROUP BY and ORDER BY is the place of an item, from 1.
fn ordinal(expr: &ast::Expr) -> Option<usize> {
    let ast::Expr::Value(value) = expr else { return None };
    let ast::Value::Number(digits, _) = &value.value else { return None };
    digits.to_string().parse().ok()
}
