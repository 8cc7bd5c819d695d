//! Arrays, maps and structs: making them, taking values out, counting and searching.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ListArray, MapArray, StructArray, UInt32Array, make_comparator, new_null_array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{SortOptions, interleave, take};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int32Type};
use datafusion::arrow::error::ArrowError;

use super::{Function, Operand, Typed, Typing, Want, fixed, function, hidden};
use crate::call::type_names;
use crate::error::EvaluateError;
use crate::evaluate::{Argument, Call, Outcome, value_text};
use crate::types;

/// A struct's field by its index.
pub(crate) static FIELD: Function = hidden("field", |call| {
    let argument = call.argument(0)?;
    let index = call.int(1)?.at(0).and_then(|index| usize::try_from(index).ok());
    let found = argument.array.as_any().downcast_ref::<StructArray>();
    let (Some(found), Some(index)) = (found, index) else {
        return Err(EvaluateError::argument("field", "the value is no struct"));
    };
    let column = found.column(index);
    // A NULL struct has NULL fields, whatever its columns hold.
    let nulls = NullBuffer::union(found.nulls(), column.nulls());
    let data = column.to_data().into_builder().nulls(nulls).build().map_err(failed)?;
    spread(argument, datafusion::arrow::array::make_array(data), call.rows)
});

/// `array[position]`, from 0; outside is an error.
pub(crate) static GET_INDEX: Function = hidden("array_index", |call| {
    pick(call, |index, length| {
        let at = usize::try_from(index).ok().filter(|at| *at < length);
        at.map(Some).ok_or(EvaluateError::ArrayIndex { index: i64::from(index), length })
    })
});

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "array(value, ..) -> array",
        "An array of the values; all meet in one type.",
        &[("array(1, 2)", "[1, 2]"), ("array('a', null)", "[a, null]"), ("array(1, 2.5)", "[1.0, 2.5]")],
        Typing::Custom(array_types),
        array,
    )
    .named("array"),
    function(
        "map(key, value, ..) -> map",
        "A map of the pairs; a key may stand once and is not NULL.",
        &[("map('a', 1)", "{a -> 1}"), ("map('a', 1, 'b', null)", "{a -> 1, b -> null}"), ("map('a', 1, 'a', 2)", "ERROR"), ("map(cast(null as string), 1)", "ERROR")],
        Typing::Custom(map_types),
        map,
    )
    .named("map"),
    function(
        "named_struct(name, value, ..) -> struct",
        "A struct with these field names; struct(value AS name, ..) is the same.",
        &[("named_struct('a', 1, 'b', 'x')", "{1, x}"), ("named_struct('a', 1).a", "1"), ("struct(1 as a, 'x' as b)", "{1, x}"), ("struct(1, 2).col2", "2")],
        Typing::Custom(struct_types),
        structure,
    )
    .named("named_struct"),
    function(
        "size(array or map) -> int",
        "The number of elements; NULL for NULL.",
        &[("size(array(1, 2))", "2"), ("size(map('a', 1))", "1"), ("cardinality(array(1))", "1"), ("size(cast(null as string))", "ERROR")],
        Typing::Custom(|operands| match operands {
            [one] if matches!(one.data_type, DataType::List(_) | DataType::Map(_, _)) => {
                Ok((vec![one.data_type.clone()], DataType::Int32))
            }
            _ => Err(format!("takes an array or a map, not {}", type_names(operands))),
        }),
        |call| {
            let argument = call.argument(0)?;
            call.build::<Int32Type>(|row| Ok(span(argument, row).map(|(from, to)| int(to - from))))
        },
    )
    .named("size")
    .also(&["cardinality"]),
    function(
        "array_size(array) -> int",
        "The number of elements; NULL for NULL.",
        &[("array_size(array(1, 2))", "2"), ("array_size(array())", "0")],
        Typing::Custom(|operands| match operands {
            [one] if matches!(one.data_type, DataType::List(_)) => {
                Ok((vec![one.data_type.clone()], DataType::Int32))
            }
            _ => Err(format!("takes an array, not {}", type_names(operands))),
        }),
        |call| {
            let argument = call.argument(0)?;
            call.build::<Int32Type>(|row| Ok(span(argument, row).map(|(from, to)| int(to - from))))
        },
    )
    .named("array_size"),
    function(
        "element_at(array, position) or element_at(map, key)",
        "The element at a position from 1, or from the end if negative; an error outside. The value of a key, or NULL.",
        &[("element_at(array(1, 2), 1)", "1"), ("element_at(array(1, 2), -1)", "2"), ("element_at(array(1, 2), 5)", "ERROR"), ("element_at(array(1, 2), 0)", "ERROR"), ("element_at(map('a', 1), 'a')", "1"), ("element_at(map('a', 1), 'b')", "NULL"), ("array(1, 2)[0]", "1"), ("array(1, 2)[2]", "ERROR"), ("map('a', 1)['a']", "1")],
        Typing::Custom(element_types),
        |call| element_at(call, false),
    )
    .named("element_at"),
    function(
        "try_element_at(array, position) or try_element_at(map, key)",
        "Like element_at, but NULL outside the array.",
        &[("try_element_at(array(1, 2), 5)", "NULL"), ("try_element_at(array(1, 2), 2)", "2"), ("try_element_at(array(1, 2), 0)", "ERROR")],
        Typing::Custom(element_types),
        |call| element_at(call, true),
    )
    .named("try_element_at"),
    function(
        "get(array, position)",
        "The element at a position from 0; NULL outside.",
        &[("get(array(1, 2), 0)", "1"), ("get(array(1, 2), 5)", "NULL"), ("get(array(1, 2), -1)", "NULL")],
        Typing::Custom(|operands| match operands {
            [array, index] if types::is_integer(index.data_type) && *index.data_type != DataType::Int64 => {
                match array.data_type {
                    DataType::List(field) => Ok((vec![array.data_type.clone(), DataType::Int32], field.data_type().clone())),
                    _ => Err(format!("does not take {}", type_names(operands))),
                }
            }
            _ => Err(format!("does not take {}", type_names(operands))),
        }),
        |call| pick(call, |index, length| Ok(usize::try_from(index).ok().filter(|at| *at < length))),
    )
    .named("get"),
    function(
        "array_contains(array, value) -> boolean",
        "Whether the value is in the array; NULL if it is not but a NULL is.",
        &[("array_contains(array(1, 2), 1)", "true"), ("array_contains(array(1, null), 2)", "NULL"), ("array_contains(array('a'), 'b')", "false")],
        Typing::Custom(|operands| search_types(operands, DataType::Boolean)),
        |call| {
            let found = search(call)?;
            call.build_boolean(|row| {
                Ok(found(row).and_then(|(at, nulls)| match at {
                    Some(_) => Some(true),
                    None if nulls => None,
                    None => Some(false),
                }))
            })
        },
    )
    .named("array_contains"),
    function(
        "array_position(array, value) -> bigint",
        "The first position of the value, from 1; 0 if it is not there.",
        &[("array_position(array(1, 2), 2)", "2"), ("array_position(array(1, 2), 3)", "0")],
        Typing::Custom(|operands| search_types(operands, DataType::Int64)),
        |call| {
            let found = search(call)?;
            call.build::<datafusion::arrow::datatypes::Int64Type>(|row| {
                Ok(found(row).map(|(at, _)| at.map_or(0, |at| i64::from(int(at)) + 1)))
            })
        },
    )
    .named("array_position"),
    function(
        "array_min(array)",
        "The smallest element; NULLs are passed over.",
        &[("array_min(array(3, 1, null))", "1"), ("array_min(array('b', 'a'))", "a")],
        Typing::Custom(flat_element),
        |call| extreme(call, std::cmp::Ordering::Less),
    )
    .named("array_min"),
    function(
        "array_max(array)",
        "The largest element; NULLs are passed over.",
        &[("array_max(array(3, 1, null))", "3")],
        Typing::Custom(flat_element),
        |call| extreme(call, std::cmp::Ordering::Greater),
    )
    .named("array_max"),
    function(
        "array_join(array<string>, separator) -> string",
        "The elements as one text; NULLs are passed over.",
        &[("array_join(array('a', null, 'b'), ',')", "a,b")],
        fixed(&[Want::TextList, Want::Text], Want::Text),
        |call| {
            let (list, separator) = (call.list(0)?, call.text(1)?);
            call.build_text(|row| {
                Ok(list.at(row).zip(separator.at(row)).map(|(inside, separator)| {
                    let parts: Vec<String> =
                        (0..inside.len()).filter_map(|i| value_text(&inside, i)).collect();
                    parts.join(separator)
                }))
            })
        },
    )
    .named("array_join"),
    function(
        "map_keys(map) -> array",
        "The keys.",
        &[("map_keys(map('a', 1, 'b', 2))", "[a, b]")],
        Typing::Custom(|operands| map_side(operands, 0)),
        |call| map_column(call, 0),
    )
    .named("map_keys"),
    function(
        "map_values(map) -> array",
        "The values.",
        &[("map_values(map('a', 1, 'b', 2))", "[1, 2]")],
        Typing::Custom(|operands| map_side(operands, 1)),
        |call| map_column(call, 1),
    )
    .named("map_values"),
    function(
        "map_contains_key(map, key) -> boolean",
        "Whether the map has the key.",
        &[("map_contains_key(map('a', 1), 'a')", "true"), ("map_contains_key(map('a', 1), 'b')", "false")],
        Typing::Custom(|operands| match element_types(operands) {
            Ok((taken, _)) if matches!(taken[0], DataType::Map(_, _)) => Ok((taken, DataType::Boolean)),
            _ => Err(format!("does not take {}", type_names(operands))),
        }),
        |call| {
            let found = search(call)?;
            call.build_boolean(|row| Ok(found(row).map(|(at, _)| at.is_some())))
        },
    )
    .named("map_contains_key"),
];

#[expect(clippy::needless_pass_by_value, reason = "is the argument of map_err")]
fn failed(error: ArrowError) -> EvaluateError {
    EvaluateError::argument("nested value", error.to_string())
}

fn int(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Row numbers for `take`.
fn rows_of(rows: impl Iterator<Item = Option<usize>>) -> UInt32Array {
    rows.map(|row| row.and_then(|row| u32::try_from(row).ok())).collect()
}

/// A constant's column repeated for all rows.
fn spread(argument: &Argument, column: ArrayRef, rows: usize) -> Outcome<ArrayRef> {
    if !argument.constant || rows == 1 {
        return Ok(column);
    }
    take(&column, &rows_of((0..rows).map(|_| Some(0))), None).map_err(failed)
}

/// Where a row's elements lie among all elements.
fn span(argument: &Argument, row: usize) -> Option<(usize, usize)> {
    let at = argument.row(row);
    let any = argument.array.as_any();
    if argument.array.is_null(at) {
        return None;
    }
    let offsets = match any.downcast_ref::<ListArray>() {
        Some(list) => list.offsets(),
        None => any.downcast_ref::<MapArray>()?.offsets(),
    };
    Some((usize::try_from(offsets[at]).ok()?, usize::try_from(offsets[at + 1]).ok()?))
}

/// All elements of a list, or one column of a map's pairs.
fn elements(argument: &Argument, column: usize) -> Outcome<ArrayRef> {
    let any = argument.array.as_any();
    if let Some(list) = any.downcast_ref::<ListArray>() {
        return Ok(Arc::clone(list.values()));
    }
    match any.downcast_ref::<MapArray>() {
        Some(map) => Ok(Arc::clone(map.entries().column(column))),
        None => Err(EvaluateError::argument("nested value", "is no array and no map")),
    }
}

fn array_types(operands: &[Operand<'_>]) -> Typed {
    let mut target = DataType::Null;
    for operand in operands {
        target = types::common_type(&target, operand.data_type)
            .ok_or_else(|| format!("{} have no common type", type_names(operands)))?;
    }
    Ok((vec![target.clone(); operands.len()], types::list_of(target)))
}

/// Interleaves equally typed columns row by row.
fn woven(call: &Call<'_>, indexes: &[usize]) -> Outcome<ArrayRef> {
    let arrays: Vec<&dyn Array> = indexes.iter().map(|i| call.columns[*i].array.as_ref()).collect();
    let order: Vec<(usize, usize)> = (0..call.rows)
        .flat_map(|row| indexes.iter().enumerate().map(move |(place, i)| (place, *i, row)))
        .map(|(place, i, row)| (place, call.columns[i].row(row)))
        .collect();
    interleave(&arrays, &order).map_err(failed)
}

fn array(call: &Call<'_>) -> Outcome<ArrayRef> {
    let DataType::List(field) = call.returns else {
        return Err(EvaluateError::argument("array", "the result is no array"));
    };
    let indexes: Vec<usize> = (0..call.columns.len()).collect();
    let values = if indexes.is_empty() {
        new_null_array(field.data_type(), 0)
    } else {
        woven(call, &indexes)?
    };
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(indexes.len(), call.rows));
    let list = ListArray::try_new(Arc::clone(field), offsets, values, None).map_err(failed)?;
    Ok(Arc::new(list))
}

fn map_types(operands: &[Operand<'_>]) -> Typed {
    if operands.is_empty() || !operands.len().is_multiple_of(2) {
        return Err("takes pairs of a key and a value".into());
    }
    let side = |from: usize| {
        operands.iter().skip(from).step_by(2).try_fold(DataType::Null, |target, operand| {
            types::common_type(&target, operand.data_type)
        })
    };
    match (side(0), side(1)) {
        (Some(key), Some(value)) if key != DataType::Null && !key.is_nested() => {
            let taken = (0..operands.len())
                .map(|i| if i % 2 == 0 { key.clone() } else { value.clone() })
                .collect();
            Ok((taken, types::map_of(key, value)))
        }
        _ => Err(format!("does not take {}", type_names(operands))),
    }
}

fn map(call: &Call<'_>) -> Outcome<ArrayRef> {
    let DataType::Map(entries, _) = call.returns else {
        return Err(EvaluateError::argument("map", "the result is no map"));
    };
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(EvaluateError::argument("map", "the result is no map"));
    };
    let keys: Vec<usize> = (0..call.columns.len()).step_by(2).collect();
    let values: Vec<usize> = (1..call.columns.len()).step_by(2).collect();
    let (keys_column, values_column) = (woven(call, &keys)?, woven(call, &values)?);
    if keys_column.null_count() > 0 {
        return Err(EvaluateError::argument("map", "a key is NULL"));
    }
    let compare =
        make_comparator(&keys_column, &keys_column, SortOptions::default()).map_err(failed)?;
    for start in (0..keys_column.len()).step_by(keys.len()) {
        for later in start + 1..start + keys.len() {
            if (start..later).any(|earlier| compare(earlier, later).is_eq()) {
                let key = value_text(&keys_column, later).unwrap_or_default();
                return Err(EvaluateError::argument("map", format!("the key {key} stands twice")));
            }
        }
    }
    let pairs = StructArray::try_new(fields.clone(), vec![keys_column, values_column], None);
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(keys.len(), call.rows));
    let map = MapArray::try_new(Arc::clone(entries), offsets, pairs.map_err(failed)?, None, false);
    Ok(Arc::new(map.map_err(failed)?))
}

fn struct_types(operands: &[Operand<'_>]) -> Typed {
    if operands.is_empty() || !operands.len().is_multiple_of(2) {
        return Err("takes pairs of a name and a value".into());
    }
    let mut fields = Vec::new();
    let mut taken = Vec::new();
    for pair in operands.chunks(2) {
        let Some(datafusion::common::ScalarValue::Utf8(Some(name))) = pair[0].literal else {
            return Err("a field name must be a text in single quotes".into());
        };
        fields.push(Field::new(name, pair[1].data_type.clone(), true));
        taken.extend([DataType::Utf8, pair[1].data_type.clone()]);
    }
    Ok((taken, DataType::Struct(Fields::from(fields))))
}

fn structure(call: &Call<'_>) -> Outcome<ArrayRef> {
    let DataType::Struct(fields) = call.returns else {
        return Err(EvaluateError::argument("named_struct", "the result is no struct"));
    };
    let columns = call
        .columns
        .iter()
        .skip(1)
        .step_by(2)
        .map(|argument| spread(argument, Arc::clone(&argument.array), call.rows))
        .collect::<Outcome<Vec<_>>>()?;
    Ok(Arc::new(StructArray::try_new(fields.clone(), columns, None).map_err(failed)?))
}

fn element_types(operands: &[Operand<'_>]) -> Typed {
    let refused = || format!("does not take {}", type_names(operands));
    let [container, key] = operands else {
        return Err(format!("takes 2 arguments, got {}", operands.len()));
    };
    match container.data_type {
        DataType::List(field) => {
            let fits = types::is_integer(key.data_type) && *key.data_type != DataType::Int64;
            if !fits {
                return Err(refused());
            }
            let taken = vec![container.data_type.clone(), DataType::Int32];
            Ok((taken, field.data_type().clone()))
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else { return Err(refused()) };
            let (wanted, value) = (pair[0].data_type(), pair[1].data_type());
            if types::common_type(wanted, key.data_type).as_ref() != Some(wanted) {
                return Err(refused());
            }
            Ok((vec![container.data_type.clone(), wanted.clone()], value.clone()))
        }
        _ => Err(refused()),
    }
}

fn element_at(call: &Call<'_>, lenient: bool) -> Outcome<ArrayRef> {
    if let DataType::Map(_, _) = call.argument(0)?.array.data_type() {
        let argument = call.argument(0)?;
        let found = search(call)?;
        let rows = rows_of((0..call.rows).map(|row| {
            let (start, _) = span(argument, row)?;
            found(row).and_then(|(at, _)| at).map(|at| start + at)
        }));
        return take(&elements(argument, 1)?, &rows, None).map_err(failed);
    }
    pick(call, |index, length| {
        if index == 0 {
            return Err(EvaluateError::argument(
                "element_at",
                "positions count from 1, not from 0",
            ));
        }
        let distance = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
        let at = if index > 0 { Some(distance - 1) } else { length.checked_sub(distance) };
        match at.filter(|at| *at < length) {
            Some(at) => Ok(Some(at)),
            None if lenient => Ok(None),
            None => Err(EvaluateError::ArrayIndex { index: i64::from(index), length }),
        }
    })
}

/// Takes one element of each row's array; `choose` maps the index and the length to a place.
fn pick(
    call: &Call<'_>,
    choose: impl Fn(i32, usize) -> Outcome<Option<usize>>,
) -> Outcome<ArrayRef> {
    let argument = call.argument(0)?;
    let index = call.int(1)?;
    let rows = (0..call.rows)
        .map(|row| match span(argument, row).zip(index.at(row)) {
            Some(((from, to), index)) => Ok(choose(index, to - from)?.map(|at| from + at)),
            None => Ok(None),
        })
        .collect::<Outcome<Vec<_>>>()?;
    take(&elements(argument, 0)?, &rows_of(rows.into_iter()), None).map_err(failed)
}

fn search_types(operands: &[Operand<'_>], returns: DataType) -> Typed {
    let [list, value] = operands else {
        return Err(format!("takes 2 arguments, got {}", operands.len()));
    };
    let refused = || format!("does not take {}", type_names(operands));
    let DataType::List(field) = list.data_type else { return Err(refused()) };
    let element = field.data_type();
    let same = types::common_type(element, value.data_type).as_ref() == Some(element);
    if *value.data_type == DataType::Null || !same || element.is_nested() {
        return Err(refused());
    }
    Ok((vec![list.data_type.clone(), element.clone()], returns))
}

/// Finds the second argument among each row's elements (or keys): its place, and whether NULLs
/// were seen; nothing where an argument is NULL.
type Found = Option<(Option<usize>, bool)>;

fn search<'a>(call: &'a Call<'_>) -> Outcome<impl Fn(usize) -> Found + 'a> {
    let (container, value) = (call.argument(0)?, call.argument(1)?);
    let inside = elements(container, 0)?;
    let compare = make_comparator(&inside, &value.array, SortOptions::default()).map_err(failed)?;
    Ok(move |row: usize| {
        if value.is_null(row) {
            return None;
        }
        let (from, to) = span(container, row)?;
        let mut nulls = false;
        for at in from..to {
            if inside.is_null(at) {
                nulls = true;
            } else if compare(at, value.row(row)).is_eq() {
                return Some((Some(at - from), nulls));
            }
        }
        Some((None, nulls))
    })
}

fn flat_element(operands: &[Operand<'_>]) -> Typed {
    match operands {
        [one] => match one.data_type {
            DataType::List(field) if !field.data_type().is_nested() => {
                Ok((vec![one.data_type.clone()], field.data_type().clone()))
            }
            _ => Err(format!("does not take {}", type_names(operands))),
        },
        _ => Err(format!("takes 1 argument, got {}", operands.len())),
    }
}

fn extreme(call: &Call<'_>, wanted: std::cmp::Ordering) -> Outcome<ArrayRef> {
    let argument = call.argument(0)?;
    let inside = elements(argument, 0)?;
    let compare = make_comparator(&inside, &inside, SortOptions::default()).map_err(failed)?;
    let rows = rows_of((0..call.rows).map(|row| {
        let (from, to) = span(argument, row)?;
        (from..to)
            .filter(|at| !inside.is_null(*at))
            .reduce(|best, at| if compare(at, best) == wanted { at } else { best })
    }));
    take(&inside, &rows, None).map_err(failed)
}

fn map_side(operands: &[Operand<'_>], side: usize) -> Typed {
    let refused = || format!("takes a map, not {}", type_names(operands));
    let [one] = operands else { return Err(refused()) };
    let DataType::Map(entries, _) = one.data_type else { return Err(refused()) };
    let DataType::Struct(pair) = entries.data_type() else { return Err(refused()) };
    Ok((vec![one.data_type.clone()], types::list_of(pair[side].data_type().clone())))
}

fn map_column(call: &Call<'_>, side: usize) -> Outcome<ArrayRef> {
    let argument = call.argument(0)?;
    let DataType::List(field) = call.returns else {
        return Err(EvaluateError::argument("map_keys", "the result is no array"));
    };
    let Some(map) = argument.array.as_any().downcast_ref::<MapArray>() else {
        return Err(EvaluateError::argument("map_keys", "the value is no map"));
    };
    let values = Arc::clone(map.entries().column(side));
    let list =
        ListArray::try_new(Arc::clone(field), map.offsets().clone(), values, map.nulls().cloned());
    spread(argument, Arc::new(list.map_err(failed)?), call.rows)
}
