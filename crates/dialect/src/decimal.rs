//! Decimal arithmetic on unscaled values: exact inside 256 bits, then rounded half up.
//!
//! # Source
//! Spark's `Decimal` and its rule of ANSI mode: a result that does not fit its type is an error.

use datafusion::arrow::datatypes::i256;

/// Ten to the power `exponent`; nothing past 76 digits.
pub(crate) fn power_of_ten(exponent: u32) -> Option<i256> {
    if exponent > 76 {
        return None;
    }
    let mut power = i256::ONE;
    let ten = i256::from_i128(10);
    for _ in 0..exponent {
        power = power.checked_mul(ten)?;
    }
    Some(power)
}

/// Divides and rounds half away from zero.
pub(crate) fn divide_half_up(dividend: i256, divisor: i256) -> Option<i256> {
    let quotient = dividend.checked_div(divisor)?;
    let remainder = dividend.checked_rem(divisor)?;
    let twice = remainder.checked_abs()?.checked_mul(i256::from_i128(2))?;
    if twice < divisor.checked_abs()? {
        return Some(quotient);
    }
    let negative = (dividend < i256::ZERO) != (divisor < i256::ZERO);
    let step = if negative { i256::MINUS_ONE } else { i256::ONE };
    quotient.checked_add(step)
}

/// Moves a value to another scale, rounding half up.
pub(crate) fn rescale_wide(value: i256, from: i32, to: i32) -> Option<i256> {
    let factor = |n: i32| power_of_ten(n.unsigned_abs());
    if to >= from {
        return value.checked_mul(factor(to - from)?);
    }
    // A value of 77 digits or less rounds to zero here.
    let Some(divisor) = factor(from - to) else { return Some(i256::ZERO) };
    divide_half_up(value, divisor)
}

/// Cuts a 256-bit result to a decimal of `precision` digits.
pub(crate) fn fit(value: i256, precision: u8) -> Option<i128> {
    let value = value.to_i128()?;
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (value.unsigned_abs() < limit.unsigned_abs()).then_some(value)
}

/// Moves a value to another scale and checks that it fits.
pub(crate) fn rescale(value: i128, from: i32, to: i32, precision: u8) -> Option<i128> {
    fit(rescale_wide(i256::from_i128(value), from, to)?, precision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_half_away_from_zero() {
        assert_eq!(rescale(1255, 3, 2, 10), Some(126));
        assert_eq!(rescale(-1255, 3, 2, 10), Some(-126));
        assert_eq!(rescale(1254, 3, 2, 10), Some(125));
        assert_eq!(rescale(99_999, 0, 0, 4), None);
    }
}
