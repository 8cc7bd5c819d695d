//! Digests and encodings: md5, sha, crc32, base64, hex, bin.

use base64::Engine as _;
use datafusion::arrow::array::{Array, ArrayRef, BinaryArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use md5::Digest as _;

use super::{Function, Operand, Typed, Typing, Want, fixed, function};
use crate::call::type_names;
use crate::evaluate::{Argument, Call, Outcome};
use crate::types;

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "md5(text or binary) -> string",
        "The MD5 digest in hexadecimal.",
        &[("md5('abc')", "900150983cd24fb0d6963f7d28e17f72"), ("md5(null)", "NULL")],
        fixed(&[Want::Bytes], Want::Text),
        |call| digest(call, |bytes| hex(&md5::Md5::digest(bytes), false)),
    )
    .named("md5"),
    function(
        "sha1(text or binary) -> string",
        "The SHA-1 digest in hexadecimal.",
        &[("sha1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d")],
        fixed(&[Want::Bytes], Want::Text),
        |call| digest(call, |bytes| hex(&sha1::Sha1::digest(bytes), false)),
    )
    .named("sha1")
    .also(&["sha"]),
    function(
        "sha2(text or binary, bits) -> string",
        "The SHA-2 digest of 224, 256, 384 or 512 bits in hexadecimal; 0 means 256, others give NULL.",
        &[
            ("sha2('abc', 256)", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ("sha2('abc', 224)", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"), ("sha2('abc', 1)", "NULL"),
        ],
        fixed(&[Want::Bytes, Want::Int], Want::Text),
        |call| {
            let (bytes, bits) = (call.bytes(0)?, call.int(1)?);
            call.build_text(|row| Ok(bytes.at(row).zip(bits.at(row)).and_then(|(b, n)| sha2_hex(b, n))))
        },
    )
    .named("sha2"),
    function(
        "crc32(text or binary) -> bigint",
        "The CRC-32 checksum.",
        &[("crc32('abc')", "891568578")],
        fixed(&[Want::Bytes], Want::Long),
        |call| {
            let bytes = call.bytes(0)?;
            call.build::<Int64Type>(|row| Ok(bytes.at(row).map(|bytes| i64::from(crc32(bytes)))))
        },
    )
    .named("crc32"),
    function(
        "base64(text or binary) -> string",
        "The bytes in base 64, with padding.",
        &[("base64('abc')", "YWJj"), ("base64('a')", "YQ==")],
        fixed(&[Want::Bytes], Want::Text),
        |call| digest(call, |bytes| base64::engine::general_purpose::STANDARD.encode(bytes)),
    )
    .named("base64"),
    function(
        "hex(bigint, text or binary) -> string",
        "The number or the bytes in upper-case hexadecimal.",
        &[("hex(255)", "FF"), ("hex('abc')", "616263"), ("hex(-1)", "FFFFFFFFFFFFFFFF"), ("hex(0)", "0")],
        Typing::Custom(hexed),
        |call| {
            if *call.argument(0)?.array.data_type() == DataType::Int64 {
                let number = call.long(0)?;
                return call.build_text(|row| Ok(number.at(row).map(|n| format!("{n:X}"))));
            }
            digest(call, |bytes| hex(bytes, true))
        },
    )
    .named("hex"),
    function(
        "unhex(text) -> binary",
        "The bytes of hexadecimal text; NULL if it is none.",
        &[("cast(unhex('616263') as string)", "abc"), ("unhex('zz')", "NULL"), ("hex(unhex('6'))", "06")],
        fixed(&[Want::Text], Want::Bytes),
        |call| {
            let text = call.text(0)?;
            call.build_bytes(|row| Ok(text.at(row).and_then(unhex)))
        },
    )
    .named("unhex"),
    function(
        "bin(bigint) -> string",
        "The number in binary digits.",
        &[("bin(13)", "1101"), ("bin(0)", "0"), ("length(bin(-1))", "64")],
        fixed(&[Want::Long], Want::Text),
        |call| {
            let number = call.long(0)?;
            call.build_text(|row| Ok(number.at(row).map(|n| format!("{n:b}"))))
        },
    )
    .named("bin"),
];

/// The bytes of a row, for text as for binary.
fn row_bytes(argument: &Argument, row: usize) -> Option<&[u8]> {
    let at = argument.row(row);
    if argument.array.is_null(at) {
        return None;
    }
    let any = argument.array.as_any();
    match any.downcast_ref::<StringArray>() {
        Some(text) => Some(text.value(at).as_bytes()),
        None => any.downcast_ref::<BinaryArray>().map(|bytes| bytes.value(at)),
    }
}

fn digest(call: &Call<'_>, of: impl Fn(&[u8]) -> String) -> Outcome<ArrayRef> {
    let argument = call.argument(0)?;
    call.build_text(|row| Ok(row_bytes(argument, row).map(&of)))
}

fn hex(bytes: &[u8], upper: bool) -> String {
    let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(digits[usize::from(byte >> 4)]));
        out.push(char::from(digits[usize::from(byte & 15)]));
    }
    out
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let padded = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_string() };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    padded.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? * 16 + digit(pair[1])?)).collect()
}

fn sha2_hex(bytes: &[u8], bits: i32) -> Option<String> {
    match bits {
        224 => Some(hex(&sha2::Sha224::digest(bytes), false)),
        0 | 256 => Some(hex(&sha2::Sha256::digest(bytes), false)),
        384 => Some(hex(&sha2::Sha384::digest(bytes), false)),
        512 => Some(hex(&sha2::Sha512::digest(bytes), false)),
        _ => None,
    }
}

/// The checksum of zip and gzip: polynomial 0xEDB88320, reflected.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

fn hexed(operands: &[Operand<'_>]) -> Typed {
    let [one] = operands else {
        return Err(format!("takes 1 argument, got {}", operands.len()));
    };
    let taken = match one.data_type {
        integer if types::is_integer(integer) => DataType::Int64,
        DataType::Utf8 | DataType::Null => DataType::Utf8,
        DataType::Binary => DataType::Binary,
        _ => return Err(format!("does not take {}", type_names(operands))),
    };
    Ok((vec![taken], DataType::Utf8))
}
