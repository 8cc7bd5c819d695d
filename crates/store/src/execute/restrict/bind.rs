//! WHERE with its values: partitions and ranges of keys.

use super::filter::BoundFilter;
use super::{Filter, KeyTest, Restrictions, Test};
use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::execute::term::{Given, evaluate, evaluate_list, tuple_values};
use crate::table::deletions::KeyRange;
use crate::table::key;
use crate::table::schema::{Column, Table};
use bytes::Bytes;
use cql::CqlType;
use cql::ast::{InValues, Operator, Term};

/// The most partitions and rows that the IN lists of one statement may name together.
const CHOICES_MAX: usize = 10_000;

/// Rows of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowRange {
    /// One row.
    Point(Vec<u8>),
    /// A range of rows.
    Range(KeyRange),
}

impl RowRange {
    /// The range as start and end of encoded clustering.
    pub(crate) fn range(&self) -> KeyRange {
        match self {
            Self::Point(clustering) => {
                let mut end = clustering.clone();
                end.push(0xFF);
                KeyRange { start: clustering.clone(), end }
            }
            Self::Range(range) => range.clone(),
        }
    }
}

/// Which partitions.
#[derive(Debug, Clone)]
pub(crate) enum Partitions {
    /// These, by their key prefix, in token order.
    Keys(Vec<Vec<u8>>),
    /// All whose keys are in this range of storage keys.
    Tokens(KeyRange),
}

/// WHERE with its values.
#[derive(Debug)]
pub(crate) struct Bound {
    /// Which partitions.
    pub(crate) partitions: Partitions,
    /// Which rows of each, sorted; one range of all rows when nothing is said.
    pub(crate) rows: Vec<RowRange>,
    /// What each row must pass.
    pub(crate) filters: Vec<BoundFilter>,
    /// Whether any clustering column is restricted.
    pub(crate) restricts_clustering: bool,
}

/// Puts the values into the restrictions.
pub(crate) fn bind(call: &Call, table: &Table, from: &Restrictions<'_>) -> Outcome<Bound> {
    let scans = from.partition.is_empty();
    let partitions = if scans {
        Partitions::Tokens(token_range(call, table, from)?)
    } else {
        Partitions::Keys(partition_prefixes(call, table, from)?)
    };
    let mut filters = Vec::new();
    for filter in &from.filters {
        filters.push(BoundFilter::bind(call, table, filter)?);
    }
    let mut rows = vec![RowRange::Range(KeyRange::all())];
    if scans {
        for test in &from.clustering {
            filters.push(BoundFilter::bind(call, table, &Filter::Key(test.clone()))?);
        }
    } else {
        rows = row_ranges(call, table, &from.clustering, &mut filters)?;
        if !from.token.is_empty() {
            let range = token_range(call, table, from)?;
            let inside = |prefix: &Vec<u8>| range.contains(prefix);
            if let Partitions::Keys(mut keys) = partitions {
                keys.retain(inside);
                let partitions = Partitions::Keys(keys);
                let restricts_clustering = from.restricts_clustering;
                return Ok(Bound { partitions, rows, filters, restricts_clustering });
            }
        }
    }
    Ok(Bound { partitions, rows, filters, restricts_clustering: from.restricts_clustering })
}

/// The values of an equality, none of them null.
fn choices(call: &Call, column: &Column, test: Test<'_>) -> Outcome<Vec<Bytes>> {
    let required = |given: Given| match given {
        Given::Value(value) => Ok(value),
        Given::Null => Err(Failure::invalid(format!(
            "Invalid null value in condition for column {}",
            column.name
        ))),
        Given::Unset => {
            Err(Failure::invalid(format!("Invalid unset value for column {}", column.name)))
        }
    };
    match test {
        Test::Compare(_, term) => {
            Ok(vec![required(evaluate(call, term, &column.ty, &column.name)?)?])
        }
        Test::In(InValues::List(terms)) => {
            terms.iter().map(|t| required(evaluate(call, t, &column.ty, &column.name)?)).collect()
        }
        Test::In(InValues::Marker(term)) => {
            evaluate_list(call, term, &column.ty, &column.name)?.into_iter().map(required).collect()
        }
    }
}

fn too_many() -> Failure {
    Failure::invalid(format!(
        "The IN restrictions of this query name more than {CHOICES_MAX} keys; split it"
    ))
}

/// Every choice of `options` put behind every one of `prefixes`.
fn cross<T: Clone>(prefixes: Vec<Vec<T>>, options: &[T]) -> Outcome<Vec<Vec<T>>> {
    if prefixes.len().saturating_mul(options.len()) > CHOICES_MAX {
        return Err(too_many());
    }
    let longer = |prefix: &Vec<T>, option: &T| {
        let mut longer = prefix.clone();
        longer.push(option.clone());
        longer
    };
    Ok(prefixes.iter().flat_map(|p| options.iter().map(move |o| longer(p, o))).collect())
}

fn partition_prefixes(
    call: &Call,
    table: &Table,
    from: &Restrictions<'_>,
) -> Outcome<Vec<Vec<u8>>> {
    let mut keys: Vec<Vec<Bytes>> = vec![Vec::new()];
    for (column, test) in table.partition_columns().iter().zip(&from.partition) {
        keys = cross(keys, &choices(call, column, *test)?)?;
    }
    let mut prefixes =
        keys.iter().map(|values| partition_prefix(values)).collect::<Outcome<Vec<_>>>()?;
    prefixes.sort();
    prefixes.dedup();
    Ok(prefixes)
}

/// The key prefix of a partition.
pub(crate) fn partition_prefix(values: &[Bytes]) -> Outcome<Vec<u8>> {
    let values: Vec<&[u8]> = values.iter().map(AsRef::as_ref).collect();
    if let [single] = values[..]
        && single.is_empty()
    {
        return Err(Failure::invalid("Key may not be empty"));
    }
    let too_long = || {
        let length: usize = values.iter().map(|value| value.len()).sum();
        Failure::invalid(format!(
            "Key length of {length} is longer than maximum of {}",
            key::KEY_BYTES_MAX
        ))
    };
    let partition = cql::murmur3::partition_key(&values).ok_or_else(too_long)?;
    let prefix = key::partition_prefix(&partition).ok_or_else(too_long)?;
    if prefix.len() + 2 > key::KEY_BYTES_MAX { Err(too_long()) } else { Ok(prefix) }
}

/// The token that a bound names: as a number, or by the key it belongs to, `token(k) > token(7)`.
fn token_of(call: &Call, table: &Table, term: &Term) -> Outcome<i64> {
    let Some(args) = term.token_arguments() else {
        return match evaluate(call, term, &CqlType::Bigint, "partition key token")? {
            Given::Value(value) => {
                Ok(value.first_chunk::<8>().map_or(0, |bytes| i64::from_be_bytes(*bytes)))
            }
            _ => Err(Failure::invalid("Invalid null token value for column token")),
        };
    };
    let columns = table.partition_columns();
    if args.len() != columns.len() {
        return Err(Failure::invalid(format!(
            "Invalid number of arguments in call to function system.token: {} required but {} provided",
            columns.len(),
            args.len()
        )));
    }
    let mut values = Vec::new();
    for (column, arg) in columns.iter().zip(args) {
        let value = evaluate(call, arg, &column.ty, &column.name)?.value();
        values.push(value.ok_or_else(|| {
            Failure::invalid(format!("Invalid null value for {} in token()", column.name))
        })?);
    }
    let values: Vec<&[u8]> = values.iter().map(AsRef::as_ref).collect();
    let key = cql::murmur3::partition_key(&values)
        .ok_or_else(|| Failure::invalid("The key in token() is longer than a key may be"))?;
    Ok(cql::murmur3::token(&key))
}

fn token_range(call: &Call, table: &Table, from: &Restrictions<'_>) -> Outcome<KeyRange> {
    let mut range = KeyRange { start: Vec::new(), end: vec![0xFF; 9] };
    for (op, term) in &from.token {
        let token = token_of(call, table, term)?;
        let from_here = key::token_prefix(token).to_vec();
        let mut past = from_here.clone();
        past.extend_from_slice(&[0xFF; 4]);
        // A token is followed by the length of the partition key: FF FF FF FF is past all of them.
        match op {
            Operator::Equal => {
                range.start = range.start.max(from_here);
                range.end = range.end.min(past);
            }
            Operator::Greater => range.start = range.start.max(past),
            Operator::GreaterOrEqual => range.start = range.start.max(from_here),
            // Cassandra's ring: an upper bound of the least token means no bound at all.
            Operator::Less | Operator::LessOrEqual if token == i64::MIN => {}
            Operator::Less => range.end = range.end.min(from_here),
            Operator::LessOrEqual => range.end = range.end.min(past),
            _ => return Err(Failure::invalid("Unsupported operator on token()")),
        }
    }
    Ok(range)
}

/// The clustering ranges of each partition.
pub(crate) fn row_ranges(
    call: &Call,
    table: &Table,
    tests: &[KeyTest<'_>],
    filters: &mut Vec<BoundFilter>,
) -> Outcome<Vec<RowRange>> {
    let mut prefixes: Vec<Vec<u8>> = vec![Vec::new()];
    let mut columns_set = 0;
    let mut slices = Vec::new();
    for test in tests {
        if !matches!(test.test, Test::Compare(Operator::Equal, _) | Test::In(_)) {
            slices.push(test);
            continue;
        }
        let options = encoded_choices(call, table, test)?;
        if prefixes.len().saturating_mul(options.len()) > CHOICES_MAX {
            return Err(too_many());
        }
        prefixes = prefixes
            .iter()
            .flat_map(|prefix| options.iter().map(move |option| [&prefix[..], option].concat()))
            .collect();
        columns_set += test.columns.len();
    }
    prefixes.sort();
    prefixes.dedup();
    if columns_set == table.clustering_count {
        return Ok(prefixes.into_iter().map(RowRange::Point).collect());
    }
    let mut ranges = Vec::new();
    for prefix in prefixes {
        let mut end = prefix.clone();
        end.push(0xFF);
        let mut range = KeyRange { start: prefix.clone(), end };
        for test in &slices {
            narrow(call, table, test, &prefix, &mut range)?;
        }
        if range.start < range.end {
            ranges.push(RowRange::Range(range));
        }
    }
    for test in slices {
        let mixed = test
            .columns
            .windows(2)
            .any(|pair| table.columns[pair[0]].descending != table.columns[pair[1]].descending);
        if mixed {
            filters.push(BoundFilter::bind(call, table, &Filter::Key(test.clone()))?);
        }
    }
    Ok(ranges)
}

fn encoded_choices(call: &Call, table: &Table, test: &KeyTest<'_>) -> Outcome<Vec<Vec<u8>>> {
    let columns = columns_of(table, test);
    if !test.tuple {
        let values = choices(call, columns[0], test.test)?;
        return Ok(values
            .iter()
            .map(|value| encoded(&columns, std::slice::from_ref(value)))
            .collect());
    }
    tuples(call, &columns, test.test)?.iter().map(|values| Ok(encoded(&columns, values))).collect()
}

fn columns_of<'t>(table: &'t Table, test: &KeyTest<'_>) -> Vec<&'t Column> {
    test.columns.iter().map(|column| &table.columns[*column]).collect()
}

fn encoded(columns: &[&Column], values: &[Bytes]) -> Vec<u8> {
    let mut out = Vec::new();
    for (column, value) in columns.iter().zip(values) {
        key::put_clustering(&mut out, column, value);
    }
    out
}

/// The tuples of a multi-column test, without nulls.
pub(crate) fn tuples(call: &Call, columns: &[&Column], test: Test<'_>) -> Outcome<Vec<Vec<Bytes>>> {
    let types: Vec<_> = columns.iter().map(|column| column.ty.clone()).collect();
    let one = |term: &Term| tuple_values(call, term, &types);
    let tuples = match test {
        Test::Compare(_, term) => vec![one(term)?],
        Test::In(InValues::List(terms)) => terms.iter().map(one).collect::<Outcome<_>>()?,
        Test::In(InValues::Marker(term)) => {
            let ty = CqlType::Tuple(types.clone());
            let listed = evaluate_list(call, term, &ty, "in")?;
            let mut tuples = Vec::new();
            for given in listed {
                let Given::Value(value) = given else {
                    return Err(Failure::invalid("Invalid null value in IN restriction"));
                };
                tuples.push(crate::execute::term::split_tuple(&value, types.len())?);
            }
            tuples
        }
    };
    let required = |value: Option<Bytes>| {
        value.ok_or_else(|| Failure::invalid("Invalid null value in multi-column relation"))
    };
    tuples.into_iter().map(|tuple| tuple.into_iter().map(required).collect()).collect()
}

/// Narrows a range by a slice. A tuple over columns of both directions is left to a filter.
fn narrow(
    call: &Call,
    table: &Table,
    test: &KeyTest<'_>,
    prefix: &[u8],
    range: &mut KeyRange,
) -> Outcome<()> {
    let Test::Compare(op, _) = test.test else { return Ok(()) };
    let mut columns = columns_of(table, test);
    let values = if test.tuple {
        tuples(call, &columns, test.test)?.remove(0)
    } else {
        choices(call, columns[0], test.test)?
    };
    columns.truncate(values.len());
    let descending = columns[0].descending;
    if columns.iter().any(|column| column.descending != descending) {
        return Ok(());
    }
    let at = [prefix, &encoded(&columns, &values)].concat();
    let past = [&at[..], &[0xFF]].concat();
    let (lower, inclusive) = match op {
        Operator::Greater => (!descending, false),
        Operator::GreaterOrEqual => (!descending, true),
        Operator::Less => (descending, false),
        _ => (descending, true),
    };
    match (lower, inclusive) {
        (true, true) => range.start = at.max(std::mem::take(&mut range.start)),
        (true, false) => range.start = past.max(std::mem::take(&mut range.start)),
        (false, true) => range.end = past.min(std::mem::take(&mut range.end)),
        (false, false) => range.end = at.min(std::mem::take(&mut range.end)),
    }
    Ok(())
}
