//! `GROUP BY window(ts, '1 minute'), ...`: taken apart into a key, inputs and functions.

use super::rewrite::{
    arguments, function_name, hidden, is_distinct, item_expression, item_name, replace,
};
use crate::aggregate::Function;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sqlparser::ast::{
    AccessExpr, Expr, FunctionArgExpr, GroupByExpr, Ident, Select, SelectItem, Value,
};
use std::sync::Arc;

/// The window aggregate of a stream.
#[derive(Debug, Clone)]
pub struct WindowPlan {
    /// Length of a window, microseconds.
    pub size: i64,
    /// Number of group columns: the first columns of the operator's input.
    pub groups: usize,
    /// One per aggregate, in the order of the operator's output.
    pub aggregates: Vec<(Function, Argument)>,
    /// Window start, window end, group columns, aggregates.
    pub output: SchemaRef,
    /// The GROUP BY as written, for the state's identity.
    pub text: String,
}

/// What an aggregate reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// The input column; `None` for `count(*)`.
    pub column: Option<usize>,
    /// Its type.
    pub data_type: DataType,
}

pub(super) const WINDOW_START: &str = "__window_start";
pub(super) const WINDOW_END: &str = "__window_end";

/// A SELECT with a GROUP BY, before its expressions are typed.
#[derive(Debug)]
pub(super) struct Grouped {
    pub(super) size: i64,
    pub(super) groups: Vec<Expr>,
    pub(super) aggregates: Vec<(Function, Option<Expr>)>,
    /// The SELECT list over the operator's output.
    pub(super) items: Vec<(Expr, String)>,
    pub(super) text: String,
}

/// Takes a SELECT apart; `None` when it neither groups nor aggregates.
pub(super) fn grouped(select: &Select, event_time: &str) -> Result<Option<Grouped>, String> {
    let GroupByExpr::Expressions(keys, modifiers) = &select.group_by else {
        return Err("GROUP BY ALL is not part of a stream's SQL; name the columns".into());
    };
    if !modifiers.is_empty() {
        return Err("ROLLUP and CUBE are not part of a stream's SQL".into());
    }
    let mut aggregates = Vec::new();
    let mut items = Vec::new();
    let mut problem = None;
    for item in &select.projection {
        let (Some(expression), Some(name)) = (item_expression(item), item_name(item)) else {
            if keys.is_empty() {
                return Ok(None);
            }
            return Err("SELECT * with GROUP BY: name the columns".into());
        };
        let mut expression = expression.clone();
        replace(&mut expression, |e| match aggregate(e) {
            None => None,
            Some(Err(message)) => {
                problem.get_or_insert(message);
                None
            }
            Some(Ok(call)) => Some(hidden(&number_of(&mut aggregates, call))),
        });
        items.push((expression, name));
    }
    if let Some(message) = problem {
        return Err(message);
    }
    if keys.is_empty() && aggregates.is_empty() {
        return Ok(None);
    }
    let (size, groups) = window_and_groups(keys, select, event_time)?;
    for (expression, _) in &mut items {
        replace(expression, |e| window_part(e).or_else(|| group_part(e, &groups)));
    }
    let text = keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Ok(Some(Grouped { size, groups, aggregates, items, text }))
}

fn number_of(
    aggregates: &mut Vec<(Function, Option<Expr>)>,
    call: (Function, Option<Expr>),
) -> String {
    let at = aggregates.iter().position(|known| *known == call).unwrap_or_else(|| {
        aggregates.push(call);
        aggregates.len() - 1
    });
    format!("__aggregate_{at}")
}

/// Recognises an aggregate call.
fn aggregate(expression: &Expr) -> Option<Result<(Function, Option<Expr>), String>> {
    let Expr::Function(function) = expression else { return None };
    let name = function_name(function)?;
    let kind = match name.as_str() {
        "count" => Function::Count,
        "sum" => Function::Sum,
        "avg" | "mean" => Function::Average,
        "min" => Function::Min,
        "max" => Function::Max,
        _ => return None,
    };
    if function.over.is_some() || function.filter.is_some() {
        return Some(Err(format!(
            "{expression}: OVER and FILTER are not part of a stream's aggregates"
        )));
    }
    if is_distinct(function) {
        return Some(Err(format!(
            "{expression}: DISTINCT has no bounded state; deduplicate with ROW_NUMBER() = 1 before you aggregate"
        )));
    }
    let Some(arguments) = arguments(function) else {
        return Some(Err(format!("{expression}: not a plain aggregate call")));
    };
    Some(match arguments.as_slice() {
        [FunctionArgExpr::Wildcard] if kind == Function::Count => Ok((Function::CountRows, None)),
        [FunctionArgExpr::Expr(argument)] => Ok((kind, Some(argument.clone()))),
        _ => Err(format!("{expression}: {name} takes one argument")),
    })
}

/// Splits the GROUP BY list into the window's size and the other keys. A name or a number stands for
/// the SELECT item it names.
fn window_and_groups(
    keys: &[Expr],
    select: &Select,
    event_time: &str,
) -> Result<(i64, Vec<Expr>), String> {
    let mut size = None;
    let mut groups = Vec::new();
    for key in keys {
        let key = resolve(key, &select.projection);
        match window_call(&key) {
            Some(arguments) => size = Some(window_size(&arguments?, event_time)?),
            None => groups.push(key),
        }
    }
    let size = size.ok_or_else(|| {
        format!("an aggregate on a stream needs a window: GROUP BY window({event_time}, '1 minute'), ...")
    })?;
    Ok((size, groups))
}

fn resolve(key: &Expr, items: &[SelectItem]) -> Expr {
    let named = |name: &str| {
        items.iter().find_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } if alias.value.eq_ignore_ascii_case(name) => {
                Some(expr.clone())
            }
            _ => None,
        })
    };
    match key {
        Expr::Identifier(ident) => named(&ident.value).unwrap_or_else(|| key.clone()),
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number
                .to_string()
                .parse::<usize>()
                .ok()
                .and_then(|at| items.get(at.checked_sub(1)?))
                .and_then(item_expression)
                .cloned()
                .unwrap_or_else(|| key.clone()),
            _ => key.clone(),
        },
        _ => key.clone(),
    }
}

/// The arguments of a `window(...)` call.
fn window_call(expression: &Expr) -> Option<Result<Vec<Expr>, String>> {
    let Expr::Function(function) = expression else { return None };
    if function_name(function)?.as_str() != "window" {
        return None;
    }
    let plain = arguments(function).and_then(|all| {
        all.into_iter()
            .map(|argument| match argument {
                FunctionArgExpr::Expr(expression) => Some(expression.clone()),
                _ => None,
            })
            .collect()
    });
    Some(plain.ok_or_else(|| format!("{expression}: window takes a column and a length")))
}

fn window_size(arguments: &[Expr], event_time: &str) -> Result<i64, String> {
    let [column, length] = arguments else {
        return Err(
            "only tumbling windows are part of a stream's SQL: window(ts, '1 minute')".into()
        );
    };
    if !super::rewrite::last_name(column).is_some_and(|n| n.eq_ignore_ascii_case(event_time)) {
        return Err(format!(
            "window({column}, ...) must be over the watermark's column, {event_time}"
        ));
    }
    let Expr::Value(value) = length else {
        return Err(format!("the window's length is a string such as '1 minute', not {length}"));
    };
    let Value::SingleQuotedString(text) = &value.value else {
        return Err(format!("the window's length is a string such as '1 minute', not {length}"));
    };
    dialect::interval_micros(text)
        .ok_or_else(|| format!("'{text}' is not a length such as '1 minute'"))
}

/// `window.start`, `window.end`, and the same on the call itself.
fn window_part(expression: &Expr) -> Option<Expr> {
    let part = match expression {
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [window, part] if window.value.eq_ignore_ascii_case("window") => part.clone(),
            _ => return None,
        },
        Expr::CompoundFieldAccess { root, access_chain } => {
            window_call(root)?.ok()?;
            match access_chain.as_slice() {
                [AccessExpr::Dot(Expr::Identifier(part))] => part.clone(),
                _ => return None,
            }
        }
        _ => return None,
    };
    match part.value.to_lowercase().as_str() {
        "start" => Some(hidden(WINDOW_START)),
        "end" => Some(hidden(WINDOW_END)),
        _ => None,
    }
}

fn group_part(expression: &Expr, groups: &[Expr]) -> Option<Expr> {
    let text = expression.to_string();
    let at = groups.iter().position(|group| group.to_string().eq_ignore_ascii_case(&text))?;
    Some(Expr::Identifier(Ident::new(format!("__group_{at}"))))
}

/// The type that an aggregate gives, as Spark's.
pub(super) fn result_type(function: Function, input: &DataType) -> Result<DataType, String> {
    use DataType::{Decimal128, Float32, Float64, Int8, Int16, Int32, Int64};
    Ok(match (function, input) {
        (Function::CountRows | Function::Count, _) => Int64,
        (Function::Min | Function::Max, other) => other.clone(),
        (Function::Sum, Int8 | Int16 | Int32 | Int64) => Int64,
        (Function::Sum, Decimal128(p, s)) => Decimal128((*p).saturating_add(10).min(38), *s),
        (Function::Average, Int8 | Int16 | Int32 | Int64) => Float64,
        (Function::Average, Decimal128(p, s)) => {
            Decimal128((*p).saturating_add(4).min(38), s.saturating_add(4).min(38))
        }
        (_, Float32 | Float64) => {
            return Err(
                "a sum of DOUBLE depends on the order of its input; CAST it AS DECIMAL(38, 10)"
                    .into(),
            );
        }
        (_, other) => return Err(format!("sum and avg take numbers, not {other}")),
    })
}

impl WindowPlan {
    pub(super) fn new(
        grouped: &Grouped,
        groups: Vec<DataType>,
        arguments: Vec<Argument>,
    ) -> Result<Self, String> {
        let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let mut fields =
            vec![Field::new(WINDOW_START, time(), false), Field::new(WINDOW_END, time(), false)];
        let count = groups.len();
        for (at, data_type) in groups.into_iter().enumerate() {
            fields.push(Field::new(format!("__group_{at}"), data_type, true));
        }
        let mut aggregates = Vec::new();
        for (at, ((function, _), argument)) in grouped.aggregates.iter().zip(arguments).enumerate()
        {
            let data_type = result_type(*function, &argument.data_type)?;
            fields.push(Field::new(format!("__aggregate_{at}"), data_type, true));
            aggregates.push((*function, argument));
        }
        Ok(Self {
            size: grouped.size,
            groups: count,
            aggregates,
            output: Arc::new(Schema::new(fields)),
            text: grouped.text.clone(),
        })
    }

    /// What the state's bytes mean.
    pub(super) fn describe(&self) -> String {
        format!("window {} by {} of {:?}", self.size, self.text, self.aggregates)
    }
}
