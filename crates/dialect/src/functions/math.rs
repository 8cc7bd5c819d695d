//! Roots, powers, logarithms, angles, greatest and least.
//!
//! Only functions whose last bit is that of Java's `StrictMath` are here: `sin`, `cos` and `tan`
//! depend on the machine on the Java side and are left out.

use datafusion::arrow::array::{Array, ArrayRef, UInt32Array, make_comparator};
use datafusion::arrow::compute::{SortOptions, interleave};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::{Function, Operand, Typed, Typing, Want, fixed, function};
use crate::call::type_names;
use crate::error::EvaluateError;
use crate::evaluate::{Call, Outcome};
use crate::logarithm::{ln, log10};
use crate::types;

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "sqrt(x) -> double",
        "The square root; NaN below zero.",
        &[("sqrt(2)", "1.4142135623730951"), ("sqrt(-1)", "NaN"), ("sqrt(9)", "3.0")],
        fixed(&[Want::Double], Want::Double),
        |call| one(call, f64::sqrt),
    )
    .named("sqrt"),
    function(
        "power(base, exponent) -> double",
        "The base to the exponent.",
        &[
            ("power(2, 10)", "1024.0"),
            ("pow(2, 0.5)", "1.4142135623730951"),
            ("power(2, -1)", "0.5"),
        ],
        fixed(&[Want::Double, Want::Double], Want::Double),
        |call| two(call, libm::pow),
    )
    .named("power")
    .also(&["pow"]),
    function(
        "exp(x) -> double",
        "e to the power x.",
        &[("exp(0)", "1.0"), ("exp(1)", "2.7182818284590455"), ("exp(2.5)", "12.182493960703473")],
        fixed(&[Want::Double], Want::Double),
        |call| one(call, libm::exp),
    )
    .named("exp"),
    function(
        "expm1(x) -> double",
        "e to the power x, less one.",
        &[("expm1(0)", "0.0"), ("expm1(1)", "1.718281828459045")],
        fixed(&[Want::Double], Want::Double),
        |call| one(call, libm::expm1),
    )
    .named("expm1"),
    function(
        "asin(x) -> double",
        "The angle of a sine; NaN outside -1 to 1.",
        &[("asin(1)", "1.5707963267948966"), ("asin(2)", "NaN")],
        fixed(&[Want::Double], Want::Double),
        |call| one(call, libm::asin),
    )
    .named("asin"),
    function(
        "acos(x) -> double",
        "The angle of a cosine; NaN outside -1 to 1.",
        &[("acos(0.5)", "1.0471975511965979"), ("acos(1)", "0.0")],
        fixed(&[Want::Double], Want::Double),
        |call| one(call, libm::acos),
    )
    .named("acos"),
    function(
        "atan(x) -> double",
        "The angle of a tangent.",
        &[("atan(1)", "0.7853981633974483")],
        fixed(&[Want::Double], Want::Double),
        |call| one(call, libm::atan),
    )
    .named("atan"),
    function(
        "sinh(x) -> double",
        "The hyperbolic sine.",
        &[("sinh(1)", "1.1752011936438014")],
        fixed(&[Want::Double], Want::Double),
        |call| one(call, libm::sinh),
    )
    .named("sinh"),
    function(
        "ln(x) -> double",
        "The natural logarithm; NULL unless x is above zero.",
        &[("ln(10)", "2.302585092994046"), ("ln(0)", "NULL"), ("ln(-1)", "NULL")],
        fixed(&[Want::Double], Want::Double),
        |call| logarithm(call, ln),
    )
    .named("ln"),
    function(
        "log10(x) -> double",
        "The logarithm to base 10; NULL unless x is above zero.",
        &[("log10(1000)", "3.0"), ("log10(0)", "NULL")],
        fixed(&[Want::Double], Want::Double),
        |call| logarithm(call, log10),
    )
    .named("log10"),
    function(
        "log2(x) -> double",
        "The logarithm to base 2; NULL unless x is above zero.",
        &[("log2(8)", "3.0"), ("log2(10)", "3.3219280948873626"), ("log2(0)", "NULL")],
        fixed(&[Want::Double], Want::Double),
        |call| logarithm(call, |x| ln(x) / std::f64::consts::LN_2),
    )
    .named("log2"),
    function(
        "sign(x) -> double",
        "-1, 0 or 1 as a double.",
        &[("sign(-5)", "-1.0"), ("signum(2.5)", "1.0"), ("sign(0)", "0.0")],
        fixed(&[Want::Double], Want::Double),
        |call| one(call, |x| if x == 0.0 || x.is_nan() { x } else { x.signum() }),
    )
    .named("sign")
    .also(&["signum"]),
    function(
        "degrees(x) -> double",
        "Radians to degrees.",
        &[("degrees(1)", "57.29577951308232")],
        fixed(&[Want::Double], Want::Double),
        |call| one(call, f64::to_degrees),
    )
    .named("degrees"),
    function(
        "radians(x) -> double",
        "Degrees to radians.",
        &[("radians(180)", "3.141592653589793"), ("radians(0)", "0.0")],
        fixed(&[Want::Double], Want::Double),
        |call| one(call, f64::to_radians),
    )
    .named("radians"),
    function(
        "atan2(y, x) -> double",
        "The angle of the point (x, y) in radians.",
        &[("atan2(1, 2)", "0.4636476090008061"), ("atan2(0, 1)", "0.0")],
        fixed(&[Want::Double, Want::Double], Want::Double),
        |call| two(call, |y, x| libm::atan2(y + 0.0, x + 0.0)),
    )
    .named("atan2"),
    function(
        "pi() -> double",
        "The number pi.",
        &[("pi()", "3.141592653589793")],
        fixed(&[], Want::Double),
        |call| call.build::<Float64Type>(|_| Ok(Some(std::f64::consts::PI))),
    )
    .named("pi"),
    function(
        "isnan(x) -> boolean",
        "Whether a double is NaN; false for NULL.",
        &[
            ("isnan(cast('nan' as double))", "true"),
            ("isnan(1.5D)", "false"),
            ("isnan(cast(null as double))", "false"),
        ],
        fixed(&[Want::Double], Want::Boolean),
        |call| {
            let x = call.double(0)?;
            call.build_boolean(|row| Ok(Some(x.at(row).is_some_and(f64::is_nan))))
        },
    )
    .named("isnan"),
    function(
        "nanvl(x, y) -> double",
        "x unless it is NaN, then y.",
        &[("nanvl(cast('nan' as double), 1.0D)", "1.0"), ("nanvl(2.0D, 1.0D)", "2.0")],
        fixed(&[Want::Double, Want::Double], Want::Double),
        |call| {
            let (x, y) = (call.double(0)?, call.double(1)?);
            call.build::<Float64Type>(|row| {
                Ok(x.at(row).and_then(|n| if n.is_nan() { y.at(row) } else { Some(n) }))
            })
        },
    )
    .named("nanvl"),
    function(
        "factorial(n int) -> bigint",
        "n!, for 0 to 20; NULL outside.",
        &[("factorial(5)", "120"), ("factorial(21)", "NULL"), ("factorial(0)", "1")],
        fixed(&[Want::Int], Want::Long),
        |call| {
            let n = call.int(0)?;
            call.build::<Int64Type>(|row| {
                Ok(n.at(row).filter(|n| (0..=20).contains(n)).map(|n| (1..=i64::from(n)).product()))
            })
        },
    )
    .named("factorial"),
    function(
        "greatest(a, b, ..)",
        "The largest value; NULLs are passed over.",
        &[
            ("greatest(1, 2.5)", "2.5"),
            ("greatest(1, null)", "1"),
            ("greatest('a', 'b')", "b"),
            ("greatest(3, 1, 2L)", "3"),
        ],
        Typing::Custom(comparable),
        |call| extreme(call, std::cmp::Ordering::Greater),
    )
    .named("greatest"),
    function(
        "least(a, b, ..)",
        "The smallest value; NULLs are passed over.",
        &[
            ("least(1, 2L)", "1"),
            ("least(null, 2, 3)", "2"),
            ("least(date'2024-01-02', date'2024-01-01')", "2024-01-01"),
        ],
        Typing::Custom(comparable),
        |call| extreme(call, std::cmp::Ordering::Less),
    )
    .named("least"),
];

fn one(call: &Call<'_>, of: impl Fn(f64) -> f64) -> Outcome<ArrayRef> {
    let x = call.double(0)?;
    call.build::<Float64Type>(|row| Ok(x.at(row).map(&of)))
}

fn two(call: &Call<'_>, of: impl Fn(f64, f64) -> f64) -> Outcome<ArrayRef> {
    let (x, y) = (call.double(0)?, call.double(1)?);
    call.build::<Float64Type>(|row| Ok(x.at(row).zip(y.at(row)).map(|(x, y)| of(x, y))))
}

fn logarithm(call: &Call<'_>, of: impl Fn(f64) -> f64) -> Outcome<ArrayRef> {
    let x = call.double(0)?;
    call.build::<Float64Type>(|row| Ok(x.at(row).filter(|x| *x > 0.0 || x.is_nan()).map(&of)))
}

/// All arguments meet in one type that has an order; text does not meet numbers here.
fn comparable(operands: &[Operand<'_>]) -> Typed {
    if operands.len() < 2 {
        return Err(format!("takes at least 2 arguments, got {}", operands.len()));
    }
    let mut target = DataType::Null;
    for operand in operands {
        let mixed = (target == DataType::Utf8) != (*operand.data_type == DataType::Utf8)
            && target != DataType::Null
            && *operand.data_type != DataType::Null;
        let wider = types::common_type(&target, operand.data_type).filter(|_| !mixed);
        target = wider.ok_or_else(|| format!("does not take {}", type_names(operands)))?;
    }
    if matches!(target, DataType::Map(_, _) | DataType::Interval(_)) {
        return Err(format!("does not take {}", type_names(operands)));
    }
    Ok((vec![target.clone(); operands.len()], target))
}

fn extreme(call: &Call<'_>, wanted: std::cmp::Ordering) -> Outcome<ArrayRef> {
    let failed = |error: datafusion::arrow::error::ArrowError| {
        EvaluateError::argument("greatest", error.to_string())
    };
    let arrays: Vec<ArrayRef> = call
        .columns
        .iter()
        .map(|argument| {
            let rows: UInt32Array = (0..call.rows)
                .map(|row| u32::try_from(argument.row(row)).unwrap_or(u32::MAX))
                .collect();
            datafusion::arrow::compute::take(&argument.array, &rows, None).map_err(failed)
        })
        .collect::<Outcome<_>>()?;
    let mut compare = Vec::new();
    for left in &arrays {
        let mut line = Vec::new();
        for right in &arrays {
            line.push(make_comparator(left, right, SortOptions::default()).map_err(failed)?);
        }
        compare.push(line);
    }
    let chosen: Vec<(usize, usize)> = (0..call.rows)
        .map(|row| {
            let mut best = 0;
            for other in 1..arrays.len() {
                if arrays[other].is_null(row) {
                    continue;
                }
                if arrays[best].is_null(row) || compare[other][best](row, row) == wanted {
                    best = other;
                }
            }
            (best, row)
        })
        .collect();
    let views: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    interleave(&views, &chosen).map_err(failed)
}
