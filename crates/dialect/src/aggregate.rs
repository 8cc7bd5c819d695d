//! Aggregates: which are listed, their types, and the sums that check for overflow.
//!
//! Owns `sum` of integers and decimals and `avg` of decimals; the others are DataFusion's. A sum
//! is kept in 128 bits, so that only a result that does not fit is an error.

mod total;

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::functions_aggregate::{average, bool_and_or, count, min_max, sum};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{AggregateUDF, Expr, lit};
use sqlparser::ast::{self, DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArguments};

use crate::catalogue::{Entry, Kind};
use crate::error::{DialectError, Position};
use crate::lower::{Lowering, Typed, cast_to, coerce, when_then};
use crate::types;
use total::{Kind as TotalKind, Total};

/// The rows that examples of aggregates run over, as SQL for both engines.
pub const SAMPLE_SQL: &str = "VALUES (1, 10L, 1.5D, cast(1.10 as decimal(10,2)), 'a', true), \
     (2, 20L, 2.5D, cast(2.25 as decimal(10,2)), 'b', false), \
     (2, null, null, null, null, null), \
     (null, 9223372036854775807L, -0.5D, cast(0.01 as decimal(10,2)), 'A', true) \
     AS t(i, l, d, m, s, b)";

const fn aggregate(
    name: &'static str,
    signature: &'static str,
    doc: &'static str,
    examples: &'static [(&'static str, &'static str)],
) -> Entry {
    Entry { name, kind: Kind::Aggregate, signature, doc, examples, deterministic: true }
}

pub(crate) const ENTRIES: &[Entry] = &[
    aggregate(
        "count",
        "count(*), count([distinct] a, ..) -> bigint",
        "The rows; the rows where no argument is NULL; the different values.",
        &[
            ("count(*)", "4"),
            ("count(1)", "4"),
            ("count(i)", "3"),
            ("count(distinct i)", "2"),
            ("count(*) filter (where i > 1)", "2"),
            ("count(distinct s)", "3"),
        ],
    ),
    aggregate(
        "count_if",
        "count_if(condition) -> bigint",
        "The rows where the condition is true.",
        &[("count_if(i > 1)", "2"), ("count_if(b)", "2"), ("count_if(i > 5)", "0")],
    ),
    aggregate(
        "sum",
        "sum(number)",
        "The sum of integers as a bigint, of decimals with ten more digits, of doubles as a double; an error if it does not fit.",
        &[
            ("sum(i)", "5"),
            ("sum(d)", "3.5"),
            ("sum(m)", "3.36"),
            ("sum(l)", "ERROR"),
            ("sum(i) filter (where i > 5)", "NULL"),
            ("sum(if(i > 1, l, 0L))", "20"),
            ("sum(1.5)", "6.0"),
        ],
    ),
    aggregate(
        "avg",
        "avg(number)",
        "The mean: of decimals a decimal with four more digits, else a double.",
        &[
            ("avg(i)", "1.6666666666666667"),
            ("avg(d)", "1.1666666666666667"),
            ("avg(m)", "1.120000"),
            ("mean(i)", "1.6666666666666667"),
            ("avg(cast(i as decimal(5,0)))", "1.6667"),
        ],
    ),
    aggregate(
        "min",
        "min(a)",
        "The smallest value.",
        &[
            ("min(i)", "1"),
            ("min(s)", "A"),
            ("min(d)", "-0.5"),
            ("min(b)", "false"),
            ("min(m)", "0.01"),
        ],
    ),
    aggregate(
        "max",
        "max(a)",
        "The largest value; NaN is the largest number.",
        &[
            ("max(i)", "2"),
            ("max(s)", "b"),
            ("max(l)", "9223372036854775807"),
            ("max(if(i = 1, cast('nan' as double), d))", "NaN"),
            ("max(date_add(date'2024-01-01', i))", "2024-01-03"),
        ],
    ),
    aggregate(
        "bool_and",
        "bool_and(condition), every(condition)",
        "Whether all values are true.",
        &[("bool_and(b)", "false"), ("every(i > 0)", "true")],
    ),
    aggregate(
        "bool_or",
        "bool_or(condition), any(condition)",
        "Whether a value is true.",
        &[("bool_or(b)", "true"), ("bool_or(i > 5)", "false")],
    ),
];

/// Whether a lower-case name is an aggregate.
pub(crate) fn is_aggregate(name: &str) -> bool {
    ENTRIES.iter().any(|entry| entry.name == name) || ALIASES.contains(&name)
}

const ALIASES: &[&str] = &["mean", "every", "some", "any"];

/// Lowers `name([DISTINCT] ..) [FILTER (WHERE ..)]`.
pub(crate) fn lower(
    lowering: &mut Lowering<'_>,
    name: &str,
    call: &ast::Function,
    position: Position,
) -> Result<Typed, DialectError> {
    let (arguments, distinct) = arguments(call, position)?;
    if distinct && name != "count" {
        let what = format!("DISTINCT in {name}");
        return Err(DialectError::unsupported(what, "group by the value first", position));
    }
    let mut values = Vec::new();
    for argument in arguments {
        values.push(lowering.expr(argument)?);
    }
    let filter = match &call.filter {
        Some(filter) => {
            let condition = lowering.expr(filter)?;
            Some(coerce(condition, &DataType::Boolean, "FILTER", position)?.expr)
        }
        None => None,
    };
    let (function, operands, returns) = planned(name, values, position)?;
    let filter = filter.map(Box::new);
    let call = AggregateFunction::new_udf(function, operands, distinct, filter, Vec::new(), None);
    Ok(Typed::new(Expr::AggregateFunction(call), returns))
}

type Planned = (Arc<AggregateUDF>, Vec<Expr>, DataType);

fn planned(name: &str, values: Vec<Typed>, position: Position) -> Result<Planned, DialectError> {
    if name == "count" {
        let mut operands: Vec<Expr> = values.into_iter().map(|value| value.expr).collect();
        if operands.is_empty() {
            operands.push(lit(1_i64));
        }
        return Ok((count::count_udaf(), operands, DataType::Int64));
    }
    let count = values.len();
    let mut values = values.into_iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        let message = format!("{name}: takes 1 argument, got {count}");
        return Err(DialectError::types(message, "", position));
    };
    let boolean = |value: Typed| coerce(value, &DataType::Boolean, "the condition", position);
    match name {
        "count_if" => {
            let condition = boolean(value)?.expr;
            let one = when_then(vec![(condition, lit(1_i64))], None, &DataType::Int64);
            Ok((count::count_udaf(), vec![one], DataType::Int64))
        }
        "bool_and" | "every" => {
            Ok((bool_and_or::bool_and_udaf(), vec![boolean(value)?.expr], DataType::Boolean))
        }
        "bool_or" | "some" | "any" => {
            Ok((bool_and_or::bool_or_udaf(), vec![boolean(value)?.expr], DataType::Boolean))
        }
        "min" | "max" => {
            if value.data_type.is_nested() || value.is_null() {
                return Err(refused(name, &value, position));
            }
            let function = if name == "min" { min_max::min_udaf() } else { min_max::max_udaf() };
            Ok((function, vec![value.expr], value.data_type))
        }
        "sum" => summed(value, position),
        _ => averaged(value, position),
    }
}

fn refused(name: &str, value: &Typed, position: Position) -> DialectError {
    let given = types::type_name(&value.data_type);
    DialectError::types(format!("{name} does not take {given}"), "write a CAST", position)
}

fn summed(value: Typed, position: Position) -> Result<Planned, DialectError> {
    let (wanted, returns) = match &value.data_type {
        integer if types::is_integer(integer) => (DataType::Int64, DataType::Int64),
        DataType::Decimal128(p, s) => {
            let returns = types::bounded_decimal(i32::from(*p) + 10, i32::from(*s));
            (value.data_type.clone(), returns)
        }
        DataType::Float32 | DataType::Float64 => {
            let operand = cast_to(value, &DataType::Float64).expr;
            return Ok((sum::sum_udaf(), vec![operand], DataType::Float64));
        }
        _ => return Err(refused("sum", &value, position)),
    };
    let function = AggregateUDF::new_from_impl(Total::new(TotalKind::Sum, returns.clone()));
    Ok((Arc::new(function), vec![cast_to(value, &wanted).expr], returns))
}

fn averaged(value: Typed, position: Position) -> Result<Planned, DialectError> {
    match &value.data_type {
        DataType::Decimal128(p, s) => {
            let returns = types::bounded_decimal(i32::from(*p) + 4, i32::from(*s) + 4);
            let total = Total::new(TotalKind::Average, returns.clone());
            Ok((Arc::new(AggregateUDF::new_from_impl(total)), vec![value.expr], returns))
        }
        number if types::is_number(number) => {
            let operand = cast_to(value, &DataType::Float64).expr;
            Ok((average::avg_udaf(), vec![operand], DataType::Float64))
        }
        _ => Err(refused("avg", &value, position)),
    }
}

/// The arguments, and whether DISTINCT stands before them; `*` is no argument.
fn arguments(
    call: &ast::Function,
    position: Position,
) -> Result<(Vec<&ast::Expr>, bool), DialectError> {
    let FunctionArguments::List(list) = &call.args else {
        return Err(DialectError::unsupported("this argument list", "", position));
    };
    if !list.clauses.is_empty() {
        return Err(DialectError::unsupported(
            "a clause in an aggregate's arguments",
            "",
            position,
        ));
    }
    let mut arguments = Vec::new();
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => arguments.push(expr),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => {}
            other => {
                return Err(DialectError::unsupported(
                    format!("the argument {other}"),
                    "",
                    position,
                ));
            }
        }
    }
    let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    Ok((arguments, distinct))
}
