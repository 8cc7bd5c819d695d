//! From an INSERT statement to a [`Plan`], or to one sentence that says why not.

use super::rewrite::{
    HIDDEN, RowNumber, conjunction, conjuncts, is_first, item_expression, item_name, last_name,
    plain_select, row_number,
};
use super::window::{Argument, Grouped, WINDOW_END, WINDOW_START, WindowPlan, grouped};
use super::{DeduplicatePlan, Plan, Stage};
use crate::project::{Problem, Table};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr as LogicalExpr;
use datafusion::physical_expr::PhysicalExpr;
use sqlparser::ast::{Expr, Query, Select, SelectItem, TableFactor};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How deep subqueries may nest.
const DEPTH_MAX: usize = 8;

/// Plans `query` into the columns of `sink`.
///
/// # Errors
/// The first thing that is not part of a stream's SQL, or that does not fit the tables.
pub fn lower(
    query: &Query,
    sink: &Table,
    columns: &[String],
    tables: &BTreeMap<String, Table>,
) -> Result<Plan, Problem> {
    let mut chain = Chain::default();
    let scope = chain.query(query, tables, 0)?;
    if let Some((name, _)) = scope.row_number {
        return Err(Problem::new(format!("ROW_NUMBER() AS {name} is never compared"))
            .hint(format!("put the query in a subquery and add WHERE {name} = 1")));
    }
    chain.into_sink(&scope.schema, sink, columns)
}

/// What the next SELECT sees.
struct Scope {
    schema: SchemaRef,
    /// The name under which the subquery is known.
    alias: Option<String>,
    /// A ROW_NUMBER column that a WHERE must compare with 1, and the hidden key columns.
    row_number: Option<(String, DeduplicatePlan)>,
}

#[derive(Default)]
struct Chain {
    source: String,
    event_time: Option<String>,
    needed: Vec<String>,
    before: Vec<Arc<Stage>>,
    deduplicate: Option<DeduplicatePlan>,
    between: Vec<Arc<Stage>>,
    window: Option<WindowPlan>,
    after: Vec<Arc<Stage>>,
}

impl Chain {
    fn query(
        &mut self,
        query: &Query,
        tables: &BTreeMap<String, Table>,
        depth: usize,
    ) -> Result<Scope, Problem> {
        if depth > DEPTH_MAX {
            return Err(Problem::new(format!("subqueries nest deeper than {DEPTH_MAX}")));
        }
        let select = plain_select(query).map_err(Problem::new)?;
        let [from] = select.from.as_slice() else {
            return Err(Problem::new("a stream reads from one table"));
        };
        if !from.joins.is_empty() {
            return Err(Problem::new("joins are not part of a stream's SQL yet"));
        }
        let scope = match &from.relation {
            TableFactor::Table { name, alias, .. } => {
                let alias = alias.as_ref().map(|a| a.name.value.to_lowercase());
                self.scan(&name.to_string().to_lowercase(), alias, tables)?
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let mut scope = self.query(subquery, tables, depth + 1)?;
                scope.alias = alias.as_ref().map(|a| a.name.value.to_lowercase());
                scope
            }
            other => return Err(Problem::new(format!("{other} is not a table or a subquery"))),
        };
        self.select(select, scope)
    }

    fn scan(
        &mut self,
        name: &str,
        alias: Option<String>,
        tables: &BTreeMap<String, Table>,
    ) -> Result<Scope, Problem> {
        let Some(table) = tables.get(name) else {
            return Err(Problem::new(format!("no table is named {name}"))
                .nearest(name, tables.keys().map(String::as_str)));
        };
        name.clone_into(&mut self.source);
        self.event_time = table.watermark.as_ref().map(|watermark| watermark.column.clone());
        let alias = Some(alias.unwrap_or_else(|| name.to_owned()));
        Ok(Scope { schema: Arc::clone(&table.schema), alias, row_number: None })
    }

    fn select(&mut self, select: &Select, scope: Scope) -> Result<Scope, Problem> {
        let event_time = self.event_time.clone().unwrap_or_else(|| "<event time>".into());
        let filter = self.take_first(select, scope.row_number)?;
        let input = Input::new(scope.schema, scope.alias)?;
        match grouped(select, &event_time).map_err(Problem::new)? {
            Some(found) => self.group(&found, filter, &input),
            None => self.project(select, filter, &input),
        }
    }

    /// Turns `WHERE rn = 1` over a ROW_NUMBER column into deduplication; returns the rest of the WHERE.
    fn take_first(
        &mut self,
        select: &Select,
        row_number: Option<(String, DeduplicatePlan)>,
    ) -> Result<Option<Expr>, Problem> {
        let Some((name, plan)) = row_number else { return Ok(select.selection.clone()) };
        let (first, rest): (Vec<_>, Vec<_>) = select
            .selection
            .clone()
            .map(conjuncts)
            .unwrap_or_default()
            .into_iter()
            .partition(|predicate| is_first(predicate, &name));
        if first.is_empty() {
            return Err(Problem::new(format!("ROW_NUMBER() AS {name} is never compared"))
                .hint(format!("add WHERE {name} = 1: the first record of each key")));
        }
        self.deduplicate = Some(plan);
        Ok(conjunction(rest))
    }

    fn stages(&mut self) -> &mut Vec<Arc<Stage>> {
        if self.window.is_some() {
            &mut self.after
        } else if self.deduplicate.is_some() {
            &mut self.between
        } else {
            &mut self.before
        }
    }

    fn project(
        &mut self,
        select: &Select,
        filter: Option<Expr>,
        input: &Input,
    ) -> Result<Scope, Problem> {
        if self.window.is_some() && filter.is_some() {
            return Err(Problem::new("WHERE over an aggregate would have to take rows back")
                .hint("filter when you read the table"));
        }
        let mut outputs: Vec<(Expr, String)> = Vec::new();
        let mut found: Option<(String, RowNumber)> = None;
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                    outputs.extend(input.wildcard());
                }
                _ => {
                    let (Some(expression), Some(name)) = (item_expression(item), item_name(item))
                    else {
                        return Err(Problem::new(format!("{item} is not an expression")));
                    };
                    match row_number(expression) {
                        Some(number) => found = Some((name, number.map_err(Problem::new)?)),
                        None => outputs.push((expression.clone(), name)),
                    }
                }
            }
        }
        let row_number = match found {
            Some((name, number)) => Some((name, self.keys(&number, &mut outputs)?)),
            None => None,
        };
        if let Some(plan) = &mut self.deduplicate {
            for name in &mut plan.names {
                *name = name.take().and_then(|name| carried(&name, &outputs));
            }
        }
        let schema = self.stage(input, filter, &outputs)?;
        let row_number = row_number.map(|(name, mut plan): (String, DeduplicatePlan)| {
            plan.types = plan.key.iter().map(|at| schema.field(*at).data_type().clone()).collect();
            (name, plan)
        });
        Ok(Scope { schema, alias: None, row_number })
    }

    /// Adds the key's expressions as hidden columns.
    fn keys(
        &mut self,
        number: &RowNumber,
        outputs: &mut Vec<(Expr, String)>,
    ) -> Result<DeduplicatePlan, Problem> {
        if self.deduplicate.is_some() || self.window.is_some() {
            return Err(Problem::new("a stream deduplicates once, before it aggregates"));
        }
        let Some(event_time) = &self.event_time else {
            return Err(Problem::new("deduplication needs an event time").hint(format!(
                "add WATERMARK FOR <column> AS <column> - INTERVAL '1' MINUTE to table {}",
                self.source
            )));
        };
        if !last_name(&number.order).is_some_and(|name| name.eq_ignore_ascii_case(event_time)) {
            return Err(Problem::new(format!(
                "ROW_NUMBER() must be ordered by {event_time}, the watermark's column, not {}",
                number.order
            )));
        }
        if number.descending {
            return Err(Problem::new("ROW_NUMBER() ... DESC would never be final")
                .hint(format!("ORDER BY {event_time}: the first record of each key wins")));
        }
        let first = outputs.len();
        let mut names = Vec::new();
        for (at, key) in number.keys.iter().enumerate() {
            let known = outputs.iter().find(|(expression, _)| expression == key);
            names.push(known.map(|(_, name)| name.clone()));
            outputs.push((key.clone(), format!("{HIDDEN}key_{at}")));
        }
        let text = number.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Ok(DeduplicatePlan {
            key: (first..outputs.len()).collect(),
            text,
            types: Vec::new(),
            names,
            output: Vec::new(),
        })
    }

    fn group(
        &mut self,
        found: &Grouped,
        filter: Option<Expr>,
        input: &Input,
    ) -> Result<Scope, Problem> {
        if self.window.is_some() {
            return Err(Problem::new("a stream aggregates once"));
        }
        if self.event_time.is_none() {
            return Err(Problem::new("a window needs an event time").hint(format!(
                "add WATERMARK FOR <column> AS <column> - INTERVAL '1' MINUTE to table {}",
                self.source
            )));
        }
        let mut outputs: Vec<(Expr, String)> = Vec::new();
        for (at, group) in found.groups.iter().enumerate() {
            outputs.push((group.clone(), format!("{HIDDEN}group_{at}")));
        }
        let mut columns = Vec::new();
        for (_, argument) in &found.aggregates {
            columns.push(argument.as_ref().map(|_| outputs.len()));
            if let Some(argument) = argument {
                outputs.push((argument.clone(), format!("{HIDDEN}input_{}", outputs.len())));
            }
        }
        let schema = self.stage(input, filter, &outputs)?;
        let type_of = |at: usize| schema.field(at).data_type().clone();
        let groups = (0..found.groups.len()).map(type_of).collect();
        let arguments = columns
            .into_iter()
            .map(|column| Argument { column, data_type: column.map_or(DataType::Null, type_of) })
            .collect();
        let plan = WindowPlan::new(found, groups, arguments).map_err(Problem::new)?;
        let output = Arc::clone(&plan.output);
        self.window = Some(plan);
        let schema = self.stage(&Input::new(output, None)?, None, &found.items)?;
        Ok(Scope { schema, alias: None, row_number: None })
    }

    /// Plans one stage, appends it, and returns its output's schema.
    fn stage(
        &mut self,
        input: &Input,
        filter: Option<Expr>,
        outputs: &[(Expr, String)],
    ) -> Result<SchemaRef, Problem> {
        let filter = filter.map(|predicate| input.physical(&predicate)).transpose()?;
        let mut fields = Vec::new();
        let mut projection = Vec::new();
        for (expression, name) in outputs {
            let (physical, data_type) = input.typed(expression)?;
            fields.push(Field::new(name, data_type, true));
            projection.push(physical);
        }
        let schema = Arc::new(Schema::new(fields));
        let stage =
            Stage::new(filter.map(|(physical, _)| physical), Some(projection), Arc::clone(&schema));
        self.needed.extend(input.take_used());
        self.stages().push(Arc::new(stage));
        Ok(schema)
    }

    /// Adds the stage that casts the query's columns to the sink's.
    fn into_sink(
        mut self,
        schema: &SchemaRef,
        sink: &Table,
        columns: &[String],
    ) -> Result<Plan, Problem> {
        let sink_columns: Vec<String> = if columns.is_empty() {
            sink.schema.fields().iter().map(|field| field.name().clone()).collect()
        } else {
            columns.to_vec()
        };
        let visible: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .filter(|name| !name.starts_with(HIDDEN))
            .collect();
        if visible.len() != sink_columns.len() {
            return Err(Problem::new(format!(
                "the SELECT gives {} columns ({}), table {} takes {} ({})",
                visible.len(),
                visible.join(", "),
                sink.name,
                sink_columns.len(),
                sink_columns.join(", ")
            )));
        }
        if let Some(plan) = &mut self.deduplicate {
            let place = |name: &Option<String>| {
                visible.iter().position(|column| Some(*column) == name.as_deref())
            };
            plan.output = plan.names.iter().map(place).collect();
        }
        let input = Input::new(Arc::clone(schema), None)?;
        let mut fields = Vec::new();
        let mut projection = Vec::new();
        for (from, to) in visible.iter().zip(&sink_columns) {
            let Ok(field) = sink.schema.field_with_name(to) else {
                let names = sink.schema.fields().iter().map(|field| field.name().as_str());
                return Err(Problem::new(format!("table {} has no column {to}", sink.name))
                    .nearest(to, names));
            };
            projection.push(input.cast(from, field.data_type())?);
            fields.push(Field::new(to, field.data_type().clone(), true));
        }
        let output = Arc::new(Schema::new(fields));
        let cast = Stage::new(None, Some(projection), Arc::clone(&output));
        self.stages().push(Arc::new(cast));
        self.needed.sort_unstable();
        self.needed.dedup();
        Ok(Plan {
            source: self.source,
            needed: self.needed,
            before: self.before,
            deduplicate: self.deduplicate,
            between: self.between,
            window: self.window,
            after: self.after,
            output,
            sink_columns,
        })
    }
}

/// The name that a projection gives to a column which it hands on unchanged.
fn carried(name: &str, outputs: &[(Expr, String)]) -> Option<String> {
    let same =
        |expression: &Expr| last_name(expression).is_some_and(|n| n.eq_ignore_ascii_case(name));
    outputs.iter().find(|(expression, _)| same(expression)).map(|(_, name)| name.clone())
}

/// A stage's input: a schema, and the columns that its expressions read.
struct Input {
    schema: DFSchema,
    used: std::cell::RefCell<Vec<String>>,
}

impl Input {
    fn new(schema: SchemaRef, alias: Option<String>) -> Result<Self, Problem> {
        let schema = match alias {
            Some(alias) => DFSchema::try_from_qualified_schema(alias, &schema),
            None => DFSchema::try_from(schema.as_ref().clone()),
        };
        let schema = schema.map_err(|error| Problem::new(error.strip_backtrace()))?;
        Ok(Self { schema, used: std::cell::RefCell::default() })
    }

    fn wildcard(&self) -> Vec<(Expr, String)> {
        self.schema
            .fields()
            .iter()
            .filter(|field| !field.name().starts_with(HIDDEN))
            .map(|field| {
                let ident = sqlparser::ast::Ident::with_quote('`', field.name());
                (Expr::Identifier(ident), field.name().clone())
            })
            .collect()
    }

    fn physical(&self, expression: &Expr) -> Result<(Arc<dyn PhysicalExpr>, DataType), Problem> {
        self.typed(expression)
    }

    fn typed(&self, expression: &Expr) -> Result<(Arc<dyn PhysicalExpr>, DataType), Problem> {
        let logical = dialect::lower(expression, &self.schema)?;
        self.finish(&logical)
    }

    fn cast(&self, column: &str, to: &DataType) -> Result<Arc<dyn PhysicalExpr>, Problem> {
        let quoted = format!("`{}`", column.replace('`', "``"));
        let logical = dialect::parse_expression(&quoted, &self.schema)?;
        let (physical, from) = self.finish(&logical)?;
        if from == *to {
            return Ok(physical);
        }
        let cast = format!("CAST({quoted} AS {})", dialect::type_name(to));
        let logical = dialect::parse_expression(&cast, &self.schema).map_err(|error| {
            let from = dialect::type_name(&from);
            Problem::new(format!(
                "column {column} is {from}, the table's is {}",
                dialect::type_name(to)
            ))
            .hint(error.to_string())
        })?;
        Ok(self.finish(&logical)?.0)
    }

    fn finish(&self, logical: &LogicalExpr) -> Result<(Arc<dyn PhysicalExpr>, DataType), Problem> {
        let mut used = self.used.borrow_mut();
        used.extend(logical.column_refs().iter().map(|column| column.name.clone()));
        let physical = dialect::physical(logical, &self.schema)?;
        let data_type = physical
            .data_type(self.schema.as_arrow())
            .map_err(|error| Problem::new(error.strip_backtrace()))?;
        Ok((physical, data_type))
    }

    fn take_used(&self) -> Vec<String> {
        let own =
            |name: &String| !name.starts_with(HIDDEN) && name != WINDOW_START && name != WINDOW_END;
        self.used.take().into_iter().filter(own).collect()
    }
}
