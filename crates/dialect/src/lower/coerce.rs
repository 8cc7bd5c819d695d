//! Casts that the query wrote and casts that the types ask for.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Cast;

use super::Typed;
use crate::cast::{self, CAST, TRY_CAST};
use crate::error::{DialectError, Position};
use crate::types;
use crate::udf::Udf;

/// A cast as written, refused if Spark's ANSI mode has no such cast.
pub(super) fn written_cast(
    value: Typed,
    target: &DataType,
    lenient: bool,
    position: Position,
) -> Result<Typed, DialectError> {
    if !cast::allowed(&value.data_type, target) {
        let message = format!(
            "no cast from {} to {}",
            types::type_name(&value.data_type),
            types::type_name(target)
        );
        return Err(DialectError::types(message, "", position));
    }
    if lenient && !value.is_null() && value.data_type != *target {
        let expr = Udf::call(&TRY_CAST, target.clone(), vec![value.expr]);
        return Ok(Typed::new(expr, target.clone()));
    }
    Ok(cast_to(value, target))
}

/// Casts to `target`; the caller knows that the cast exists.
pub(crate) fn cast_to(value: Typed, target: &DataType) -> Typed {
    if value.data_type == *target {
        return value;
    }
    if value.is_null()
        && let Ok(null) = ScalarValue::try_from(target)
    {
        return Typed::new(Expr::Literal(null, None), target.clone());
    }
    let expr = if cast::is_widening(&value.data_type, target) {
        Expr::Cast(Cast::new(Box::new(value.expr), target.clone()))
    } else {
        Udf::call(&CAST, target.clone(), vec![value.expr])
    };
    Typed::new(expr, target.clone())
}

/// Casts to `target` if types allow that without a written cast; `what` names the value.
pub(crate) fn coerce(
    value: Typed,
    target: &DataType,
    what: &str,
    position: Position,
) -> Result<Typed, DialectError> {
    if value.data_type == *target {
        return Ok(value);
    }
    let meets = types::common_type(&value.data_type, target);
    let fits = meets.as_ref() == Some(target)
        || (value.data_type == DataType::Utf8 && cast::allowed(&DataType::Utf8, target));
    if fits {
        return Ok(cast_to(value, target));
    }
    let (given, wanted) = (types::type_name(&value.data_type), types::type_name(target));
    Err(DialectError::types(
        format!("{what} must be {wanted}, not {given}"),
        &format!("write CAST(.. AS {})", wanted.to_uppercase()),
        position,
    ))
}

/// Brings values to the type they meet in.
pub(super) fn unify(
    values: Vec<Typed>,
    what: &str,
    position: Position,
) -> Result<(Vec<Typed>, DataType), DialectError> {
    let mut target = DataType::Null;
    for value in &values {
        let Some(wider) = types::common_type(&target, &value.data_type) else {
            let (left, right) = (types::type_name(&target), types::type_name(&value.data_type));
            let message = format!("{what} of {left} and {right} have no common type");
            return Err(DialectError::types(message, "write a CAST", position));
        };
        target = wider;
    }
    let values = values.into_iter().map(|value| cast_to(value, &target)).collect();
    Ok((values, target))
}
