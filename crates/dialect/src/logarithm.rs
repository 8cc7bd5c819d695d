//! Natural and decimal logarithm, to the last bit as Java's `StrictMath` computes them.
//!
//! The standard library's results differ from Java's in the last bit for about one argument in
//! thirty. Never does: check for zero and below; the caller gives NULL there.
//!
//! # Source
//! Sun's fdlibm, the algorithm that `StrictMath` is specified by: x is 2^k (1 + f) with 1 + f
//! between sqrt(2)/2 and sqrt(2), and log(1 + f) is an odd polynomial of s = f / (2 + f).

/// The upper bits of the logarithm of 2, exact when multiplied by an exponent.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
/// The rest of it.
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// The same split of the decimal logarithm of 2.
const LOG10_2_HIGH: f64 = 3.010_299_956_636_117_7e-1;
const LOG10_2_LOW: f64 = 3.694_239_077_158_931e-13;
/// One by the natural logarithm of 10.
const LOG10_E: f64 = std::f64::consts::LOG10_E;
/// 2^54: lifts a subnormal number to a normal one.
const LIFT: f64 = 18_014_398_509_481_984.0;

/// Splits a positive number into a mantissa from 1 to 2 and an exponent of 2.
fn split(x: f64) -> (f64, i32) {
    let (x, lifted) = if x < f64::MIN_POSITIVE { (x * LIFT, 54) } else { (x, 0) };
    let bits = x.to_bits();
    let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0) - 1023 - lifted;
    (f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000), exponent)
}

/// The natural logarithm of a positive number.
pub(crate) fn ln(x: f64) -> f64 {
    if !x.is_finite() {
        return x;
    }
    let (mantissa, exponent) = split(x);
    // The 20 upper bits of the fraction decide between 1 + f and (1 + f) / 2.
    let top = i64::try_from(mantissa.to_bits() >> 32 & 0xf_ffff).unwrap_or(0);
    let halve = (top + 0x9_5f64) & 0x10_0000 != 0;
    let f = if halve { mantissa / 2.0 } else { mantissa } - 1.0;
    let k = f64::from(exponent + i32::from(halve));
    let (high, low) = (k * LN2_HIGH, k * LN2_LOW);
    if f == 0.0 {
        return high + low;
    }
    if (top + 2) & 0xf_ffff < 3 {
        // |f| is below 2^-20: two terms of the series are enough.
        let rest = f * f * (0.5 - 0.333_333_333_333_333_3 * f);
        return if k == 0.0 { f - rest } else { high - ((rest - low) - f) };
    }
    let s = f / (2.0 + f);
    let series = polynomial(s * s);
    if (top - 0x6_147a) | (0x6_b851 - top) > 0 {
        let half = 0.5 * f * f;
        let rest = s * (half + series);
        if k == 0.0 { f - (half - rest) } else { high - ((half - (rest + low)) - f) }
    } else {
        let rest = s * (f - series);
        if k == 0.0 { f - rest } else { high - ((rest - low) - f) }
    }
}

/// The minimax polynomial, its even and its odd terms summed apart.
fn polynomial(z: f64) -> f64 {
    let w = z * z;
    let even = w
        * (3.999_999_999_940_942e-1
            + w * (2.222_219_843_214_978_4e-1 + w * 1.531_383_769_920_937_3e-1));
    let odd = z
        * (6.666_666_666_666_735e-1
            + w * (2.857_142_874_366_239e-1
                + w * (1.818_357_216_161_805e-1 + w * 1.479_819_860_511_658_6e-1)));
    odd + even
}

/// The decimal logarithm of a positive number.
pub(crate) fn log10(x: f64) -> f64 {
    if !x.is_finite() {
        return x;
    }
    let (mantissa, exponent) = split(x);
    let halve = exponent < 0;
    let mantissa = if halve { mantissa / 2.0 } else { mantissa };
    let k = f64::from(exponent + i32::from(halve));
    (k * LOG10_2_LOW + LOG10_E * ln(mantissa)) + k * LOG10_2_HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits that `PySpark` 4.2 gave.
    #[test]
    fn logarithms_have_javas_last_bit() {
        assert_eq!(ln(648.0).to_bits(), 6.473_890_696_352_274_f64.to_bits());
        assert_eq!(log10(648.0).to_bits(), 2.811_575_005_870_593_3_f64.to_bits());
        assert_eq!(log10(1000.0).to_bits(), 3.0_f64.to_bits());
        assert_eq!(ln(1.0).to_bits(), 0.0_f64.to_bits());
        assert_eq!(ln(f64::INFINITY), f64::INFINITY);
        assert_eq!(ln(5e-324), -744.440_071_921_381_2);
    }
}
