//! `+ - * / %` between numbers, and dates with durations left out.

use crate::execute::failure::{Failure, Outcome};
use crate::execute::value::{self, Number};
use bytes::Bytes;
use cql::CqlType;
use cql::ast::ArithmeticOperator as Op;
use cql::value::{BigInt, Decimal};

/// The type of a result: the wider of the two.
pub(crate) fn arithmetic_type(left: &CqlType, right: &CqlType) -> CqlType {
    let rank = |ty: &CqlType| match ty {
        CqlType::Tinyint => 0,
        CqlType::Smallint => 1,
        CqlType::Int => 2,
        CqlType::Bigint | CqlType::Counter => 3,
        CqlType::Float => 4,
        CqlType::Double => 5,
        CqlType::Varint => 6,
        _ => 7,
    };
    let real = |ty: &CqlType| matches!(ty, CqlType::Float | CqlType::Double);
    match (left, right) {
        (CqlType::Float, CqlType::Bigint | CqlType::Counter)
        | (CqlType::Bigint | CqlType::Counter, CqlType::Float) => CqlType::Double,
        (a, CqlType::Varint) | (CqlType::Varint, a) if real(a) => CqlType::Decimal,
        (a, b) => {
            let wider = if rank(a) >= rank(b) { a } else { b };
            if *wider == CqlType::Counter { CqlType::Bigint } else { wider.clone() }
        }
    }
}

/// The result of an operation; null if either side is.
pub(crate) fn arithmetic(
    op: Op,
    (left_type, left): (&CqlType, Option<Bytes>),
    (right_type, right): (&CqlType, Option<Bytes>),
) -> Outcome<(CqlType, Option<Bytes>)> {
    if !value::is_number(left_type) || !value::is_number(right_type) {
        let sign = symbol(op);
        return Err(Failure::invalid(format!(
            "the '{sign}' operation is not supported between {left_type} and {right_type}"
        )));
    }
    let ty = arithmetic_type(left_type, right_type);
    let (Some(left), Some(right)) = (left, right) else { return Ok((ty, None)) };
    let a = Number::of(&value::decode(left_type, &left)?);
    let b = Number::of(&value::decode(right_type, &right)?);
    let (Some(a), Some(b)) = (a, b) else { return Ok((ty, None)) };
    let result = match ty {
        CqlType::Float | CqlType::Double => Number::Real(real(op, a.real(), b.real())),
        CqlType::Decimal => Number::Decimal(decimal(op, a.decimal(), b.decimal())?),
        _ => Number::Whole(whole(op, &a.whole(), &b.whole())?),
    };
    let bytes = value::encode(&ty, &result.to_value(&ty))?;
    Ok((ty, bytes))
}

fn symbol(op: Op) -> char {
    match op {
        Op::Add => '+',
        Op::Subtract => '-',
        Op::Multiply => '*',
        Op::Divide => '/',
        Op::Modulo => '%',
    }
}

fn by_zero() -> Failure {
    Failure::invalid("the operation failed: / by zero")
}

fn real(op: Op, a: f64, b: f64) -> f64 {
    match op {
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::Multiply => a * b,
        Op::Divide => a / b,
        Op::Modulo => a % b,
    }
}

fn whole(op: Op, a: &BigInt, b: &BigInt) -> Outcome<BigInt> {
    let zero = *b == BigInt::from(0);
    Ok(match op {
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::Multiply => a * b,
        Op::Divide | Op::Modulo if zero => return Err(by_zero()),
        Op::Divide => a / b,
        Op::Modulo => a % b,
    })
}

/// The most digits by which two decimals may be apart before they are brought to one scale.
const SCALE_APART_MAX: u32 = 10_000;

fn decimal(op: Op, a: Decimal, b: Decimal) -> Outcome<Decimal> {
    if op == Op::Multiply {
        let scale = a.scale.saturating_add(b.scale);
        return Ok(Decimal { unscaled: a.unscaled * b.unscaled, scale });
    }
    let scale = a.scale.max(b.scale);
    let raised = |v: Decimal| {
        let by = scale.abs_diff(v.scale);
        if by > SCALE_APART_MAX {
            return Err(Failure::invalid(
                "the operation failed: decimal exponents are too far apart",
            ));
        }
        Ok(v.unscaled * BigInt::from(10).pow(by))
    };
    let (a, b) = (raised(a)?, raised(b)?);
    let zero = b == BigInt::from(0);
    Ok(match op {
        Op::Add => Decimal { unscaled: a + b, scale },
        Op::Subtract => Decimal { unscaled: a - b, scale },
        _ if zero => return Err(by_zero()),
        Op::Modulo => Decimal { unscaled: a % b, scale },
        // Cassandra divides to at least 32 digits.
        _ => Decimal { unscaled: a * BigInt::from(10).pow(32) / b, scale: 32 },
    })
}

/// `-value`.
pub(crate) fn negate(ty: &CqlType, bytes: Option<Bytes>) -> Outcome<(CqlType, Option<Bytes>)> {
    let Some(bytes) = bytes else { return Ok((ty.clone(), None)) };
    let negated = match Number::of(&value::decode(ty, &bytes)?) {
        Some(Number::Whole(v)) => Number::Whole(-v),
        Some(Number::Real(v)) => Number::Real(-v),
        Some(Number::Decimal(v)) => {
            Number::Decimal(Decimal { unscaled: -v.unscaled, scale: v.scale })
        }
        None => {
            return Err(Failure::invalid(format!("the '-' operation is not supported on {ty}")));
        }
    };
    Ok((ty.clone(), value::encode(ty, &negated.to_value(ty))?))
}
