//! IF: conditions on the row that is there.
//!
//! Bound before the writing thread sees them; held against the row on that thread, alone.

use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::execute::restrict::{
    Bound, Partitions, RowRange, compare, element_of, order, undefined,
};
use crate::execute::source::SourceRow;
use crate::execute::term::{Given, element_types, evaluate, evaluate_list, split_tuple};
use crate::table::key;
use crate::table::schema::{ColumnKind, Table};
use bytes::Bytes;
use cql::CqlType;
use cql::ast::{Condition, ConditionTarget, ConditionTest, Conditions, InValues, Operator, Term};

/// The conditions of one statement.
#[derive(Debug)]
pub(crate) struct Conditional {
    /// The partition.
    pub(crate) prefix: Vec<u8>,
    /// The row; the static record when only static columns are concerned.
    pub(crate) row_key: Vec<u8>,
    /// What must hold.
    pub(crate) test: ConditionKind,
}

/// What must hold.
#[derive(Debug)]
pub(crate) enum ConditionKind {
    /// IF NOT EXISTS.
    NotExists,
    /// IF EXISTS.
    Exists,
    /// IF comparisons.
    All(Vec<BoundCondition>),
}

/// One comparison with its values.
#[derive(Debug)]
pub(crate) struct BoundCondition {
    /// The column.
    pub(crate) column: usize,
    part: Part,
    ty: CqlType,
    op: Operator,
    /// One value, or those of IN.
    wanted: Vec<Option<Bytes>>,
    any: bool,
}

#[derive(Debug)]
enum Part {
    Whole,
    Element(Bytes),
    Field(usize),
}

impl Conditional {
    /// IF NOT EXISTS of an INSERT.
    pub(super) fn not_exists(prefix: Vec<u8>, row_key: Vec<u8>, _statics: bool) -> Self {
        Self { prefix, row_key, test: ConditionKind::NotExists }
    }

    /// The conditions of an UPDATE or DELETE; nothing without IF.
    pub(super) fn plan(
        call: &Call,
        table: &Table,
        conditions: &Conditions,
        bound: &Bound,
    ) -> Outcome<Option<Self>> {
        if *conditions == Conditions::None {
            return Ok(None);
        }
        let Partitions::Keys(prefixes) = &bound.partitions else {
            return Err(Failure::invalid(
                "IN on the partition key is not supported with conditional updates",
            ));
        };
        let [prefix] = &prefixes[..] else {
            return Err(Failure::invalid(
                "IN on the partition key is not supported with conditional updates",
            ));
        };
        let test = match conditions {
            Conditions::All(all) => ConditionKind::All(
                all.iter().map(|one| bind(call, table, one)).collect::<Outcome<_>>()?,
            ),
            Conditions::NotExists => ConditionKind::NotExists,
            _ => ConditionKind::Exists,
        };
        let row_key = match &bound.rows[..] {
            [RowRange::Point(clustering)] => key::row(prefix, clustering),
            [RowRange::Range(_)] if !bound.restricts_clustering => {
                let statics_only = match &test {
                    ConditionKind::All(all) => {
                        all.iter().all(|one| table.columns[one.column].kind == ColumnKind::Static)
                    }
                    _ => true,
                };
                if !statics_only || !table.has_static() {
                    return Err(Failure::invalid(
                        "DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to use IF conditions, or restrict none of the clustering columns and use conditions on static columns",
                    ));
                }
                key::record(prefix, key::STATIC)
            }
            _ => {
                return Err(Failure::invalid(
                    "IN on the clustering key columns is not supported with conditional updates",
                ));
            }
        };
        Ok(Some(Self { prefix: prefix.clone(), row_key, test }))
    }

    /// Whether the conditions hold. `row` is what is there, live or not.
    pub(crate) fn holds(&self, table: &Table, row: &SourceRow) -> Result<bool, String> {
        let exists = self.exists(row);
        match &self.test {
            ConditionKind::NotExists => Ok(!exists),
            ConditionKind::Exists => Ok(exists),
            ConditionKind::All(all) => {
                for one in all {
                    if !one.holds(table, row)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    /// Whether the row is there.
    pub(crate) fn exists(&self, row: &SourceRow) -> bool {
        let of_statics = key::split(&self.row_key).is_some_and(|split| split.kind == key::STATIC);
        if of_statics {
            row.statics.as_ref().is_some_and(|statics| statics.lives_at(row.now))
        } else {
            row.row.as_ref().is_some_and(|found| found.lives_at(row.now))
        }
    }
}

fn bind(call: &Call, table: &Table, condition: &Condition) -> Outcome<BoundCondition> {
    let (ConditionTarget::Column(name)
    | ConditionTarget::Element(name, _)
    | ConditionTarget::Field(name, _)) = &condition.target;
    let at = table.find(&name.name).ok_or_else(|| undefined(table, &name.name))?;
    let column = &table.columns[at];
    if matches!(column.kind, ColumnKind::Partition | ColumnKind::Clustering) {
        return Err(Failure::invalid(format!(
            "PRIMARY KEY column '{}' cannot have IF conditions",
            column.name
        )));
    }
    let refuse = || {
        Failure::invalid(format!(
            "Invalid element access for column {} of type {}",
            column.name, column.ty
        ))
    };
    let (part, ty) = match &condition.target {
        ConditionTarget::Column(_) => (Part::Whole, column.ty.clone()),
        ConditionTarget::Element(_, element) => {
            let (key_type, ty) = element_types(&column.ty).ok_or_else(refuse)?;
            let Given::Value(key) = evaluate(call, element, &key_type, &column.name)? else {
                return Err(Failure::invalid("Invalid null value for map access"));
            };
            (Part::Element(key), ty)
        }
        ConditionTarget::Field(_, field) => {
            let CqlType::Udt(udt) = column.ty.unfrozen() else { return Err(refuse()) };
            let at = udt.fields.iter().position(|(name, _)| *name == field.name);
            let at = at.ok_or_else(refuse)?;
            (Part::Field(at), udt.fields[at].1.clone())
        }
    };
    let value = |given: Given| match given {
        Given::Unset => Err(Failure::invalid("Invalid 'unset' value in condition")),
        given => Ok(given.value()),
    };
    let one = |term: &Term| value(evaluate(call, term, &ty, &column.name)?);
    let (op, wanted, any) = match &condition.test {
        ConditionTest::Compare(op, term) => (*op, vec![one(term)?], false),
        ConditionTest::In(InValues::List(terms)) => {
            (Operator::Equal, terms.iter().map(one).collect::<Outcome<_>>()?, true)
        }
        ConditionTest::In(InValues::Marker(term)) => {
            let listed = evaluate_list(call, term, &ty, &column.name)?;
            (Operator::Equal, listed.into_iter().map(value).collect::<Outcome<_>>()?, true)
        }
    };
    Ok(BoundCondition { column: at, part, ty, op, wanted, any })
}

impl BoundCondition {
    fn holds(&self, table: &Table, row: &SourceRow) -> Result<bool, String> {
        let whole = row.value(table, self.column);
        let column = &table.columns[self.column];
        let found = match (&self.part, whole) {
            (_, None) => None,
            (Part::Whole, whole) => whole,
            (Part::Element(key), Some(whole)) => element_of(&column.ty, &whole, key),
            (Part::Field(at), Some(whole)) => split_tuple(&whole, usize::MAX)
                .ok()
                .and_then(|fields| fields.get(*at).cloned().flatten()),
        };
        if self.any {
            return Ok(self.wanted.iter().any(|wanted| same(&self.ty, &found, wanted)));
        }
        let wanted = self.wanted.first().cloned().flatten();
        match (self.op, found, wanted) {
            (Operator::Equal, found, wanted) => Ok(same(&self.ty, &found, &wanted)),
            (Operator::NotEqual, found, wanted) => Ok(!same(&self.ty, &found, &wanted)),
            (op, _, None) => {
                let sign = match op {
                    Operator::Less => "<",
                    Operator::LessOrEqual => "<=",
                    Operator::Greater => ">",
                    Operator::GreaterOrEqual => ">=",
                    _ => "CONTAINS",
                };
                Err(format!("Invalid comparison with null for operator \"{sign}\""))
            }
            (_, None, _) => Ok(false),
            (op, Some(found), Some(wanted)) => Ok(compare(&self.ty, op, &found, &wanted)),
        }
    }
}

/// Equality in which two nulls are equal; an empty collection is null.
fn same(ty: &CqlType, a: &Option<Bytes>, b: &Option<Bytes>) -> bool {
    let null = |value: &Option<Bytes>| {
        value.as_ref().is_none_or(|v| ty.is_multi_cell() && ty.is_collection() && **v == [0; 4])
    };
    match (a, b) {
        _ if null(a) || null(b) => null(a) == null(b),
        (Some(a), Some(b)) => order(ty, a, b).is_eq(),
        _ => false,
    }
}
