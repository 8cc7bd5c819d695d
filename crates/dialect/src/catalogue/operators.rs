//! Operators, windows, and the functions that are known but refused.

use super::{Entry, Kind};

const fn operator(
    name: &'static str,
    signature: &'static str,
    doc: &'static str,
    examples: &'static [(&'static str, &'static str)],
) -> Entry {
    Entry { name, kind: Kind::Operator, signature, doc, examples, deterministic: true }
}

pub(super) const OPERATORS: &[Entry] = &[
    operator(
        "+",
        "a + b",
        "The sum; an error if it does not fit. A time plus an interval, a date plus days.",
        &[
            ("1 + 2", "3"), ("2147483647 + 1", "ERROR"), ("2147483647 + 1L", "2147483648"), ("9223372036854775807 + 1", "ERROR"),
            ("cast(127 as tinyint) + cast(1 as tinyint)", "ERROR"), ("1.5 + 2", "3.5"), ("1 + cast(1 as decimal(10,2))", "2.00"), ("1 + '2'", "3"), ("1 + null", "NULL"), ("0.1 + 0.2", "0.3"), ("0.1D + 0.2D", "0.30000000000000004"),
            ("timestamp'2024-01-31 10:00:00' + interval '1' month", "2024-02-29 10:00:00"), ("timestamp'2024-01-31 10:00:00' + interval '90' minute", "2024-01-31 11:30:00"),
            ("date'2024-01-31' + interval '1' month", "2024-02-29"), ("date'2024-01-31' + interval '1' hour", "2024-01-31 01:00:00"), ("1 + date'2024-01-31'", "2024-02-01"),
        ],
    ),
    operator(
        "-",
        "a - b, -a",
        "The difference, or the other sign; an error if it does not fit.",
        &[("5 - 7", "-2"), ("-2147483648 - 1", "ERROR"), ("-(-2147483648)", "ERROR"), ("2.50 - 1", "1.50"), ("timestamp'2024-01-31 10:00:00' - interval 10 seconds", "2024-01-31 09:59:50"), ("date'2024-01-31' - interval 1 year", "2023-01-31")],
    ),
    operator(
        "*",
        "a * b",
        "The product; an error if it does not fit.",
        &[("3 * 4", "12"), ("2147483647 * 2", "ERROR"), ("1.5 * 2", "3.0"), ("cast(1 as decimal(38,10)) * cast(3 as decimal(38,10))", "3.000000"), ("1.5D * 2", "3.0")],
    ),
    operator(
        "/",
        "a / b",
        "The quotient: of integers a double, of decimals a decimal; an error if b is zero.",
        &[("7 / 2", "3.5"), ("7L / 2L", "3.5"), ("1 / 0", "ERROR"), ("5.0D / 0", "ERROR"), ("1.5 / 0.7", "2.142857"), ("7 / 2.0", "3.500000"), ("cast(1 as decimal(10,2)) / cast(3 as decimal(10,2))", "0.3333333333333"), ("-1 / 3.0", "-0.333333")],
    ),
    operator(
        "div",
        "a div b",
        "The quotient without its fraction, as a bigint; for integers and decimals.",
        &[("7 div 2", "3"), ("-7 div 2", "-3"), ("10 div 3 + 1", "4"), ("7.5 div 2", "3"), ("1 div 0", "ERROR")],
    ),
    operator(
        "%",
        "a % b",
        "The remainder with the sign of a; an error if b is zero.",
        &[("7 % 3", "1"), ("-7 % 3", "-1"), ("5 % 0", "ERROR"), ("5.0D % 0", "ERROR"), ("1.5 % 0.7", "0.1"), ("-7.5D % 2", "-1.5")],
    ),
    operator(
        "&",
        "a & b, a | b, a ^ b, ~a",
        "Bits of integers: and, or, exclusive or, complement.",
        &[("3 & 5", "1"), ("3 | 5", "7"), ("3 ^ 5", "6"), ("~5", "-6"), ("~5L", "-6"), ("3 & 5L", "1")],
    ),
    operator(
        "||",
        "a || b",
        "Both values as one text; NULL if one is NULL.",
        &[("'a' || 'b'", "ab"), ("'a' || 1", "a1"), ("'a' || null", "NULL")],
    ),
    operator(
        "=",
        "a = b, a == b, a <> b, a != b",
        "Equal or not; NULL if one is NULL. NaN equals NaN, -0.0 equals 0.0.",
        &[
            ("1 = 1.0", "true"), ("1 == 2", "false"), ("1 <> 2", "true"), ("1 != 1", "false"), ("1 = null", "NULL"), ("1 = '1'", "true"), ("1 = '1.0'", "ERROR"), ("'a' = 'A'", "false"),
            ("cast('nan' as double) = cast('nan' as double)", "true"), ("0.0D = -0.0D", "true"), ("date'2024-01-01' = '2024-01-01'", "true"), ("true = 'true'", "true"), ("timestamp'2024-01-01 00:00:00' = date'2024-01-01'", "true"),
        ],
    ),
    operator(
        "<",
        "a < b, a <= b, a > b, a >= b",
        "Order; NULL if one is NULL. NaN is the largest number, texts compare by bytes.",
        &[("1 < 2", "true"), ("2 <= 1.5", "false"), ("'b' > 'a'", "true"), ("'a' > 'B'", "true"), ("cast('nan' as double) > 1e300", "true"), ("date'2024-02-01' >= '2024-01-31'", "true"), ("null < 1", "NULL"), ("false < true", "true")],
    ),
    operator(
        "<=>",
        "a <=> b, equal_null(a, b), a is [not] distinct from b",
        "Equal, with NULL equal to NULL; never NULL.",
        &[("1 <=> null", "false"), ("null <=> null", "true"), ("1 is distinct from null", "true"), ("1 is not distinct from 1", "true"), ("equal_null(1, null)", "false")],
    ),
    operator(
        "and",
        "a and b",
        "Both; false if either is false, even beside NULL. The right side is left alone if the left decides.",
        &[("true and false", "false"), ("null and false", "false"), ("null and true", "NULL"), ("false and 1 / 0 > 1", "false"), ("null and 1 / 0 > 1", "ERROR"), ("true and 1 / 0 > 1", "ERROR")],
    ),
    operator(
        "or",
        "a or b",
        "Either; true if one is true, even beside NULL. The right side is left alone if the left decides.",
        &[("false or true", "true"), ("null or true", "true"), ("null or false", "NULL"), ("true or 1 / 0 > 1", "true")],
    ),
    operator(
        "not",
        "not a, !a",
        "The opposite; NULL stays NULL.",
        &[("not true", "false"), ("!false", "true"), ("not cast(null as boolean)", "NULL")],
    ),
    operator(
        "is null",
        "a is [not] null, isnull(a), isnotnull(a)",
        "Whether there is a value.",
        &[("null is null", "true"), ("1 is not null", "true"), ("isnull(null)", "true"), ("isnotnull(null)", "false")],
    ),
    operator(
        "is true",
        "a is [not] true, a is [not] false, a is [not] unknown",
        "Tests of a boolean that are never NULL.",
        &[("null is true", "false"), ("true is true", "true"), ("null is not false", "true"), ("null is unknown", "true"), ("true is not unknown", "true")],
    ),
    operator(
        "between",
        "a [not] between low and high",
        "Whether a lies from low to high, both included.",
        &[("1 between 0 and 2", "true"), ("2 between 0 and 2", "true"), ("3 not between 0 and 2", "true"), ("null between 0 and 2", "NULL")],
    ),
    operator(
        "in",
        "a [not] in (b, c, ..)",
        "Whether a equals one of the values; NULL if none but a NULL is there.",
        &[("1 in (1, null)", "true"), ("2 in (1, null)", "NULL"), ("2 not in (1, 3)", "true"), ("'a' in ('a', 'b')", "true"), ("1 in (1.0, 2.5)", "true")],
    ),
    operator(
        "case",
        "case when condition then a [when ..] [else b] end, case x when value then ..",
        "The first value whose condition is true; the others are left alone.",
        &[
            ("case when 1 > 2 then 'a' when true then 'b' else 'c' end", "b"), ("case 3 when 1 then 'a' when 3 then 'c' end", "c"), ("case when false then 1 end", "NULL"), ("case when true then 1 else 2.5 end", "1.0"),
            ("case when true then 1 else '2' end", "1"), ("case when true then 1 else 1 / 0 end", "1.0"), ("case when false then 1 / 0 > 1 else true end", "true"), ("case when cast(null as boolean) then 1 else 2 end", "2"),
        ],
    ),
    operator(
        "if",
        "if(condition, a, b), nvl2(x, a, b)",
        "a if the condition is true (x is not NULL), else b.",
        &[("if(1 > 2, 'a', 'b')", "b"), ("if(null, 1, 2)", "2"), ("if(true, 1, 2.5)", "1.0"), ("nvl2(null, 1, 2)", "2"), ("nvl2('x', 1, 2)", "1")],
    ),
    operator(
        "coalesce",
        "coalesce(a, b, ..), nvl(a, b), ifnull(a, b), zeroifnull(a)",
        "The first value that is not NULL; later ones are left alone.",
        &[("coalesce(null, null, 3)", "3"), ("coalesce(1, 2L)", "1"), ("nvl(null, 'x')", "x"), ("ifnull(null, 1)", "1"), ("coalesce(1, 1 / 0)", "1.0"), ("zeroifnull(cast(null as int))", "0")],
    ),
    operator(
        "nullif",
        "nullif(a, b), nullifzero(a)",
        "NULL where both are equal, else a.",
        &[("nullif(1, 1)", "NULL"), ("nullif(1, 2)", "1"), ("1 / nullif(0, 0)", "NULL"), ("nullifzero(0)", "NULL"), ("nullifzero(5)", "5")],
    ),
    operator(
        "cast",
        "cast(a as type)",
        "The value in another type; an error if it does not fit. Decimals round half up.",
        CASTS,
    ),
    operator(
        "try_cast",
        "try_cast(a as type)",
        "Like cast, but NULL if the value does not fit.",
        &[("try_cast('x' as int)", "NULL"), ("try_cast(300 as tinyint)", "NULL"), ("try_cast(1e20 as int)", "NULL"), ("try_cast('2024-02-30' as date)", "NULL"), ("try_cast('5' as int)", "5"), ("try_cast('x' as boolean)", "NULL"), ("try_cast('x' as timestamp)", "NULL")],
    ),
    operator(
        "date",
        "date'2024-01-15', timestamp'2024-01-15 10:11:12'",
        "A date or a time in UTC.",
        &[("date'2024-01-15'", "2024-01-15"), ("date'2024-1-3'", "2024-01-03"), ("timestamp'2024-01-15 10:11:12.5'", "2024-01-15 10:11:12.5"), ("timestamp'2024-01-15T10:11:12+02:00'", "2024-01-15 08:11:12"), ("timestamp'2024-01-31'", "2024-01-31 00:00:00")],
    ),
    operator(
        "literals",
        "1, 1L, 1.5, 1.5D, 1e3, 'text', true, null, X'4142'",
        "An int or bigint by size, a decimal with a point, a double with an exponent; single quotes only.",
        &[("1", "1"), ("9223372036854775808", "9223372036854775808"), ("1.50", "1.50"), ("1e3", "1000.0"), ("1.5F", "1.5"), ("1BD", "1"), ("'it''s'", "it's"), ("'a\\tb'", "a\tb"), ("'\\\\d'", "\\d"), ("X'4142'", "AB")],
    ),
];

const CASTS: &[(&str, &str)] = &[
    ("cast('12' as int)", "12"),
    ("cast(' 12 ' as int)", "12"),
    ("cast('12a' as int)", "ERROR"),
    ("cast('1.5' as int)", "ERROR"),
    ("cast('' as int)", "ERROR"),
    ("cast('2147483648' as int)", "ERROR"),
    ("cast('1e2' as double)", "100.0"),
    ("cast('inf' as double)", "Infinity"),
    ("cast('abc' as double)", "ERROR"),
    ("cast('1.005' as decimal(10,2))", "1.01"),
    ("cast('123456789.1' as decimal(5,2))", "ERROR"),
    ("cast('yes' as boolean)", "true"),
    ("cast('x' as boolean)", "ERROR"),
    ("cast(0.5 as boolean)", "true"),
    ("cast(true as int)", "1"),
    ("cast(1.9 as int)", "1"),
    ("cast(-1.9D as int)", "-1"),
    ("cast(1e20 as bigint)", "ERROR"),
    ("cast(cast('nan' as double) as int)", "ERROR"),
    ("cast(300 as tinyint)", "ERROR"),
    ("cast(1.5e7D as string)", "1.5E7"),
    ("cast(0.0001D as string)", "1.0E-4"),
    ("cast(cast(1.1 as float) as double)", "1.100000023841858"),
    ("cast(1.255D as decimal(10,2))", "1.26"),
    ("cast(-1.255 as decimal(10,2))", "-1.26"),
    ("cast(99999 as decimal(4,0))", "ERROR"),
    ("cast('2024-1-5' as date)", "2024-01-05"),
    ("cast('2024-01-15 10:00:00' as date)", "2024-01-15"),
    ("cast('2024-02-30' as date)", "ERROR"),
    ("cast('20240115' as date)", "ERROR"),
    ("cast('2024-01-15T10:11:12.123456+02:00' as timestamp)", "2024-01-15 08:11:12.123456"),
    ("cast('2024-01-15 10:11' as timestamp)", "2024-01-15 10:11:00"),
    ("cast('1705313472' as timestamp)", "ERROR"),
    ("cast(timestamp'2024-01-15 10:11:12.5' as bigint)", "1705313472"),
    ("cast(timestamp'1969-12-31 23:59:59.5' as bigint)", "-1"),
    ("cast(timestamp'2024-01-15 10:11:12.5' as double)", "1.7053134725E9"),
    ("cast(1705313472.5D as timestamp)", "2024-01-15 10:11:12.5"),
    ("cast(date'2024-01-15' as timestamp)", "2024-01-15 00:00:00"),
    ("cast(timestamp'2024-01-15 10:11:12' as date)", "2024-01-15"),
    ("cast(timestamp'2024-01-15 10:11:12.500' as string)", "2024-01-15 10:11:12.5"),
    ("cast(array(1, null) as string)", "[1, null]"),
    ("cast(null as int)", "NULL"),
];

pub(super) const WINDOWS: &[Entry] = &[
    Entry {
        name: "window",
        kind: Kind::Window,
        signature: "window(timestamp, duration [, slide [, start]]) -> struct<start:timestamp,end:timestamp>",
        doc: "Time windows of one length, tumbling or sliding; in GROUP BY of a query over a stream.",
        examples: &[],
        deterministic: true,
    },
    Entry {
        name: "session_window",
        kind: Kind::Window,
        signature: "session_window(timestamp, gap) -> struct<start:timestamp,end:timestamp>",
        doc: "Windows that end when no record came for a gap; in GROUP BY of a query over a stream.",
        examples: &[],
        deterministic: true,
    },
];

const fn refused(name: &'static str) -> Entry {
    Entry {
        name,
        kind: Kind::Function,
        signature: "refused",
        doc: "Refused: it gives another value when a batch runs again.",
        examples: &[],
        deterministic: false,
    }
}

pub(super) const REFUSED: &[Entry] = &[
    refused("now"),
    refused("current_timestamp"),
    refused("current_date"),
    refused("curdate"),
    refused("current_time"),
    refused("localtimestamp"),
    refused("rand"),
    refused("random"),
    refused("randn"),
    refused("uuid"),
    refused("shuffle"),
    refused("monotonically_increasing_id"),
    refused("spark_partition_id"),
];
