//! count, min, max, sum and avg.
//!
//! Owns the running results of one group. Memory: one value per aggregate.

use super::call::Call;
use super::failure::{Failure, Outcome};
use super::project::Expression;
use super::restrict::order;
use super::source::SourceRow;
use super::value::{self, Number};
use crate::table::schema::Table;
use bytes::Bytes;
use cql::ast::ArithmeticOperator;
use cql::{CqlType, Value};

/// Which aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AggregateKind {
    /// `count(*)`
    CountRows,
    /// `count(x)`: values that are not null.
    Count,
    /// `min(x)`
    Min,
    /// `max(x)`
    Max,
    /// `sum(x)`
    Sum,
    /// `avg(x)`
    Avg,
}

impl AggregateKind {
    /// The aggregate of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "count" => Self::Count,
            "min" => Self::Min,
            "max" => Self::Max,
            "sum" => Self::Sum,
            "avg" => Self::Avg,
            _ => return None,
        })
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CountRows | Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Avg => "avg",
        }
    }

    /// The type of its result.
    pub(crate) fn result_type(self, of: Option<&CqlType>) -> CqlType {
        match (self, of) {
            (Self::CountRows | Self::Count, _) | (_, None) => CqlType::Bigint,
            (Self::Sum | Self::Avg, Some(CqlType::Counter)) => CqlType::Bigint,
            (_, Some(of)) => of.clone(),
        }
    }

    /// Refuses types it is not defined for.
    pub(crate) fn check(self, name: &str, of: &CqlType) -> Outcome<()> {
        if matches!(self, Self::Sum | Self::Avg) && !value::is_number(of) {
            return Err(Failure::invalid(format!(
                "Invalid call to function {name}, none of its type signatures match (known argument types: {of})"
            )));
        }
        Ok(())
    }
}

/// One aggregate of a query.
#[derive(Debug)]
pub(crate) struct Aggregate {
    /// Which.
    pub(crate) kind: AggregateKind,
    /// Of what; nothing for `count(*)`.
    pub(crate) of: Option<Expression>,
    /// The type of the result.
    pub(crate) ty: CqlType,
}

/// The running result of one aggregate in one group.
#[derive(Debug, Default, Clone)]
pub(crate) struct Running {
    count: i64,
    value: Option<Bytes>,
}

impl Running {
    /// Takes a row in.
    pub(crate) fn add(
        &mut self,
        call: &Call,
        table: &Table,
        aggregate: &Aggregate,
        row: &SourceRow,
    ) -> Outcome<()> {
        let Some(of) = &aggregate.of else {
            self.count += 1;
            return Ok(());
        };
        let Some(new) = of.value(call, table, row, &[])? else { return Ok(()) };
        self.count += 1;
        let old = self.value.take();
        self.value = Some(match (aggregate.kind, old) {
            (AggregateKind::Min, Some(old)) if order(&of.ty, &old, &new).is_le() => old,
            (AggregateKind::Max, Some(old)) if order(&of.ty, &old, &new).is_ge() => old,
            (AggregateKind::Sum | AggregateKind::Avg, old) => {
                let wide = self.sum_type(aggregate, of);
                let new = value::cast(&of.ty, &wide, Some(new))?;
                let sum = match old {
                    Some(old) => {
                        super::function::arithmetic(
                            ArithmeticOperator::Add,
                            (&wide, Some(old)),
                            (&wide, new),
                        )?
                        .1
                    }
                    None => new,
                };
                sum.unwrap_or_default()
            }
            _ => new,
        });
        Ok(())
    }

    /// Averages add up in a wider type, so that only the result can wrap.
    fn sum_type(&self, aggregate: &Aggregate, of: &Expression) -> CqlType {
        match (aggregate.kind, &of.ty) {
            (AggregateKind::Avg, CqlType::Float) => CqlType::Double,
            (AggregateKind::Avg, CqlType::Double | CqlType::Decimal) => of.ty.clone(),
            (AggregateKind::Avg, _) => CqlType::Varint,
            (_, CqlType::Counter) => CqlType::Bigint,
            (_, ty) => ty.clone(),
        }
    }

    /// The result.
    pub(crate) fn result(&self, aggregate: &Aggregate) -> Outcome<Option<Bytes>> {
        let whole = |count: i64| Some(Bytes::copy_from_slice(&count.to_be_bytes()));
        match (aggregate.kind, &aggregate.of) {
            (AggregateKind::CountRows | AggregateKind::Count, _) => Ok(whole(self.count)),
            (AggregateKind::Sum | AggregateKind::Avg, Some(of)) => {
                let Some(sum) = self.value.clone() else {
                    let zero = Number::Whole(0.into()).to_value(&aggregate.ty);
                    return value::encode(&aggregate.ty, &zero);
                };
                let wide = self.sum_type(aggregate, of);
                let (wide, sum) = if aggregate.kind == AggregateKind::Avg {
                    let count = value::encode(&CqlType::Bigint, &Value::Bigint(self.count))?;
                    super::function::arithmetic(
                        ArithmeticOperator::Divide,
                        (&wide, Some(sum)),
                        (&CqlType::Bigint, count),
                    )?
                } else {
                    (wide, Some(sum))
                };
                value::cast(&wide, &aggregate.ty, sum)
            }
            _ => Ok(self.value.clone()),
        }
    }
}
