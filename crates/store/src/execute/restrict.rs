//! WHERE: which partitions, which clustering ranges, and what is left to filter.
//!
//! Two steps: [`analyse`] resolves names and applies Cassandra's rules without values, so that PREPARE
//! refuses what EXECUTE would; `bind` (in [`bind`]) puts the values in.
//!
//! Never does: read rows.

mod bind;
mod filter;

pub(crate) use bind::{Bound, Partitions, RowRange, bind, partition_prefix};
pub(crate) use filter::{compare, compared_type, element_of, order};

use super::failure::{Failure, Outcome};
use crate::table::schema::{ColumnKind, Table};
use cql::ast::{Ident, InValues, Operator, Relation, RelationKind, Term};

/// Cassandra's words when a SELECT would have to read rows that it does not return.
pub(crate) const NEEDS_FILTERING: &str = "Cannot execute this query as it might involve data \
    filtering and thus may have unpredictable performance. If you want to execute this query \
    despite the performance unpredictability, use ALLOW FILTERING";

/// What is asked of a column or of several.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Test<'a> {
    /// `op value`
    Compare(Operator, &'a Term),
    /// `IN values`
    In(&'a InValues),
}

impl Test<'_> {
    fn is_equality(self) -> bool {
        matches!(self, Self::Compare(Operator::Equal, _) | Self::In(_))
    }

    fn is_slice(self) -> bool {
        use Operator::{Greater, GreaterOrEqual, Less, LessOrEqual};
        matches!(self, Self::Compare(Less | LessOrEqual | Greater | GreaterOrEqual, _))
    }
}

/// A test on the key.
#[derive(Debug, Clone)]
pub(crate) struct KeyTest<'a> {
    /// Column indexes, neighbours in key order. One, or several for a tuple.
    pub(crate) columns: Vec<usize>,
    /// Whether it was written as a tuple.
    pub(crate) tuple: bool,
    /// The test.
    pub(crate) test: Test<'a>,
}

/// A test on a row that was read.
#[derive(Debug, Clone)]
pub(crate) enum Filter<'a> {
    /// On one column or a tuple of columns.
    Key(KeyTest<'a>),
    /// `column[key] op value`
    Element(usize, &'a Term, Operator, &'a Term),
}

/// WHERE without its values.
#[derive(Debug, Default)]
pub(crate) struct Restrictions<'a> {
    /// One test per partition column, when all have one and it is an equality.
    pub(crate) partition: Vec<Test<'a>>,
    /// `token(...)` bounds.
    pub(crate) token: Vec<(Operator, &'a Term)>,
    /// Tests that make a clustering range: equalities, then slices of one column or tuple.
    pub(crate) clustering: Vec<KeyTest<'a>>,
    /// What has to be filtered.
    pub(crate) filters: Vec<Filter<'a>>,
    /// Whether any clustering column is restricted.
    pub(crate) restricts_clustering: bool,
}

/// What the restrictions are for: the words of refusals differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// SELECT, with or without ALLOW FILTERING.
    Select {
        /// ALLOW FILTERING.
        allow_filtering: bool,
    },
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
}

pub(crate) fn undefined(table: &Table, name: &str) -> Failure {
    Failure::invalid(format!("Undefined column name {name} in table {}", table.full_name()))
}

fn index(table: &Table, name: &Ident) -> Outcome<usize> {
    table.find(&name.name).ok_or_else(|| undefined(table, &name.name))
}

/// Resolves a WHERE clause.
pub(crate) fn analyse<'a>(
    table: &Table,
    relations: &'a [Relation],
    purpose: Purpose,
) -> Outcome<Restrictions<'a>> {
    let mut restrictions = Restrictions::default();
    let mut keys: Vec<KeyTest<'a>> = Vec::new();
    for relation in relations {
        match &relation.kind {
            RelationKind::Column(name, op, term) => {
                let test = Test::Compare(*op, term);
                keys.push(KeyTest { columns: vec![index(table, name)?], tuple: false, test });
            }
            RelationKind::In(name, values) => {
                let test = Test::In(values);
                keys.push(KeyTest { columns: vec![index(table, name)?], tuple: false, test });
            }
            RelationKind::Tuple(names, op, term) => {
                keys.push(tuple(table, names, Test::Compare(*op, term))?);
            }
            RelationKind::TupleIn(names, values) => {
                keys.push(tuple(table, names, Test::In(values))?);
            }
            RelationKind::Token(names, op, term) => {
                check_token(table, names)?;
                restrictions.token.push((*op, term));
            }
            RelationKind::Element(name, key, op, term) => {
                let column = index(table, name)?;
                restrictions.filters.push(Filter::Element(column, key, *op, term));
            }
            RelationKind::IsNotNull(name) => {
                return Err(Failure::invalid(format!(
                    "Unsupported restriction: {} IS NOT NULL",
                    name.name
                )));
            }
        }
    }
    check_repeats(table, &keys)?;
    sort_keys(table, keys, purpose, &mut restrictions)?;
    check_filtering(table, &restrictions, purpose)?;
    Ok(restrictions)
}

fn tuple<'a>(table: &Table, names: &[Ident], test: Test<'a>) -> Outcome<KeyTest<'a>> {
    let columns = names.iter().map(|name| index(table, name)).collect::<Outcome<Vec<_>>>()?;
    for (at, column) in columns.iter().enumerate() {
        let column_of = &table.columns[*column];
        if column_of.kind != ColumnKind::Clustering {
            return Err(Failure::invalid(format!(
                "Multi-column relations can only be applied to clustering columns but was applied to: {}",
                column_of.name
            )));
        }
        if at > 0 && *column != columns[at - 1] + 1 {
            return Err(Failure::invalid(format!(
                "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: ({})",
                names.iter().map(|n| n.name.as_str()).collect::<Vec<_>>().join(", ")
            )));
        }
    }
    Ok(KeyTest { columns, tuple: true, test })
}

fn check_token(table: &Table, names: &[Ident]) -> Outcome<()> {
    let expected = table.partition_columns().iter().map(|column| column.name.as_str());
    if names.iter().map(|name| name.name.as_str()).eq(expected.clone()) {
        return Ok(());
    }
    for name in names {
        index(table, name)?;
    }
    Err(Failure::invalid(format!(
        "The token function arguments must be in the partition key order: {}",
        expected.collect::<Vec<_>>().join(", ")
    )))
}

/// At most one equality, or one lower and one upper bound, per column.
fn check_repeats(table: &Table, keys: &[KeyTest<'_>]) -> Outcome<()> {
    use Operator::{Greater, GreaterOrEqual, Less, LessOrEqual};
    for (at, test) in keys.iter().enumerate() {
        for other in &keys[..at] {
            if !test.columns.iter().any(|column| other.columns.contains(column)) {
                continue;
            }
            let name = &table.columns[test.columns[0]].name;
            let (Test::Compare(a, _), Test::Compare(b, _)) = (test.test, other.test) else {
                return Err(Failure::invalid(format!(
                    "{name} cannot be restricted by more than one relation if it includes a IN"
                )));
            };
            if a == Operator::Equal || b == Operator::Equal {
                return Err(Failure::invalid(format!(
                    "{name} cannot be restricted by more than one relation if it includes an Equal"
                )));
            }
            let lower = |op| matches!(op, Greater | GreaterOrEqual);
            let upper = |op| matches!(op, Less | LessOrEqual);
            if (lower(a) && lower(b)) || (upper(a) && upper(b)) {
                let end = if lower(a) { "start" } else { "end" };
                return Err(Failure::invalid(format!(
                    "More than one restriction was found for the {end} bound on {name}"
                )));
            }
        }
    }
    Ok(())
}

/// Gives each key test its place: partition, clustering range or filter.
fn sort_keys<'a>(
    table: &Table,
    keys: Vec<KeyTest<'a>>,
    purpose: Purpose,
    restrictions: &mut Restrictions<'a>,
) -> Outcome<()> {
    let (partition, others): (Vec<_>, Vec<_>) =
        keys.into_iter().partition(|t| t.columns[0] < table.partition_count);
    let of_column = |at: usize| partition.iter().find(|test| test.columns[0] == at);
    let complete = (0..table.partition_count)
        .map(|at| of_column(at).map(|test| test.test).filter(|test| test.is_equality()))
        .collect::<Option<Vec<_>>>();
    match complete {
        Some(tests) if partition.len() == table.partition_count => restrictions.partition = tests,
        _ => restrictions.filters.extend(partition.into_iter().map(Filter::Key)),
    }
    let (mut clustering, values): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|t| table.columns[t.columns[0]].kind == ColumnKind::Clustering);
    restrictions.filters.extend(values.into_iter().map(Filter::Key));
    restrictions.restricts_clustering = !clustering.is_empty();
    clustering.sort_by_key(|test| test.columns[0]);
    let mut next = table.partition_count;
    let mut sliced: Option<Vec<usize>> = None;
    for test in clustering {
        let filters_only = !test.test.is_equality() && !test.test.is_slice();
        let same_slice = sliced.as_ref().is_some_and(|columns| columns[0] == test.columns[0]);
        if !filters_only && sliced.is_none() && test.columns[0] == next {
            next = test.columns[test.columns.len() - 1] + 1;
            sliced = test.test.is_slice().then(|| test.columns.clone());
            restrictions.clustering.push(test);
        } else if !filters_only && same_slice && test.test.is_slice() {
            restrictions.clustering.push(test);
        } else {
            if !filters_only {
                refuse_gap(table, &test, next, sliced.is_some(), purpose)?;
            }
            restrictions.filters.push(Filter::Key(test));
        }
    }
    Ok(())
}

/// A clustering column behind one that is not restricted, or restricted by a slice.
fn refuse_gap(
    table: &Table,
    test: &KeyTest<'_>,
    next: usize,
    sliced: bool,
    purpose: Purpose,
) -> Outcome<()> {
    if purpose == (Purpose::Select { allow_filtering: true }) {
        return Ok(());
    }
    let column = &table.columns[test.columns[0]].name;
    let message = if sliced {
        let before = &table.columns[next.max(1) - 1].name;
        format!(
            "Clustering column \"{column}\" cannot be restricted (preceding column \"{before}\" is restricted by a non-EQ relation)"
        )
    } else {
        let before = &table.columns[next].name;
        format!(
            "PRIMARY KEY column \"{column}\" cannot be restricted as preceding column \"{before}\" is not restricted"
        )
    };
    Err(Failure::invalid(message))
}

fn check_filtering(
    table: &Table,
    restrictions: &Restrictions<'_>,
    purpose: Purpose,
) -> Outcome<()> {
    let whole_partition = !restrictions.partition.is_empty();
    if let Purpose::Select { allow_filtering } = purpose {
        let scans = !whole_partition && restrictions.restricts_clustering;
        if !allow_filtering && (scans || !restrictions.filters.is_empty()) {
            return Err(Failure::invalid(NEEDS_FILTERING));
        }
        return Ok(());
    }
    if !restrictions.token.is_empty() {
        let kind = if purpose == Purpose::Update { "UPDATE" } else { "DELETE" };
        return Err(Failure::invalid(format!(
            "The token function cannot be used in WHERE clauses for {kind} statements"
        )));
    }
    let named = |filter: &Filter<'_>| match filter {
        Filter::Key(test) => test.columns[0],
        Filter::Element(column, ..) => *column,
    };
    let others: Vec<_> = restrictions
        .filters
        .iter()
        .map(|filter| &table.columns[named(filter)])
        .filter(|column| matches!(column.kind, ColumnKind::Static | ColumnKind::Regular))
        .map(|column| column.name.as_str())
        .collect();
    if !others.is_empty() {
        return Err(Failure::invalid(format!(
            "Non PRIMARY KEY columns found in where clause: {}",
            others.join(", ")
        )));
    }
    if !whole_partition {
        let seen: Vec<_> = restrictions.filters.iter().map(named).collect();
        let missing: Vec<_> = (0..table.partition_count)
            .filter(|column| !seen.contains(column))
            .map(|column| table.columns[column].name.as_str())
            .collect();
        if missing.is_empty() {
            return Err(Failure::invalid(
                "Only EQ and IN relation are supported on the partition key (unless you use the token() function)",
            ));
        }
        let missing = missing.join(", ");
        return Err(Failure::invalid(format!("Some partition key parts are missing: {missing}")));
    }
    match restrictions.filters.first() {
        Some(_) => Err(Failure::invalid("Invalid restrictions found on the primary key")),
        None => Ok(()),
    }
}
