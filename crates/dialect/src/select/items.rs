//! The SELECT list: which columns come out, under which names.

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{self, Select, SelectItem, SelectItemQualifiedWildcardKind, Spanned as _};

use super::Planner;
use super::grouping::Grouping;
use crate::error::{DialectError, Position};
use crate::lower::Typed;

/// One column of the result.
#[derive(Debug, Clone)]
pub(super) struct Output {
    /// As written; nothing for a column of `*`.
    pub(super) written: Option<ast::Expr>,
    pub(super) value: Typed,
    /// The name it is read by; nothing for a plain column, which keeps its table's name too.
    pub(super) alias: Option<String>,
    pub(super) position: Position,
}

impl Output {
    /// The name of the column in the result.
    pub(super) fn name(&self) -> &str {
        match (&self.alias, &self.value.expr) {
            (Some(alias), _) => alias,
            (None, Expr::Column(column)) => &column.name,
            (None, _) => "",
        }
    }

    /// The column as an expression with its name.
    fn named(&self) -> Expr {
        match &self.alias {
            Some(alias) => self.value.expr.clone().alias(alias),
            None => self.value.expr.clone(),
        }
    }
}

/// Lowers the SELECT list over the rows of FROM.
pub(super) fn read(
    planner: &Planner<'_>,
    select: &Select,
    schema: &DFSchema,
    grouping: &Grouping,
) -> Result<Vec<Output>, DialectError> {
    let mut outputs = Vec::new();
    for item in &select.projection {
        let position = Position::from(item.span());
        match item {
            SelectItem::UnnamedExpr(written) => {
                let value = planner.expr(&grouping.windowed(written, schema), schema)?;
                let alias = match (&value.expr, written) {
                    (Expr::Column(_), _) => None,
                    (_, ast::Expr::CompoundIdentifier(names)) => {
                        names.last().map(|name| name.value.to_lowercase())
                    }
                    _ => Some(written.to_string()),
                };
                outputs.push(Output { written: Some(written.clone()), value, alias, position });
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let value = planner.expr(&grouping.windowed(expr, schema), schema)?;
                let alias = Some(alias.value.to_lowercase());
                outputs.push(Output { written: Some(expr.clone()), value, alias, position });
            }
            SelectItem::Wildcard(options) if plain(options) => {
                outputs.extend(all(schema, None, position));
            }
            SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(name),
                options,
            ) if plain(options) => {
                let table = name.to_string().replace('`', "").to_lowercase();
                let before = outputs.len();
                outputs.extend(all(schema, Some(&table), position));
                if outputs.len() == before {
                    let message = format!("no table in FROM goes by the name {table}");
                    return Err(DialectError::types(message, "", position));
                }
            }
            other => return Err(DialectError::unsupported(other.to_string(), "", position)),
        }
    }
    one_name_each(&outputs)?;
    Ok(outputs)
}

fn plain(options: &ast::WildcardAdditionalOptions) -> bool {
    options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
}

fn all(schema: &DFSchema, table: Option<&str>, position: Position) -> Vec<Output> {
    let mut found = Vec::new();
    for (qualifier, field) in schema.iter() {
        if table.is_some_and(|table| qualifier.is_none_or(|q| q.table() != table)) {
            continue;
        }
        let expr = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let value = Typed::new(expr, field.data_type().clone());
        found.push(Output { written: None, value, alias: None, position });
    }
    found
}

/// Two columns may have one name only if their tables tell them apart.
fn one_name_each(outputs: &[Output]) -> Result<(), DialectError> {
    for (at, output) in outputs.iter().enumerate() {
        let same = |other: &&Output| match (&other.alias, &output.alias) {
            (None, None) => other.value.expr == output.value.expr,
            _ => other.name() == output.name(),
        };
        if outputs[..at].iter().any(|other| same(&other)) {
            let message = format!("two columns of the result are named {}", output.name());
            let hint = "give one of them another name with AS";
            return Err(DialectError::types(message, hint, output.position));
        }
    }
    Ok(())
}

/// The plan whose columns are the outputs.
pub(super) fn projected(
    plan: LogicalPlan,
    outputs: &[Output],
) -> Result<LogicalPlan, DialectError> {
    let named = outputs.iter().map(Output::named);
    Ok(LogicalPlanBuilder::from(plan).project(named)?.build()?)
}
