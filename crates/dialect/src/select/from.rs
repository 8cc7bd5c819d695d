//! FROM: tables, subqueries and joins.

use std::sync::Arc;

use datafusion::catalog::default_table_source::DefaultTableSource;
use datafusion::common::{Column, DFSchema, ExprSchema as _, JoinType, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{
    self, Ident, JoinConstraint, JoinOperator, Spanned as _, TableAlias, TableFactor,
    TableWithJoins,
};

use super::{Planner, columns};
use crate::error::{DialectError, Position};
use crate::lower::{Typed, coalesce};

impl Planner<'_> {
    /// The rows of FROM; one row without columns when there is none.
    pub(super) fn from(&mut self, from: &[TableWithJoins]) -> Result<LogicalPlan, DialectError> {
        let Some((first, rest)) = from.split_first() else {
            return Ok(LogicalPlanBuilder::empty(true).build()?);
        };
        let mut plan = self.joined(first)?;
        for other in rest {
            let right = self.joined(other)?;
            plan = crossed(plan, right, other.span().into())?;
        }
        Ok(plan)
    }

    fn joined(&mut self, tables: &TableWithJoins) -> Result<LogicalPlan, DialectError> {
        let mut plan = self.relation(&tables.relation)?;
        for join in &tables.joins {
            let position = Position::from(join.span());
            let right = self.relation(&join.relation)?;
            plan = self.join(plan, right, &join.join_operator, position)?;
        }
        Ok(plan)
    }

    fn relation(&mut self, relation: &TableFactor) -> Result<LogicalPlan, DialectError> {
        let position = Position::from(relation.span());
        match relation {
            TableFactor::Table { name, alias, args: None, sample: None, version: None, .. } => {
                let plan = self.table(name, position)?;
                aliased(plan, alias.as_ref())
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let outer = self.depth;
                self.depth += 1;
                let plan = self.query(subquery);
                self.depth = outer;
                aliased(plan?, alias.as_ref())
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let plan = self.joined(table_with_joins)?;
                aliased(plan, alias.as_ref())
            }
            other => Err(DialectError::unsupported(other.to_string(), "", position)),
        }
    }

    fn table(
        &self,
        name: &ast::ObjectName,
        position: Position,
    ) -> Result<LogicalPlan, DialectError> {
        let written = name.to_string().replace('`', "");
        let lower = written.to_lowercase();
        if let Some((_, plan)) = self.named.iter().rfind(|(known, _)| *known == lower) {
            return Ok(plan.clone());
        }
        if let Some(provider) = self.input.tables.get(&lower) {
            let source = Arc::new(DefaultTableSource::new(Arc::clone(provider)));
            let reference = TableReference::bare(lower);
            return Ok(LogicalPlanBuilder::scan(reference, source, None)?.build()?);
        }
        let named = self.named.iter().map(|(name, _)| name.as_str());
        let known = self.input.names.iter().map(String::as_str).chain(named);
        Err(DialectError::UnknownTable {
            hint: spelling::hint(&lower, known),
            name: written,
            position,
        })
    }

    fn join(
        &mut self,
        left: LogicalPlan,
        right: LogicalPlan,
        operator: &JoinOperator,
        position: Position,
    ) -> Result<LogicalPlan, DialectError> {
        use JoinOperator as J;
        let (kind, constraint) = match operator {
            J::Join(on) | J::Inner(on) | J::CrossJoin(on) => (JoinType::Inner, on),
            J::Left(on) | J::LeftOuter(on) => (JoinType::Left, on),
            J::Right(on) | J::RightOuter(on) => (JoinType::Right, on),
            J::FullOuter(on) => (JoinType::Full, on),
            J::Semi(on) | J::LeftSemi(on) => (JoinType::LeftSemi, on),
            J::Anti(on) | J::LeftAnti(on) => (JoinType::LeftAnti, on),
            _ => return Err(DialectError::unsupported("this kind of join", "", position)),
        };
        let both = both(&left, &right, position)?;
        match constraint {
            JoinConstraint::None if kind == JoinType::Inner => crossed(left, right, position),
            JoinConstraint::None => {
                Err(DialectError::syntax("the join needs ON or USING", position))
            }
            JoinConstraint::Natural => {
                Err(DialectError::unsupported("NATURAL JOIN", "write USING (..)", position))
            }
            JoinConstraint::On(condition) => {
                let on = self.condition(condition, &both, "ON")?;
                Ok(LogicalPlanBuilder::from(left).join_on(right, kind, [on])?.build()?)
            }
            JoinConstraint::Using(names) => {
                let names: Vec<Ident> =
                    names.iter().filter_map(|name| name.0.last()?.as_ident().cloned()).collect();
                self.join_using(left, right, kind, &names)
            }
        }
    }

    /// Joins on columns of one name, which then stand once, first, without a table's name.
    fn join_using(
        &self,
        left: LogicalPlan,
        right: LogicalPlan,
        kind: JoinType,
        names: &[Ident],
    ) -> Result<LogicalPlan, DialectError> {
        let mut conditions = Vec::new();
        let mut merged = Vec::new();
        let mut hidden = Vec::new();
        for name in names {
            let position = Position::from(name.span);
            let of_left = self.expr(&ast::Expr::Identifier(name.clone()), left.schema())?;
            let of_right = self.expr(&ast::Expr::Identifier(name.clone()), right.schema())?;
            for side in [&of_left, &of_right] {
                if let Expr::Column(column) = &side.expr {
                    hidden.push(column.clone());
                }
            }
            let equal = crate::lower::equal(of_left.clone(), of_right.clone(), position)?;
            conditions.push(equal.expr);
            let value = match kind {
                JoinType::Right => of_right,
                JoinType::Full => coalesce(vec![of_left, of_right], position)?,
                _ => of_left,
            };
            merged.push(value.expr.alias(name.value.to_lowercase()));
        }
        let semi = matches!(kind, JoinType::LeftSemi | JoinType::LeftAnti);
        let plan = LogicalPlanBuilder::from(left).join_on(right, kind, conditions)?.build()?;
        if semi {
            return Ok(plan);
        }
        let rest = columns(&plan).into_iter().filter(|column| !hidden.contains(column));
        merged.extend(rest.map(Expr::Column));
        Ok(LogicalPlanBuilder::from(plan).project(merged)?.build()?)
    }
}

/// The columns of both sides.
fn both(
    left: &LogicalPlan,
    right: &LogicalPlan,
    position: Position,
) -> Result<DFSchema, DialectError> {
    left.schema().join(right.schema()).map_err(|_| {
        let message = "both sides of the join go by one name";
        DialectError::types(message, "give one of them an alias", position)
    })
}

fn crossed(
    left: LogicalPlan,
    right: LogicalPlan,
    position: Position,
) -> Result<LogicalPlan, DialectError> {
    both(&left, &right, position)?;
    Ok(LogicalPlanBuilder::from(left).cross_join(right)?.build()?)
}

/// Gives a relation the name, and the column names, of its alias.
pub(super) fn aliased(
    plan: LogicalPlan,
    alias: Option<&TableAlias>,
) -> Result<LogicalPlan, DialectError> {
    let Some(alias) = alias else { return Ok(plan) };
    let position = Position::from(alias.name.span);
    let existing = columns(&plan);
    let mut names: Vec<String> = existing.iter().map(|column| column.name.clone()).collect();
    if !alias.columns.is_empty() {
        if alias.columns.len() != names.len() {
            let message = format!(
                "{} names {} columns, the rows have {}",
                alias.name.value,
                alias.columns.len(),
                names.len()
            );
            return Err(DialectError::types(message, "", position));
        }
        names = alias.columns.iter().map(|column| column.name.value.to_lowercase()).collect();
    }
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            let message = format!("{} has two columns named {name}", alias.name.value);
            return Err(DialectError::types(message, "give one of them an alias", position));
        }
    }
    let renamed = existing.into_iter().zip(&names).map(|(column, name)| rename(column, name));
    let plan = LogicalPlanBuilder::from(plan).project(renamed)?;
    Ok(plan.alias(TableReference::bare(alias.name.value.to_lowercase()))?.build()?)
}

fn rename(column: Column, name: &str) -> Expr {
    if column.name == name {
        return Expr::Column(column);
    }
    Expr::Column(column).alias(name)
}

/// A column and its type.
pub(super) fn typed(plan: &LogicalPlan, column: Column) -> Result<Typed, DialectError> {
    let data_type = plan.schema().field_from_column(&column)?.data_type().clone();
    Ok(Typed::new(Expr::Column(column), data_type))
}
