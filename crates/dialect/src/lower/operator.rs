//! Operators: arithmetic, comparison, IS, IN, BETWEEN, LIKE, RLIKE, bits.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};
use sqlparser::ast::{self, BinaryOperator as B, UnaryOperator};

use super::coerce::{cast_to, coerce, unify};
use super::{Lowering, Typed, literal};
use crate::error::{DialectError, Position};
use crate::functions::{
    ADD, DATE_PLUS, DIVIDE, Function, INTEGER_DIVIDE, MULTIPLY, NEGATE, ORDERED, Operation,
    REMAINDER, SUBTRACT, TIME_PLUS, operand_type, result_type,
};
use crate::udf::Udf;
use crate::{call, syntax, types};

impl Lowering<'_> {
    pub(super) fn operator(
        &mut self,
        expr: &ast::Expr,
        position: Position,
    ) -> Result<Typed, DialectError> {
        use ast::Expr as E;
        match expr {
            E::BinaryOp { op: op @ (B::And | B::Or), .. } => self.junction(expr, op, position),
            E::BinaryOp { left, op, right } => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                binary(left, op, right, position)
            }
            E::UnaryOp { op, expr } => self.unary(*op, expr, position),
            E::IsNull(inner) => Ok(Typed::boolean(self.expr(inner)?.expr.is_null())),
            E::IsNotNull(inner) => Ok(Typed::boolean(self.expr(inner)?.expr.is_not_null())),
            E::IsTrue(inner) => Ok(Typed::boolean(self.truth(inner, position)?.is_true())),
            E::IsNotTrue(inner) => Ok(Typed::boolean(self.truth(inner, position)?.is_not_true())),
            E::IsFalse(inner) => Ok(Typed::boolean(self.truth(inner, position)?.is_false())),
            E::IsNotFalse(inner) => Ok(Typed::boolean(self.truth(inner, position)?.is_not_false())),
            E::IsUnknown(inner) => Ok(Typed::boolean(self.truth(inner, position)?.is_unknown())),
            E::IsNotUnknown(inner) => {
                Ok(Typed::boolean(self.truth(inner, position)?.is_not_unknown()))
            }
            E::IsDistinctFrom(left, right) => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                compare(left, Operator::IsDistinctFrom, right, position)
            }
            E::IsNotDistinctFrom(left, right) => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                compare(left, Operator::IsNotDistinctFrom, right, position)
            }
            E::Between { expr, negated, low, high } => {
                let (value, low, high) = (self.expr(expr)?, self.expr(low)?, self.expr(high)?);
                let above = compare(value.clone(), Operator::GtEq, low, position)?.expr;
                let below = compare(value, Operator::LtEq, high, position)?.expr;
                let inside = above.and(below);
                Ok(Typed::boolean(if *negated { !inside } else { inside }))
            }
            E::InList { expr, list, negated } => self.in_list(expr, list, *negated, position),
            E::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like("like", (expr, pattern), escape_char.as_ref(), *negated, position)
            }
            E::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like("ilike", (expr, pattern), escape_char.as_ref(), *negated, position)
            }
            E::RLike { negated, expr, pattern, .. } => {
                let operands = vec![self.expr(expr)?, self.expr(pattern)?];
                let found = call::by_name("rlike", operands, position)?;
                Ok(negated_if(found, *negated))
            }
            other => Err(refused(other, position)),
        }
    }

    fn truth(&mut self, expr: &ast::Expr, position: Position) -> Result<Expr, DialectError> {
        let value = self.expr(expr)?;
        Ok(coerce(value, &DataType::Boolean, "the operand of IS", position)?.expr)
    }

    fn unary(
        &mut self,
        op: UnaryOperator,
        expr: &ast::Expr,
        position: Position,
    ) -> Result<Typed, DialectError> {
        match op {
            UnaryOperator::Not | UnaryOperator::BangNot => {
                let value = self.expr(expr)?;
                let value = coerce(value, &DataType::Boolean, "the operand of NOT", position)?;
                Ok(Typed::boolean(!value.expr))
            }
            UnaryOperator::Minus => self.minus(expr, position),
            UnaryOperator::Plus => {
                let value = self.expr(expr)?;
                call::by_name("positive", vec![value], position)
            }
            UnaryOperator::BitwiseNot => {
                let value = self.expr(expr)?;
                bitwise(
                    value,
                    Operator::BitwiseXor,
                    Typed::new(lit(-1_i32), DataType::Int32),
                    position,
                )
            }
            other => Err(DialectError::unsupported(format!("operator {other}"), "", position)),
        }
    }

    /// A minus before a number is part of the literal: `-2147483648` is an int.
    fn minus(&mut self, expr: &ast::Expr, position: Position) -> Result<Typed, DialectError> {
        if let ast::Expr::Value(value) = expr
            && let ast::Value::Number(digits, long) = &value.value
        {
            let mut negative = value.clone();
            negative.value = ast::Value::Number(format!("-{digits}"), *long);
            return literal::value(&negative);
        }
        let value = self.expr(expr)?;
        if let Some(ScalarValue::IntervalMonthDayNano(Some(interval))) = value.literal() {
            let mut turned = *interval;
            turned.months = -turned.months;
            turned.days = -turned.days;
            turned.nanoseconds = -turned.nanoseconds;
            let negative = lit(ScalarValue::IntervalMonthDayNano(Some(turned)));
            return Ok(Typed::new(negative, value.data_type));
        }
        if !types::is_number(&value.data_type) {
            let given = types::type_name(&value.data_type);
            return Err(DialectError::types(format!("- does not take {given}"), "", position));
        }
        let data_type = value.data_type;
        Ok(Typed::new(Udf::call(&NEGATE, data_type.clone(), vec![value.expr]), data_type))
    }

    fn in_list(
        &mut self,
        expr: &ast::Expr,
        list: &[ast::Expr],
        negated: bool,
        position: Position,
    ) -> Result<Typed, DialectError> {
        let mut values = vec![self.expr(expr)?];
        for item in list {
            values.push(self.expr(item)?);
        }
        let (values, data_type) = unify(values, "IN values", position)?;
        let mut values = values.into_iter().map(|value| in_order(value.expr, &data_type));
        let Some(subject) = values.next() else {
            return Err(DialectError::syntax("IN has no values", position));
        };
        let list = InList { expr: Box::new(subject), list: values.collect(), negated };
        Ok(Typed::boolean(Expr::InList(list)))
    }

    fn like(
        &mut self,
        name: &str,
        (expr, pattern): (&ast::Expr, &ast::Expr),
        escape: Option<&ast::ValueWithSpan>,
        negated: bool,
        position: Position,
    ) -> Result<Typed, DialectError> {
        let mut operands = vec![self.expr(expr)?, self.expr(pattern)?];
        if let Some(escape) = escape {
            let text = match &escape.value {
                ast::Value::SingleQuotedString(raw) => syntax::unescape(raw),
                other => {
                    let message = format!("the escape character is {other}");
                    return Err(DialectError::syntax(message, escape.span.into()));
                }
            };
            operands.push(Typed::new(lit(text), DataType::Utf8));
        }
        let found = call::by_name(name, operands, position)?;
        Ok(negated_if(found, negated))
    }
}

fn negated_if(value: Typed, negated: bool) -> Typed {
    if negated { Typed::boolean(!value.expr) } else { value }
}

fn refused(expr: &ast::Expr, position: Position) -> DialectError {
    use ast::Expr as E;
    let (what, hint) = match expr {
        E::Subquery(_) | E::Exists { .. } | E::InSubquery { .. } => {
            ("a subquery in an expression", "write a JOIN")
        }
        E::Array(_) => ("an array in brackets", "write array(1, 2)"),
        E::AtTimeZone { .. } => ("AT TIME ZONE", "times are in UTC"),
        E::Lambda(_) => ("a lambda", ""),
        E::Tuple(_) => ("a tuple", "write struct(..)"),
        _ => ("this expression", ""),
    };
    let shown: String = expr.to_string().chars().take(60).collect();
    DialectError::unsupported(format!("{what} ({shown})"), hint, position)
}

/// Lowers `left op right` once both sides are typed.
fn binary(left: Typed, op: &B, right: Typed, position: Position) -> Result<Typed, DialectError> {
    match op {
        B::Plus | B::Minus | B::Multiply | B::Divide | B::Modulo => {
            arithmetic(left, op, right, position)
        }
        B::MyIntegerDivide => integer_divide(left, right, position),
        B::Eq => compare(left, Operator::Eq, right, position),
        B::NotEq => compare(left, Operator::NotEq, right, position),
        B::Lt => compare(left, Operator::Lt, right, position),
        B::LtEq => compare(left, Operator::LtEq, right, position),
        B::Gt => compare(left, Operator::Gt, right, position),
        B::GtEq => compare(left, Operator::GtEq, right, position),
        B::Spaceship => compare(left, Operator::IsNotDistinctFrom, right, position),
        B::StringConcat => call::by_name("concat", vec![left, right], position),
        B::BitwiseAnd => bitwise(left, Operator::BitwiseAnd, right, position),
        B::BitwiseOr => bitwise(left, Operator::BitwiseOr, right, position),
        B::BitwiseXor => bitwise(left, Operator::BitwiseXor, right, position),
        other => Err(DialectError::unsupported(format!("operator {other}"), "", position)),
    }
}

fn mismatch(
    op: impl std::fmt::Display,
    left: &Typed,
    right: &Typed,
    place: Position,
) -> DialectError {
    let (left, right) = (types::type_name(&left.data_type), types::type_name(&right.data_type));
    DialectError::types(format!("{op} does not take {left} and {right}"), "write a CAST", place)
}

/// Whether two values are equal, in the type they meet in.
pub(crate) fn equal(left: Typed, right: Typed, position: Position) -> Result<Typed, DialectError> {
    compare(left, Operator::Eq, right, position)
}

/// Compares two values in the type they meet in.
pub(super) fn compare(
    left: Typed,
    op: Operator,
    right: Typed,
    position: Position,
) -> Result<Typed, DialectError> {
    let Some(meets) = types::common_type(&left.data_type, &right.data_type) else {
        return Err(mismatch(op, &left, &right, position));
    };
    if matches!(meets, DataType::Map(_, _) | DataType::Interval(_)) {
        return Err(mismatch(op, &left, &right, position));
    }
    let left = in_order(cast_to(left, &meets).expr, &meets);
    let right = in_order(cast_to(right, &meets).expr, &meets);
    let compared = BinaryExpr::new(Box::new(left), op, Box::new(right));
    Ok(Typed::boolean(Expr::BinaryExpr(compared)))
}

/// Doubles compare in SQL's order, where `-0.0 = 0.0` and NaN is the largest.
fn in_order(expr: Expr, data_type: &DataType) -> Expr {
    let settled = matches!(&expr, Expr::Literal(ScalarValue::Float64(Some(n)), _) if *n != 0.0 && !n.is_nan());
    if types::is_float(data_type) && !settled {
        Udf::call(&ORDERED, data_type.clone(), vec![expr])
    } else {
        expr
    }
}

/// Text next to a number becomes a number: a bigint next to integers, else a double.
fn numeric_pair(left: Typed, right: Typed) -> (Typed, Typed) {
    let target = |other: &DataType| {
        if types::is_integer(other) { DataType::Int64 } else { DataType::Float64 }
    };
    match (&left.data_type, &right.data_type) {
        (DataType::Utf8, other) if types::is_number(other) => {
            let target = target(other);
            (cast_to(left, &target), right)
        }
        (other, DataType::Utf8) if types::is_number(other) => {
            let target = target(other);
            (left, cast_to(right, &target))
        }
        (DataType::Null, other) if types::is_number(other) => {
            let target = other.clone();
            (cast_to(left, &target), right)
        }
        (other, DataType::Null) if types::is_number(other) => {
            let target = other.clone();
            (left, cast_to(right, &target))
        }
        _ => (left, right),
    }
}

/// An integer literal next to a decimal takes only the digits it needs.
fn narrow_literal(value: Typed, other: &DataType) -> Typed {
    let (Some(literal), DataType::Decimal128(_, _)) = (value.literal(), other) else {
        return value;
    };
    match literal::integer_digits(literal) {
        Some(digits) => cast_to(value, &DataType::Decimal128(digits, 0)),
        None => value,
    }
}

fn arithmetic(
    left: Typed,
    op: &B,
    right: Typed,
    position: Position,
) -> Result<Typed, DialectError> {
    let plus_or_minus = matches!(op, B::Plus | B::Minus);
    let timed = |t: &DataType| matches!(t, DataType::Date32 | DataType::Timestamp(_, _));
    if plus_or_minus && (timed(&left.data_type) || timed(&right.data_type)) {
        return time_arithmetic(left, *op == B::Minus, right, position);
    }
    let (operation, function): (Operation, &'static Function) = match op {
        B::Plus => (Operation::Add, &ADD),
        B::Minus => (Operation::Subtract, &SUBTRACT),
        B::Multiply => (Operation::Multiply, &MULTIPLY),
        B::Divide => (Operation::Divide, &DIVIDE),
        _ => (Operation::Remainder, &REMAINDER),
    };
    let (left, right) = numeric_pair(left, right);
    let (left_type, right_type) = (left.data_type.clone(), right.data_type.clone());
    let (left, right) = (narrow_literal(left, &right_type), narrow_literal(right, &left_type));
    let planned = result_type(operation, &left.data_type, &right.data_type).and_then(|result| {
        let left_type = operand_type(&left.data_type, &result)?;
        Some((left_type, operand_type(&right.data_type, &result)?, result))
    });
    let Some((left_type, right_type, result)) = planned else {
        return Err(mismatch(op, &left, &right, position));
    };
    let operands = vec![cast_to(left, &left_type).expr, cast_to(right, &right_type).expr];
    Ok(Typed::new(Udf::call(function, result.clone(), operands), result))
}

fn integer_divide(left: Typed, right: Typed, position: Position) -> Result<Typed, DialectError> {
    let (left, right) = numeric_pair(left, right);
    let integers = types::is_integer(&left.data_type) && types::is_integer(&right.data_type);
    let decimals = types::as_decimal(&left.data_type).zip(types::as_decimal(&right.data_type));
    let (left_type, right_type) = match decimals {
        Some(_) if integers => (DataType::Int64, DataType::Int64),
        Some(((p1, s1), (p2, s2))) => (DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)),
        None => return Err(mismatch("div", &left, &right, position)),
    };
    let operands = vec![cast_to(left, &left_type).expr, cast_to(right, &right_type).expr];
    let expr = Udf::call(&INTEGER_DIVIDE, DataType::Int64, operands);
    Ok(Typed::new(expr, DataType::Int64))
}

fn bitwise(
    left: Typed,
    op: Operator,
    right: Typed,
    position: Position,
) -> Result<Typed, DialectError> {
    if !types::is_integer(&left.data_type) || !types::is_integer(&right.data_type) {
        return Err(mismatch(op, &left, &right, position));
    }
    let wider = types::wider_integer(&left.data_type, &right.data_type);
    // A complement keeps the operand's own width.
    let wider = if right.literal() == Some(&ScalarValue::Int32(Some(-1))) {
        left.data_type.clone()
    } else {
        wider
    };
    let (left, right) = (cast_narrow(left, &wider), cast_narrow(right, &wider));
    let expr = Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)));
    Ok(Typed::new(expr, wider))
}

fn cast_narrow(value: Typed, target: &DataType) -> Expr {
    if value.literal() == Some(&ScalarValue::Int32(Some(-1)))
        && let Ok(ones) = ScalarValue::Int32(Some(-1)).cast_to(target)
    {
        return lit(ones);
    }
    cast_to(value, target).expr
}

/// A date or timestamp plus or minus an interval or, for a date, a number of days.
fn time_arithmetic(
    left: Typed,
    minus: bool,
    right: Typed,
    position: Position,
) -> Result<Typed, DialectError> {
    let timed = |t: &DataType| matches!(t, DataType::Date32 | DataType::Timestamp(_, _));
    let op = if minus { "-" } else { "+" };
    if timed(&left.data_type) && timed(&right.data_type) {
        let hint = "use datediff for dates, or subtract unix_millis of both";
        let what = "a time minus a time, which is an interval,";
        return Err(DialectError::unsupported(what, hint, position));
    }
    let (time, amount) = if timed(&left.data_type) {
        (left, right)
    } else if minus {
        return Err(mismatch(op, &left, &right, position));
    } else {
        (right, left)
    };
    if time.data_type == DataType::Date32 && types::is_integer(&amount.data_type) {
        let name = if minus { "date_sub" } else { "date_add" };
        return call::by_name(name, vec![time, amount], position);
    }
    let Some(ScalarValue::IntervalMonthDayNano(Some(interval))) = amount.literal() else {
        return Err(mismatch(op, &time, &amount, position));
    };
    let sign = if minus { -1 } else { 1 };
    let (months, days) = (lit(interval.months * sign), lit(interval.days * sign));
    let micros = interval.nanoseconds / 1_000 * i64::from(sign);
    if time.data_type == DataType::Date32 && micros == 0 {
        let expr = Udf::call(&DATE_PLUS, DataType::Date32, vec![time.expr, months, days]);
        return Ok(Typed::new(expr, DataType::Date32));
    }
    let target = types::timestamp();
    let time = cast_to(time, &target);
    let operands = vec![time.expr, months, days, lit(micros)];
    Ok(Typed::new(Udf::call(&TIME_PLUS, target.clone(), operands), target))
}
