//! Recognising the three things that are more than expressions: `ROW_NUMBER() = 1`, `window(...)` and
//! aggregate calls.

use sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, Query, Select, SelectItem, SetExpr, Value, VisitMut, VisitorMut,
    WindowType,
};
use std::ops::ControlFlow;

/// Prefix of columns that the plan adds and no query can name.
pub(super) const HIDDEN: &str = "__";

/// A reference to a hidden column.
pub(super) fn hidden(name: &str) -> Expr {
    Expr::Identifier(Ident::new(name))
}

/// The function's name when it is a plain, unqualified one, in lower case.
pub(super) fn function_name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [part] => part.as_ident().map(|ident| ident.value.to_lowercase()),
        _ => None,
    }
}

/// A function's plain arguments, or `None` when it has others (names, subqueries, clauses).
pub(super) fn arguments(function: &Function) -> Option<Vec<&FunctionArgExpr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    list.args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(expression) => Some(expression),
            _ => None,
        })
        .collect()
}

/// Whether the call says DISTINCT.
pub(super) fn is_distinct(function: &Function) -> bool {
    matches!(&function.args, FunctionArguments::List(list)
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct))
}

/// The SELECT of a query that is one and nothing more.
pub(super) fn plain_select(query: &Query) -> Result<&Select, &'static str> {
    if query.with.is_some() {
        return Err("WITH is not part of a stream's SQL; write the subquery in FROM");
    }
    if query.order_by.is_some() {
        return Err("ORDER BY means nothing on a stream that never ends; leave it out");
    }
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return Err("LIMIT would depend on the order of arrival; use WHERE");
    }
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Err("a stream reads one SELECT; UNION and VALUES are not part of it");
    };
    if select.having.is_some() {
        return Err(
            "HAVING is not part of a stream's SQL: a group that passed and passes no longer would have to be taken back; write every group, and filter when you read the table",
        );
    }
    if select.distinct.is_some() {
        return Err(
            "SELECT DISTINCT has no bound on a stream; use ROW_NUMBER() OVER (PARTITION BY ... ORDER BY <event time>) = 1",
        );
    }
    if select.qualify.is_some() || !select.lateral_views.is_empty() || select.top.is_some() {
        return Err("QUALIFY, LATERAL VIEW and TOP are not part of a stream's SQL");
    }
    Ok(select)
}

/// `ROW_NUMBER() OVER (PARTITION BY key... ORDER BY column)`, taken apart.
pub(super) struct RowNumber {
    pub(super) keys: Vec<Expr>,
    pub(super) order: Expr,
    pub(super) descending: bool,
}

/// Recognises a ROW_NUMBER call.
pub(super) fn row_number(expression: &Expr) -> Option<Result<RowNumber, &'static str>> {
    let Expr::Function(function) = expression else { return None };
    if function_name(function)?.as_str() != "row_number" {
        return None;
    }
    let Some(WindowType::WindowSpec(spec)) = &function.over else {
        return Some(Err("ROW_NUMBER() needs OVER (PARTITION BY key ORDER BY <event time>)"));
    };
    let [order] = spec.order_by.as_slice() else {
        return Some(Err("ROW_NUMBER() must be ordered by the watermark's column alone"));
    };
    if spec.partition_by.is_empty() {
        return Some(Err("ROW_NUMBER() needs PARTITION BY: the key that must not repeat"));
    }
    Some(Ok(RowNumber {
        keys: spec.partition_by.clone(),
        order: order.expr.clone(),
        descending: order.options.asc == Some(false),
    }))
}

/// Splits a predicate at its ANDs.
pub(super) fn conjuncts(expression: Expr) -> Vec<Expr> {
    match expression {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut all = conjuncts(*left);
            all.extend(conjuncts(*right));
            all
        }
        Expr::Nested(inner) => conjuncts(*inner),
        other => vec![other],
    }
}

/// Joins predicates with AND.
pub(super) fn conjunction(all: Vec<Expr>) -> Option<Expr> {
    all.into_iter().reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::And,
        right: Box::new(right),
    })
}

/// Whether this is `name = 1`.
pub(super) fn is_first(expression: &Expr, name: &str) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = expression else { return false };
    let Expr::Value(value) = right.as_ref() else { return false };
    matches!(&value.value, Value::Number(number, _) if *number == "1")
        && last_name(left).is_some_and(|found| found.eq_ignore_ascii_case(name))
}

/// The column's own name of an identifier, qualified or not.
pub(super) fn last_name(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Identifier(ident) => Some(&ident.value),
        Expr::CompoundIdentifier(parts) => parts.last().map(|ident| ident.value.as_str()),
        _ => None,
    }
}

/// The name that a SELECT item gives its column.
pub(super) fn item_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.to_lowercase()),
        SelectItem::UnnamedExpr(expression) => {
            Some(last_name(expression).map_or_else(|| expression.to_string(), str::to_lowercase))
        }
        _ => None,
    }
}

/// The expression of a SELECT item.
pub(super) fn item_expression(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr) => Some(expr),
        _ => None,
    }
}

/// Replaces, from the root down and within what was put in, every expression for which `replace` has another.
pub(super) fn replace(expression: &mut Expr, replace: impl FnMut(&Expr) -> Option<Expr>) {
    struct Replacer<F>(F);
    impl<F: FnMut(&Expr) -> Option<Expr>> VisitorMut for Replacer<F> {
        type Break = ();

        fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
            if let Some(other) = (self.0)(expression) {
                *expression = other;
            }
            ControlFlow::Continue(())
        }
    }
    // The replacer never breaks.
    let _never = expression.visit(&mut Replacer(replace));
}
