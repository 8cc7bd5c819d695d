//! What a SELECT shows: selectors with their names and types, and their values for a row.
//!
//! Selectors are resolved once per query into [`Expression`]s. Never does: choose rows.

use super::aggregate::{Aggregate, AggregateKind};
use super::call::Call;
use super::failure::{Failure, Outcome};
use super::function;
use super::restrict::{element_of, order, undefined};
use super::source::{SourceRow, put_value};
use super::term::{Given, compute, element_types, elements, evaluate, natural_type, serialise};
use super::value;
use crate::table::key;
use crate::table::schema::{ColumnKind, Table};
use bytes::{Bytes, BytesMut};
use cql::CqlType;
use cql::ast::{ArithmeticOperator, Selector, SelectorKind, Term};

/// A resolved selector.
#[derive(Debug)]
pub(crate) struct Expression {
    kind: Kind,
    /// The type of its values.
    pub(crate) ty: CqlType,
    /// The name Cassandra gives the result column.
    pub(crate) name: String,
}

#[derive(Debug)]
enum Kind {
    Column(usize),
    WriteTime(usize),
    MaxWriteTime(usize),
    Ttl(usize),
    Token,
    Constant(Option<Bytes>),
    Cast(Box<Expression>),
    Function(String, Vec<Expression>),
    Field(Box<Expression>, usize),
    Element(Box<Expression>, Bytes),
    Slice(Box<Expression>, Option<Bytes>, Option<Bytes>),
    Aggregate(usize),
    Arithmetic(ArithmeticOperator, Box<Expression>, Box<Expression>),
    Negate(Box<Expression>),
    Tuple(Vec<Expression>),
    Collection(Vec<Expression>),
}

/// Resolves selectors of one query and gathers its aggregates.
pub(crate) struct Resolver<'a> {
    /// The execution; at PREPARE its markers have no values.
    pub(crate) call: &'a Call,
    /// The table.
    pub(crate) table: &'a Table,
    /// The aggregates found so far.
    pub(crate) aggregates: Vec<Aggregate>,
    /// At PREPARE: constants are not evaluated.
    pub(crate) types_only: bool,
}

impl Resolver<'_> {
    /// Resolves a selector. `wanted` is the type of a marker or constant that has none of its own.
    pub(crate) fn resolve(
        &mut self,
        selector: &Selector,
        wanted: Option<&CqlType>,
    ) -> Outcome<Expression> {
        match &selector.kind {
            SelectorKind::Column(name) => {
                let at =
                    self.table.find(&name.name).ok_or_else(|| undefined(self.table, &name.name))?;
                let column = &self.table.columns[at];
                let (ty, name) = (column.ty.clone(), column.name.clone());
                Ok(Expression { kind: Kind::Column(at), ty, name })
            }
            SelectorKind::CountAll => Ok(self.aggregate(AggregateKind::CountRows, None)),
            SelectorKind::WriteTime(of) => self.cell_time(of, "writetime", Kind::WriteTime),
            SelectorKind::MaxWriteTime(of) => {
                self.cell_time(of, "maxwritetime", Kind::MaxWriteTime)
            }
            SelectorKind::Ttl(of) => self.cell_time(of, "ttl", Kind::Ttl),
            SelectorKind::Cast { of, ty } => {
                let of = self.resolve(of, None)?;
                let ty = self.call.resolve(ty, &self.table.keyspace)?;
                let name = format!("cast({} as {ty})", of.name);
                Ok(Expression { kind: Kind::Cast(Box::new(of)), ty, name })
            }
            SelectorKind::Function { name, args } => self.function(&name.name.name, args, wanted),
            SelectorKind::Field { of, field } => self.field(of, &field.name),
            SelectorKind::Element { of, key } => self.element(of, key),
            SelectorKind::Slice { of, from, to } => self.slice(of, from.as_ref(), to.as_ref()),
            SelectorKind::Term(term) => self.constant(term, wanted),
            SelectorKind::Hint { ty, of } => {
                let ty = self.call.resolve(ty, &self.table.keyspace)?;
                let mut inner = self.resolve(of, Some(&ty))?;
                inner.name = format!("({ty}){}", inner.name);
                inner.ty = ty;
                Ok(inner)
            }
            SelectorKind::Arithmetic { op, left, right } => {
                let left = self.resolve(left, wanted)?;
                let right = self.resolve(right, Some(&left.ty))?;
                let ty = function::arithmetic_type(&left.ty, &right.ty);
                let name = format!("{} {} {}", left.name, symbol(*op), right.name);
                let kind = Kind::Arithmetic(*op, Box::new(left), Box::new(right));
                Ok(Expression { kind, ty, name })
            }
            SelectorKind::Negate(of) => {
                let of = self.resolve(of, wanted)?;
                let (ty, name) = (of.ty.clone(), format!("-{}", of.name));
                Ok(Expression { kind: Kind::Negate(Box::new(of)), ty, name })
            }
            SelectorKind::Tuple(of) => {
                let parts = self.all(of)?;
                if let [_] = parts[..] {
                    return self.resolve(&of[0], wanted);
                }
                let ty = CqlType::Tuple(parts.iter().map(|part| part.ty.clone()).collect());
                let name = format!("({})", names(&parts));
                Ok(Expression { kind: Kind::Tuple(parts), ty, name })
            }
            SelectorKind::List(of) => {
                let parts = self.all(of)?;
                let ty = parts.first().map_or(CqlType::Int, |part| part.ty.clone());
                let name = format!("[{}]", names(&parts));
                let ty = CqlType::List(Box::new(ty));
                Ok(Expression { kind: Kind::Collection(parts), ty, name })
            }
            SelectorKind::Set(_) | SelectorKind::Map(_) | SelectorKind::Udt(_) => Err(
                Failure::invalid("Set, map and user type literals of columns cannot be selected"),
            ),
        }
    }

    fn all(&mut self, selectors: &[Selector]) -> Outcome<Vec<Expression>> {
        selectors.iter().map(|selector| self.resolve(selector, None)).collect()
    }

    fn cell_time(
        &mut self,
        of: &Selector,
        name: &str,
        kind: fn(usize) -> Kind,
    ) -> Outcome<Expression> {
        let column = self.resolve(of, None)?;
        let Kind::Column(at) = column.kind else {
            return Err(Failure::invalid(format!("{name}() can only be used on a column")));
        };
        let of = &self.table.columns[at];
        if matches!(of.kind, ColumnKind::Partition | ColumnKind::Clustering) {
            return Err(Failure::invalid(format!(
                "Cannot use selection function {name} on PRIMARY KEY part {}",
                of.name
            )));
        }
        let one = if name == "ttl" { CqlType::Int } else { CqlType::Bigint };
        let many = of.ty.is_multi_cell() && name != "maxwritetime";
        let ty = if many { CqlType::List(Box::new(one)) } else { one };
        Ok(Expression { kind: kind(at), ty, name: format!("{name}({})", of.name) })
    }

    fn aggregate(&mut self, kind: AggregateKind, of: Option<Expression>) -> Expression {
        let name = match (&kind, &of) {
            (AggregateKind::CountRows, _) | (_, None) => "count".to_owned(),
            (kind, Some(of)) => format!("system.{}({})", kind.name(), of.name),
        };
        let ty = kind.result_type(of.as_ref().map(|of| &of.ty));
        self.aggregates.push(Aggregate { kind, of, ty: ty.clone() });
        Expression { kind: Kind::Aggregate(self.aggregates.len() - 1), ty, name }
    }

    fn function(
        &mut self,
        name: &str,
        args: &[Selector],
        wanted: Option<&CqlType>,
    ) -> Outcome<Expression> {
        if name == "token" {
            let given = self.all(args)?;
            let keys = (0..self.table.partition_count).map(Some);
            let in_order = given.iter().map(|arg| match arg.kind {
                Kind::Column(at) => Some(at),
                _ => None,
            });
            if !in_order.eq(keys) {
                return Err(Failure::invalid(
                    "The token function arguments must be the partition key columns in their order",
                ));
            }
            let name = format!("system.token({})", names(&given));
            return Ok(Expression { kind: Kind::Token, ty: CqlType::Bigint, name });
        }
        if let Some(kind) = AggregateKind::named(name) {
            let [of] = args else {
                return Err(Failure::invalid(format!(
                    "Invalid number of arguments in call to function system.{name}: 1 required but {} provided",
                    args.len()
                )));
            };
            let of = self.resolve(of, None)?;
            kind.check(name, &of.ty)?;
            return Ok(self.aggregate(kind, Some(of)));
        }
        let known: Vec<_> = args.iter().map(|arg| self.type_of(arg)).collect();
        let (types, ty) = function::signature(name, &known, wanted)?;
        let mut parts = Vec::new();
        for (arg, ty) in args.iter().zip(&types) {
            parts.push(self.resolve(arg, Some(ty))?);
        }
        let text = format!("system.{name}({})", names(&parts));
        Ok(Expression { kind: Kind::Function(name.to_owned(), parts), ty, name: text })
    }

    fn type_of(&self, selector: &Selector) -> Option<CqlType> {
        if let SelectorKind::Term(term) = &selector.kind {
            return natural_type(self.call, term);
        }
        let mut look = Resolver {
            call: self.call,
            table: self.table,
            aggregates: Vec::new(),
            types_only: true,
        };
        look.resolve(selector, None).ok().map(|found| found.ty)
    }

    fn field(&mut self, of: &Selector, field: &str) -> Outcome<Expression> {
        let of = self.resolve(of, None)?;
        let CqlType::Udt(udt) = of.ty.unfrozen() else {
            return Err(Failure::invalid(format!(
                "Invalid field selection: {} of type {} is not a user type",
                of.name, of.ty
            )));
        };
        let Some(at) = udt.fields.iter().position(|(name, _)| name == field) else {
            return Err(Failure::invalid(format!(
                "{} of type {} has no field {field}",
                of.name, of.ty
            )));
        };
        let (ty, name) = (udt.fields[at].1.clone(), format!("{}.{field}", of.name));
        Ok(Expression { kind: Kind::Field(Box::new(of), at), ty, name })
    }

    fn given(&self, term: &Term, ty: &CqlType) -> Outcome<Option<Bytes>> {
        if self.types_only {
            return Ok(None);
        }
        match evaluate(self.call, term, ty, "element")? {
            Given::Unset => Err(Failure::invalid("Invalid unset value for selection element")),
            given => Ok(given.value()),
        }
    }

    fn element(&mut self, of: &Selector, key: &Term) -> Outcome<Expression> {
        let of = self.resolve(of, None)?;
        let Some((key_type, ty)) = element_types(&of.ty) else {
            return Err(Failure::invalid(format!(
                "Invalid element selection: {} is of type {} is not a collection",
                of.name, of.ty
            )));
        };
        let value = self.given(key, &key_type)?.unwrap_or_default();
        let name = format!("{}[{}]", of.name, literal(&key_type, &value));
        Ok(Expression { kind: Kind::Element(Box::new(of), value), ty, name })
    }

    fn slice(
        &mut self,
        of: &Selector,
        from: Option<&Term>,
        to: Option<&Term>,
    ) -> Outcome<Expression> {
        let of = self.resolve(of, None)?;
        let Some((key_type, _)) = element_types(&of.ty) else {
            return Err(Failure::invalid(format!(
                "Invalid slice selection: {} of type {} is not a collection",
                of.name, of.ty
            )));
        };
        let bound = |term: Option<&Term>| term.map_or(Ok(None), |term| self.given(term, &key_type));
        let (from, to) = (bound(from)?, bound(to)?);
        let text = |v: &Option<Bytes>| v.as_ref().map_or(String::new(), |v| literal(&key_type, v));
        let name = format!("{}[{}..{}]", of.name, text(&from), text(&to));
        let ty = of.ty.clone();
        Ok(Expression { kind: Kind::Slice(Box::new(of), from, to), ty, name })
    }

    fn constant(&mut self, term: &Term, wanted: Option<&CqlType>) -> Outcome<Expression> {
        if self.types_only {
            let ty = natural_type(self.call, term).or_else(|| wanted.cloned());
            let ty = ty.ok_or_else(|| Failure::invalid("Cannot infer type for term in selection clause (try using a cast to force a type)"))?;
            return Ok(Expression { kind: Kind::Constant(None), ty, name: "?".to_owned() });
        }
        let (ty, value) = match wanted {
            Some(ty) => (ty.clone(), evaluate(self.call, term, ty, "selection")?.value()),
            None => compute(self.call, term, None)?,
        };
        let name = value.as_ref().map_or("null".to_owned(), |v| literal(&ty, v));
        Ok(Expression { kind: Kind::Constant(value), ty, name })
    }
}

fn symbol(op: ArithmeticOperator) -> char {
    match op {
        ArithmeticOperator::Add => '+',
        ArithmeticOperator::Subtract => '-',
        ArithmeticOperator::Multiply => '*',
        ArithmeticOperator::Divide => '/',
        ArithmeticOperator::Modulo => '%',
    }
}

fn names(parts: &[Expression]) -> String {
    parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A value as CQL text.
pub(crate) fn literal(ty: &CqlType, value: &[u8]) -> String {
    value::decode(ty, value).map(|value| value.to_literal(ty)).unwrap_or_default()
}

impl Expression {
    /// A whole column.
    pub(crate) fn column(table: &Table, at: usize) -> Self {
        let column = &table.columns[at];
        Self { kind: Kind::Column(at), ty: column.ty.clone(), name: column.name.clone() }
    }

    /// The column it is, if it is one.
    pub(crate) fn as_column(&self) -> Option<usize> {
        match self.kind {
            Kind::Column(at) => Some(at),
            _ => None,
        }
    }

    /// Its value for a row. `results` are those of the aggregates.
    pub(crate) fn value(
        &self,
        call: &Call,
        table: &Table,
        row: &SourceRow,
        results: &[Option<Bytes>],
    ) -> Outcome<Option<Bytes>> {
        let of = |inner: &Self| inner.value(call, table, row, results);
        Ok(match &self.kind {
            Kind::Column(at) => row.value(table, *at),
            Kind::Constant(value) => value.clone(),
            Kind::Aggregate(at) => results.get(*at).cloned().flatten(),
            Kind::WriteTime(at) => self.times(&row.write_times(table, *at)),
            Kind::MaxWriteTime(at) => {
                let newest = row.write_times(table, *at).into_iter().flatten().max();
                newest.map(|time| Bytes::copy_from_slice(&time.to_be_bytes()))
            }
            Kind::Ttl(at) => self.times(&row.ttls(table, *at)),
            Kind::Token => {
                let token = key::token_of(&row.position);
                Some(Bytes::copy_from_slice(&token.to_be_bytes()))
            }
            Kind::Cast(inner) => value::cast(&inner.ty, &self.ty, of(inner)?)?,
            Kind::Function(name, args) => {
                let mut values = Vec::with_capacity(args.len());
                for arg in args {
                    values.push((arg.ty.clone(), of(arg)?));
                }
                function::apply(call, name, &values, &self.ty)?
            }
            Kind::Field(inner, at) => match of(inner)? {
                Some(value) => {
                    super::term::split_tuple(&value, usize::MAX)?.get(*at).cloned().flatten()
                }
                None => None,
            },
            Kind::Element(inner, key) => {
                of(inner)?.and_then(|value| element_of(&inner.ty, &value, key))
            }
            Kind::Slice(inner, from, to) => {
                of(inner)?.map(|value| sliced(&inner.ty, &value, from.as_ref(), to.as_ref()))
            }
            Kind::Arithmetic(op, left, right) => {
                let (a, b) = (of(left)?, of(right)?);
                function::arithmetic(*op, (&left.ty, a), (&right.ty, b))?.1
            }
            Kind::Negate(inner) => function::negate(&inner.ty, of(inner)?)?.1,
            Kind::Tuple(parts) => {
                let mut out = BytesMut::new();
                for part in parts {
                    put_value(&mut out, of(part)?.as_deref());
                }
                Some(out.freeze())
            }
            Kind::Collection(parts) => {
                let values = parts.iter().filter_map(|part| of(part).transpose());
                let values = values.collect::<Outcome<Vec<_>>>()?;
                Some(serialise(&values, values.len()))
            }
        })
    }

    /// One timestamp or time to live, or the list of them for a collection.
    fn times(&self, times: &[Option<i64>]) -> Option<Bytes> {
        let bytes = |time: i64, ty: &CqlType| match ty {
            CqlType::Int => Bytes::copy_from_slice(&(time as i32).to_be_bytes()),
            _ => Bytes::copy_from_slice(&time.to_be_bytes()),
        };
        let CqlType::List(of) = &self.ty else {
            return times.first().copied().flatten().map(|time| bytes(time, &self.ty));
        };
        if times.is_empty() {
            return None;
        }
        let mut out = BytesMut::new();
        out.extend_from_slice(&(times.len() as i32).to_be_bytes());
        for time in times {
            put_value(&mut out, time.map(|time| bytes(time, of)).as_deref());
        }
        Some(out.freeze())
    }
}

/// The part of a set or map between two keys, both included.
fn sliced(ty: &CqlType, value: &Bytes, from: Option<&Bytes>, to: Option<&Bytes>) -> Bytes {
    let (CqlType::Set(key_type) | CqlType::Map(key_type, _)) = ty.unfrozen() else {
        return value.clone();
    };
    let size = if matches!(ty.unfrozen(), CqlType::Map(..)) { 2 } else { 1 };
    let all = elements(value);
    let inside = |key: &Bytes| {
        from.is_none_or(|from| order(key_type, key, from).is_ge())
            && to.is_none_or(|to| order(key_type, key, to).is_le())
    };
    let kept: Vec<_> =
        all.chunks_exact(size).filter(|c| inside(&c[0])).flatten().cloned().collect();
    serialise(&kept, kept.len() / size)
}
