//! Calls by name: listed functions, lazy forms, aggregates, and the calls with words inside.
//!
//! Owns the refusal of names that are not listed and of names that give another value on a
//! second run.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::lit;
use sqlparser::ast::{
    self, CeilFloorKind, FunctionArg, FunctionArgExpr, FunctionArguments, TrimWhereField,
};

use crate::error::{DialectError, Position};
use crate::functions::{self, Operand};
use crate::lower::{self, Lowering, Typed, cast_to};
use crate::select::window;
use crate::udf::Udf;
use crate::{aggregate, catalogue, types};

/// What a call of `now()` and its like is refused with.
pub(crate) const NOT_REPEATABLE: &str =
    "gives another value when a batch runs again; use the record's timestamp";

const MICROS_OF_DAY: i64 = 86_400_000_000;

/// The name of a function in the list, in lower case.
pub(crate) fn listed(call: &ast::Function) -> Result<String, DialectError> {
    let written = call.name.to_string();
    let name = written.to_ascii_lowercase();
    if catalogue::entry(&name).is_some() || aggregate::is_aggregate(&name) || known(&name) {
        return Ok(name);
    }
    let hint = catalogue::hint(&name);
    Err(DialectError::UnknownFunction { hint, name: written, position: place(call) })
}

/// Lowers `name(..)`.
pub(crate) fn function(
    lowering: &mut Lowering<'_>,
    call: &ast::Function,
) -> Result<Typed, DialectError> {
    let position = place(call);
    if call.over.is_some() {
        return Err(DialectError::unsupported("OVER", "", position));
    }
    let name = listed(call)?;
    if let Some(entry) = catalogue::entry(&name) {
        if !entry.deterministic {
            return not_repeatable(entry.name, lowering.moment, position);
        }
        if name == "window" && lowering.moment.is_some() {
            return window::lower(lowering, &arguments(&call.args, position)?, position);
        }
        if entry.kind == catalogue::Kind::Window {
            let hint = "write it in GROUP BY of a query over a stream";
            return Err(DialectError::unsupported(format!("{name}(..) here"), hint, position));
        }
    }
    if !call.within_group.is_empty() || call.null_treatment.is_some() {
        return Err(DialectError::unsupported("WITHIN GROUP or IGNORE NULLS", "", position));
    }
    if aggregate::is_aggregate(&name) {
        return aggregate::lower(lowering, &name, call, position);
    }
    if call.filter.is_some() {
        return Err(DialectError::unsupported("FILTER on a function", "", position));
    }
    let arguments = arguments(&call.args, position)?;
    if name == "struct" {
        return structure(lowering, &arguments, position);
    }
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        values.push(lowering.expr(argument)?);
    }
    by_name(&name, values, position)
}

/// `now()` and its like: one moment for a whole query; refused in a stream, as is all chance.
fn not_repeatable(
    name: &str,
    moment: Option<i64>,
    position: Position,
) -> Result<Typed, DialectError> {
    let Some(moment) = moment else {
        return Err(DialectError::types(format!("{name}() {NOT_REPEATABLE}"), "", position));
    };
    match name {
        "now" | "current_timestamp" => {
            let zone = Some("UTC".into());
            let value = ScalarValue::TimestampMicrosecond(Some(moment), zone);
            Ok(Typed::new(lit(value), types::timestamp()))
        }
        "current_date" | "curdate" => {
            let days = i32::try_from(moment.div_euclid(MICROS_OF_DAY)).unwrap_or(i32::MAX);
            Ok(Typed::new(lit(ScalarValue::Date32(Some(days))), DataType::Date32))
        }
        _ => {
            let message = format!("{name}() gives another value in every run");
            Err(DialectError::types(message, "", position))
        }
    }
}

fn place(call: &ast::Function) -> Position {
    let first = call.name.0.first().and_then(|part| part.as_ident());
    first.map(|ident| Position::from(ident.span)).unwrap_or_default()
}

/// The unnamed arguments of a call.
pub(crate) fn arguments(
    arguments: &FunctionArguments,
    position: Position,
) -> Result<Vec<&ast::Expr>, DialectError> {
    let list = match arguments {
        FunctionArguments::None => return Ok(Vec::new()),
        FunctionArguments::List(list)
            if list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
        {
            list
        }
        _ => return Err(DialectError::unsupported("this argument list", "", position)),
    };
    list.args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
            other => Err(DialectError::unsupported(format!("the argument {other}"), "", position)),
        })
        .collect()
}

/// Forms that evaluate only some of their arguments, or are written in terms of others.
const LAZY: &[&str] = &[
    "coalesce",
    "nvl",
    "ifnull",
    "nvl2",
    "if",
    "iff",
    "nullif",
    "isnull",
    "isnotnull",
    "nullifzero",
    "zeroifnull",
    "struct",
    "equal_null",
];

fn known(name: &str) -> bool {
    LAZY.contains(&name) || functions::find(name).is_some()
}

/// Lowers a call whose arguments are lowered.
pub(crate) fn by_name(
    name: &str,
    values: Vec<Typed>,
    position: Position,
) -> Result<Typed, DialectError> {
    if LAZY.contains(&name) {
        return lazy(name, values, position);
    }
    let Some(function) = functions::find(name) else {
        return Err(DialectError::UnknownFunction {
            name: name.to_string(),
            hint: catalogue::hint(name),
            position,
        });
    };
    let operands: Vec<Operand<'_>> = values
        .iter()
        .map(|value| Operand { data_type: &value.data_type, literal: value.literal() })
        .collect();
    let (wanted, returns) = function.typing.of(&operands).map_err(|reason| {
        let hint = format!("it is {}", function.entry.signature);
        DialectError::types(format!("{name}: {reason}"), &hint, position)
    })?;
    let arguments = values
        .into_iter()
        .zip(&wanted)
        .map(|(value, wanted)| cast_to(value, wanted).expr)
        .collect();
    Ok(Typed::new(Udf::call(function, returns.clone(), arguments), returns))
}

fn lazy(name: &str, values: Vec<Typed>, position: Position) -> Result<Typed, DialectError> {
    let count = values.len();
    let wrong = |wanted: &str| {
        let message = format!("{name}: takes {wanted} arguments, got {count}");
        DialectError::types(message, "", position)
    };
    if name == "coalesce" {
        if values.is_empty() {
            return Err(wrong("at least 1"));
        }
        return lower::coalesce(values, position);
    }
    let mut values = values.into_iter();
    let mut next = |wanted: &str| values.next().ok_or_else(|| wrong(wanted));
    let lowered = match name {
        "nvl" | "ifnull" => lower::coalesce(vec![next("2")?, next("2")?], position),
        "nvl2" => {
            let condition = Typed::boolean(next("3")?.expr.is_not_null());
            lower::if_else(condition, next("3")?, next("3")?, position)
        }
        "if" | "iff" => lower::if_else(next("3")?, next("3")?, next("3")?, position),
        "nullif" => lower::null_if(next("2")?, next("2")?, position),
        "isnull" => Ok(Typed::boolean(next("1")?.expr.is_null())),
        "isnotnull" => Ok(Typed::boolean(next("1")?.expr.is_not_null())),
        "equal_null" => lower::same(next("2")?, next("2")?, position),
        "nullifzero" => {
            let zero = Typed::new(lit(0_i32), DataType::Int32);
            lower::null_if(next("1")?, zero, position)
        }
        _ => {
            let zero = Typed::new(lit(0_i32), DataType::Int32);
            lower::coalesce(vec![next("1")?, zero], position)
        }
    }?;
    match values.next() {
        None => Ok(lowered),
        Some(_) => Err(wrong("fewer")),
    }
}

/// `struct(a, b AS name)`: fields named by their alias, else by their column, else `colN`.
fn structure(
    lowering: &mut Lowering<'_>,
    arguments: &[&ast::Expr],
    position: Position,
) -> Result<Typed, DialectError> {
    let mut values = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        let (expr, name) = match argument {
            ast::Expr::Named { expr, name } => (expr.as_ref(), name.value.clone()),
            ast::Expr::Identifier(name) => (*argument, name.value.clone()),
            ast::Expr::CompoundIdentifier(names) => {
                let last = names.last().map(|name| name.value.clone()).unwrap_or_default();
                (*argument, last)
            }
            _ => (*argument, format!("col{}", index + 1)),
        };
        values.push(Typed::new(lit(name), DataType::Utf8));
        values.push(lowering.expr(expr)?);
    }
    by_name("named_struct", values, position)
}

/// `CEIL(x)`, `SUBSTRING(a FROM b)`, `TRIM(BOTH a FROM b)`, `POSITION(a IN b)`, `EXTRACT(..)`.
pub(crate) fn special(
    lowering: &mut Lowering<'_>,
    expr: &ast::Expr,
    position: Position,
) -> Result<Typed, DialectError> {
    use ast::Expr as E;
    match expr {
        E::Ceil { expr, field } => stepped(lowering, "ceil", expr, field, position),
        E::Floor { expr, field } => stepped(lowering, "floor", expr, field, position),
        E::Substring { expr, substring_from, substring_for, .. } => {
            let mut values = vec![lowering.expr(expr)?];
            for part in [substring_from, substring_for].into_iter().flatten() {
                values.push(lowering.expr(part)?);
            }
            by_name("substring", values, position)
        }
        E::Position { expr, r#in } => {
            let values = vec![lowering.expr(expr)?, lowering.expr(r#in)?];
            by_name("position", values, position)
        }
        E::Trim { trim_where, trim_what, expr, trim_characters: None } => {
            let text = lowering.expr(expr)?;
            let what = trim_what.as_ref().map(|what| lowering.expr(what)).transpose()?;
            let (name, values) = match trim_where {
                // These two take the characters first.
                Some(TrimWhereField::Leading) => ("ltrim", [what, Some(text)]),
                Some(TrimWhereField::Trailing) => ("rtrim", [what, Some(text)]),
                _ => ("trim", [Some(text), what]),
            };
            by_name(name, values.into_iter().flatten().collect(), position)
        }
        E::Struct { values, fields } if fields.is_empty() => {
            structure(lowering, &values.iter().collect::<Vec<_>>(), position)
        }
        E::Extract { field, expr, .. } => {
            let name = match field.to_string().to_ascii_uppercase().as_str() {
                "YEAR" | "YEARS" => "year",
                "QUARTER" => "quarter",
                "MONTH" | "MONTHS" => "month",
                "WEEK" | "WEEKS" => "weekofyear",
                "DAY" | "DAYS" => "day",
                "DOY" => "dayofyear",
                "DOW" | "DAYOFWEEK" => "dayofweek",
                "HOUR" | "HOURS" => "hour",
                "MINUTE" | "MINUTES" => "minute",
                other => {
                    let what = format!("EXTRACT({other} ..)");
                    return Err(DialectError::unsupported(what, "use second(..)", position));
                }
            };
            let value = lowering.expr(expr)?;
            by_name(name, vec![value], position)
        }
        other => {
            let shown: String = other.to_string().chars().take(60).collect();
            Err(DialectError::unsupported(shown, "", position))
        }
    }
}

fn stepped(
    lowering: &mut Lowering<'_>,
    name: &str,
    expr: &ast::Expr,
    field: &CeilFloorKind,
    position: Position,
) -> Result<Typed, DialectError> {
    match field {
        CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) => {
            let value = lowering.expr(expr)?;
            by_name(name, vec![value], position)
        }
        _ => Err(DialectError::unsupported(format!("{name} with a second argument"), "", position)),
    }
}

/// The text form of a type list, for error texts of typing rules.
pub(crate) fn type_names(operands: &[Operand<'_>]) -> String {
    let names: Vec<String> = operands.iter().map(|o| types::type_name(o.data_type)).collect();
    names.join(", ")
}

/// A literal integer argument.
pub(crate) fn literal_int(operand: &Operand<'_>) -> Option<i32> {
    operand.literal.and_then(|value| value.to_string().parse().ok())
}
