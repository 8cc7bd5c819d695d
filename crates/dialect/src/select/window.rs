//! `window(time, '1 minute')` in GROUP BY: the tumbling window that a row falls into.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StructArray, TimestampMicrosecondArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::logical_expr::lit;
use sqlparser::ast::{self, AccessExpr, Expr, VisitMut, VisitorMut};

use crate::error::{DialectError, Position};
use crate::evaluate::{Call, Outcome};
use crate::functions::{self, Function};
use crate::interval::interval_micros;
use crate::lower::{Lowering, Typed, coerce};
use crate::types;
use crate::udf::Udf;

/// The window of a time: start inclusive, end exclusive, aligned to the Unix epoch.
static WINDOW: Function = functions::hidden("window", tumbled);

/// Whether this is a call of `window`.
pub(super) fn is_call(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("window"))
}

/// The expression with `window`, `window.start` and `window.end` read from the call.
pub(super) fn put_in(expr: &Expr, call: &Expr) -> Expr {
    replaced(expr, |e| match e {
        Expr::Identifier(name) if name.value.eq_ignore_ascii_case("window") => Some(call.clone()),
        Expr::CompoundIdentifier(names) => match names.as_slice() {
            [window, part] if window.value.eq_ignore_ascii_case("window") => {
                Some(Expr::CompoundFieldAccess {
                    root: Box::new(call.clone()),
                    access_chain: vec![AccessExpr::Dot(Expr::Identifier(part.clone()))],
                })
            }
            _ => None,
        },
        _ => None,
    })
}

/// The expression with every part for which there is another replaced; what was put in is not
/// looked at again.
pub(super) fn replaced(expr: &Expr, other: impl FnMut(&Expr) -> Option<Expr>) -> Expr {
    struct Replacer<F>(F);
    impl<F: FnMut(&Expr) -> Option<Expr>> VisitorMut for Replacer<F> {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Some(other) = (self.0)(expr) {
                *expr = other;
            }
            ControlFlow::Continue(())
        }
    }
    let mut expr = expr.clone();
    // The replacer never breaks.
    let _never = expr.visit(&mut Replacer(other));
    expr
}

/// Lowers the call.
pub(crate) fn lower(
    lowering: &mut Lowering<'_>,
    arguments: &[&ast::Expr],
    position: Position,
) -> Result<Typed, DialectError> {
    let [time, length] = arguments else {
        let hint = "write window(time, '1 minute')";
        return Err(DialectError::unsupported("a sliding window", hint, position));
    };
    let time = lowering.expr(time)?;
    let time = coerce(time, &types::timestamp(), "the window's time", position)?;
    let length = lowering.expr(length)?;
    let micros = length
        .literal()
        .and_then(|value| interval_micros(&value.to_string()))
        .ok_or_else(|| {
            DialectError::types("the window's length is a text such as '1 minute'", "", position)
        })?;
    let field = |name| Field::new(name, types::timestamp(), true);
    let returns = DataType::Struct(Fields::from(vec![field("start"), field("end")]));
    Ok(Typed::new(Udf::call(&WINDOW, returns.clone(), vec![time.expr, lit(micros)]), returns))
}

fn tumbled(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (time, size) = (call.time(0)?, call.long(1)?);
    let mut starts = Vec::with_capacity(call.rows);
    let mut ends = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let bounds = time.at(row).zip(size.at(row)).and_then(|(time, size)| {
            let start = time.checked_sub(time.checked_rem_euclid(size)?)?;
            Some((start, start.checked_add(size)?))
        });
        starts.push(bounds.map(|(start, _)| start));
        ends.push(bounds.map(|(_, end)| end));
    }
    let nulls: NullBuffer = starts.iter().map(Option::is_some).collect();
    let DataType::Struct(fields) = call.returns else {
        return Err(crate::EvaluateError::argument("window", "gives a struct"));
    };
    let column = |times: Vec<Option<i64>>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
    };
    let columns = vec![column(starts), column(ends)];
    Ok(Arc::new(StructArray::new(fields.clone(), columns, Some(nulls))))
}
