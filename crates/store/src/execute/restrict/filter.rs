//! Tests on rows that were read: ALLOW FILTERING, and IF.

use super::{Filter, Test, bind};
use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::execute::source::SourceRow;
use crate::execute::term::{Given, element_types, elements, evaluate, evaluate_list};
use crate::table::schema::Table;
use crate::table::sort;
use bytes::Bytes;
use cql::CqlType;
use cql::ast::{InValues, Operator};
use std::cmp::Ordering;

/// A test with its values.
#[derive(Debug, Clone)]
pub(crate) enum BoundFilter {
    /// A column against one value; null never passes.
    Compare(usize, Operator, Bytes),
    /// A column against several.
    In(usize, Vec<Bytes>),
    /// A tuple of columns against one tuple.
    Tuple(Vec<usize>, Operator, Vec<Bytes>),
    /// A tuple of columns against several tuples.
    TupleIn(Vec<usize>, Vec<Vec<Bytes>>),
    /// A map's value, or a list's, under a key.
    Element(usize, Bytes, Operator, Bytes),
}

impl BoundFilter {
    /// Puts the values in.
    pub(crate) fn bind(call: &Call, table: &Table, filter: &Filter<'_>) -> Outcome<Self> {
        match filter {
            Filter::Element(at, element, op, term) => {
                let column = &table.columns[*at];
                let Some((key_type, value_type)) = element_types(&column.ty) else {
                    return Err(Failure::invalid(format!(
                        "Column {} cannot be used as a map",
                        column.name
                    )));
                };
                let key =
                    required(evaluate(call, element, &key_type, &column.name)?, &column.name)?;
                let value =
                    required(evaluate(call, term, &value_type, &column.name)?, &column.name)?;
                Ok(Self::Element(*at, key, *op, value))
            }
            Filter::Key(test) if test.tuple => {
                let columns: Vec<_> = test.columns.iter().map(|at| &table.columns[*at]).collect();
                let mut tuples = bind::tuples(call, &columns, test.test)?;
                match test.test {
                    Test::In(_) => Ok(Self::TupleIn(test.columns.clone(), tuples)),
                    Test::Compare(op, _) => {
                        Ok(Self::Tuple(test.columns.clone(), op, tuples.remove(0)))
                    }
                }
            }
            Filter::Key(test) => {
                let at = test.columns[0];
                let column = &table.columns[at];
                match test.test {
                    Test::Compare(op, term) => {
                        let ty = compared_type(&column.ty, op).ok_or_else(|| {
                            Failure::invalid(format!(
                                "Cannot use CONTAINS on non-collection column {}",
                                column.name
                            ))
                        })?;
                        let given = evaluate(call, term, &ty, &column.name)?;
                        Ok(Self::Compare(at, op, required(given, &column.name)?))
                    }
                    Test::In(values) => {
                        let values = match values {
                            InValues::List(terms) => terms
                                .iter()
                                .map(|term| evaluate(call, term, &column.ty, &column.name))
                                .collect::<Outcome<Vec<_>>>()?,
                            InValues::Marker(term) => {
                                evaluate_list(call, term, &column.ty, &column.name)?
                            }
                        };
                        let values = values.into_iter().map(|given| required(given, &column.name));
                        Ok(Self::In(at, values.collect::<Outcome<_>>()?))
                    }
                }
            }
        }
    }

    /// Whether a row passes.
    pub(crate) fn passes(&self, row: &SourceRow, table: &Table) -> bool {
        let value = |at: usize| row.value(table, at);
        match self {
            Self::Compare(at, op, wanted) => {
                value(*at).is_some_and(|v| compare(&table.columns[*at].ty, *op, &v, wanted))
            }
            Self::In(at, wanted) => value(*at).is_some_and(|value| {
                wanted.iter().any(|w| compare(&table.columns[*at].ty, Operator::Equal, &value, w))
            }),
            Self::Tuple(columns, op, wanted) => {
                holds(*op, order_tuple(row, table, columns, wanted))
            }
            Self::TupleIn(columns, wanted) => wanted
                .iter()
                .any(|tuple| order_tuple(row, table, columns, tuple) == Some(Ordering::Equal)),
            Self::Element(at, element, op, wanted) => {
                let ty = &table.columns[*at].ty;
                let found = value(*at).and_then(|value| element_of(ty, &value, element));
                let Some((_, value_type)) = element_types(ty) else { return false };
                found.is_some_and(|found| compare(&value_type, *op, &found, wanted))
            }
        }
    }
}

fn required(given: Given, column: &str) -> Outcome<Bytes> {
    match given {
        Given::Value(value) => Ok(value),
        Given::Null => Err(Failure::invalid(format!("Unsupported null value for column {column}"))),
        Given::Unset => Err(Failure::invalid(format!("Invalid unset value for column {column}"))),
    }
}

/// The type of the right side of an operator.
pub(crate) fn compared_type(ty: &CqlType, op: Operator) -> Option<CqlType> {
    match (op, ty.unfrozen()) {
        (Operator::Contains, CqlType::List(of) | CqlType::Set(of)) => Some((**of).clone()),
        (Operator::Contains, CqlType::Map(_, value)) => Some((**value).clone()),
        (Operator::ContainsKey, CqlType::Map(key, _)) => Some((**key).clone()),
        (Operator::Contains | Operator::ContainsKey, _) => None,
        _ => Some(ty.clone()),
    }
}

fn order_tuple(
    row: &SourceRow,
    table: &Table,
    columns: &[usize],
    wanted: &[Bytes],
) -> Option<Ordering> {
    for (at, wanted) in columns.iter().zip(wanted) {
        match order(&table.columns[*at].ty, &row.value(table, *at)?, wanted) {
            Ordering::Equal => {}
            order => return Some(order),
        }
    }
    Some(Ordering::Equal)
}

/// The order of two values of a type.
pub(crate) fn order(ty: &CqlType, a: &[u8], b: &[u8]) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (mut x, mut y) = (Vec::new(), Vec::new());
    sort::put(&mut x, ty, a);
    sort::put(&mut y, ty, b);
    x.cmp(&y)
}

fn holds(op: Operator, order: Option<Ordering>) -> bool {
    let Some(order) = order else { return false };
    match op {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Contains | Operator::ContainsKey | Operator::Like => false,
    }
}

/// Whether `value op wanted` holds.
pub(crate) fn compare(ty: &CqlType, op: Operator, value: &Bytes, wanted: &Bytes) -> bool {
    match op {
        Operator::Contains | Operator::ContainsKey => {
            let pairs = matches!(ty.unfrozen(), CqlType::Map(..));
            let Some(of) = compared_type(ty, op) else { return false };
            let places = elements(value);
            let wanted_place = usize::from(op == Operator::Contains);
            places.iter().enumerate().any(|(at, element)| {
                (!pairs || at % 2 == wanted_place) && order(&of, element, wanted).is_eq()
            })
        }
        Operator::Like => like(value, wanted),
        _ => holds(op, Some(order(ty, value, wanted))),
    }
}

/// `LIKE` with `%` at either end.
fn like(value: &[u8], pattern: &[u8]) -> bool {
    let (start, pattern) = match pattern.strip_prefix(b"%") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let (end, pattern) = match pattern.strip_suffix(b"%") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    match (start, end) {
        (false, false) => value == pattern,
        (true, false) => value.ends_with(pattern),
        (false, true) => value.starts_with(pattern),
        (true, true) => pattern.is_empty() || value.windows(pattern.len()).any(|w| w == pattern),
    }
}

/// The element of a serialised map under a key, or of a list at an index.
pub(crate) fn element_of(ty: &CqlType, value: &Bytes, key: &[u8]) -> Option<Bytes> {
    let elements = elements(value);
    match ty.unfrozen() {
        CqlType::Map(key_type, _) => elements
            .chunks_exact(2)
            .find(|pair| order(key_type, &pair[0], key).is_eq())
            .map(|pair| pair[1].clone()),
        CqlType::List(_) => {
            let index = i32::from_be_bytes(*key.first_chunk::<4>()?);
            elements.get(usize::try_from(index).ok()?).cloned()
        }
        CqlType::Set(of) => elements.into_iter().find(|e| order(of, e, key).is_eq()),
        _ => None,
    }
}
