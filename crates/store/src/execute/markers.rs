//! Bind markers: the column each one stands for, as PREPARE tells it.
//!
//! Never does: evaluate.

use super::call::Call;
use super::failure::{Failure, Outcome};
use super::function;
use super::restrict::undefined;
use super::term::{element_types, natural_type};
use crate::table::schema::Table;
use cql::CqlType;
use cql::ast::{
    Assignment, AssignmentKind, ConditionTarget, ConditionTest, Conditions, Delete, DeleteTarget,
    InValues, Insert, InsertSource, Modification, Operator, Parsed, Relation, RelationKind, Select,
    Selection, Selector, SelectorKind, Statement, Term, TermKind, Update, Using,
};
use cql::response::ColumnSpec;

/// The markers of a statement, and for each partition key column the marker that sets it.
pub(crate) fn describe(call: &Call, parsed: &Parsed) -> Outcome<(Vec<ColumnSpec>, Vec<u16>)> {
    let mut markers = Markers {
        call,
        found: vec![None; parsed.markers.len()],
        names: &parsed.markers,
        table: None,
        key: Vec::new(),
    };
    match &parsed.statement {
        Statement::Select(select) => markers.select(select)?,
        Statement::Insert(insert) => markers.insert(insert)?,
        Statement::Update(update) => markers.update(update)?,
        Statement::Delete(delete) => markers.delete(delete)?,
        Statement::Batch(batch) => {
            markers.using(&batch.using)?;
            for modification in &batch.statements {
                match modification {
                    Modification::Insert(insert) => markers.insert(insert)?,
                    Modification::Update(update) => markers.update(update)?,
                    Modification::Delete(delete) => markers.delete(delete)?,
                }
            }
            markers.key.clear();
        }
        _ => {}
    }
    let indexes = markers.key.iter().map(|at| at.and_then(|at| u16::try_from(at).ok()));
    let indexes = indexes.collect::<Option<Vec<_>>>().unwrap_or_default();
    let specs = markers.found.into_iter().map(|spec| {
        spec.ok_or_else(|| Failure::invalid("A bind marker stands where no value can be bound"))
    });
    Ok((specs.collect::<Outcome<_>>()?, indexes))
}

struct Markers<'a> {
    call: &'a Call,
    found: Vec<Option<ColumnSpec>>,
    names: &'a [Option<String>],
    table: Option<std::sync::Arc<Table>>,
    /// Marker of each partition key column.
    key: Vec<Option<usize>>,
}

fn list(ty: &CqlType) -> CqlType {
    CqlType::List(Box::new(ty.clone()))
}

impl Markers<'_> {
    fn enter(&mut self, name: &cql::ast::QualifiedName) -> Outcome<std::sync::Arc<Table>> {
        let table = self.call.table(name)?;
        self.key = vec![None; table.partition_count];
        self.table = Some(std::sync::Arc::clone(&table));
        Ok(table)
    }

    fn set(&mut self, index: usize, ty: &CqlType, name: &str) {
        let named = self.names.get(index).cloned().flatten();
        let table = self.table.as_ref();
        if let Some(place) = self.found.get_mut(index) {
            *place = Some(ColumnSpec {
                keyspace: table.map_or(String::new(), |table| table.keyspace.clone()),
                table: table.map_or(String::new(), |table| table.name.clone()),
                name: named.unwrap_or_else(|| name.to_owned()),
                ty: ty.clone(),
            });
        }
    }

    fn term(&mut self, term: &Term, ty: &CqlType, name: &str) -> Outcome<()> {
        match (&term.kind, ty.unfrozen()) {
            (TermKind::Marker { index, .. }, _) => self.set(*index, ty, name),
            (TermKind::List(terms), CqlType::List(of) | CqlType::Vector(of, _))
            | (TermKind::Set(terms), CqlType::Set(of)) => {
                for term in terms {
                    self.term(term, of, &format!("value({name})"))?;
                }
            }
            (TermKind::Map(pairs), CqlType::Map(key_type, value_type)) => {
                for (key, value) in pairs {
                    self.term(key, key_type, &format!("key({name})"))?;
                    self.term(value, value_type, &format!("value({name})"))?;
                }
            }
            (TermKind::Tuple(terms), CqlType::Tuple(types)) => {
                for (at, (term, ty)) in terms.iter().zip(types).enumerate() {
                    self.term(term, ty, &format!("{name}[{at}]"))?;
                }
            }
            (TermKind::Tuple(terms), _) if terms.len() == 1 => self.term(&terms[0], ty, name)?,
            (TermKind::Udt(fields), CqlType::Udt(udt)) => {
                for (field, term) in fields {
                    let known = udt.fields.iter().find(|(known, _)| *known == field.name);
                    if let Some((_, ty)) = known {
                        self.term(term, ty, &format!("{name}.{}", field.name))?;
                    }
                }
            }
            (TermKind::Function { name: of, args }, _) => {
                let known: Vec<_> = args.iter().map(|arg| natural_type(self.call, arg)).collect();
                let (types, _) = function::signature(&of.name.name, &known, Some(ty))?;
                for (at, (arg, ty)) in args.iter().zip(&types).enumerate() {
                    self.term(arg, ty, &format!("arg{at}(system.{})", of.name.name))?;
                }
            }
            (TermKind::Hint { ty: hint, term }, _) => {
                let keyspace = self.call.keyspace.as_deref().unwrap_or_default();
                let ty = self.call.resolve(hint, keyspace)?;
                self.term(term, &ty, name)?;
            }
            (TermKind::Arithmetic { left, right, .. }, _) => {
                let of_left = natural_type(self.call, left).unwrap_or_else(|| ty.clone());
                let of_right = natural_type(self.call, right).unwrap_or_else(|| of_left.clone());
                self.term(left, &of_left, name)?;
                self.term(right, &of_right, name)?;
            }
            (TermKind::Negate(of), _) => self.term(of, ty, name)?,
            _ => {}
        }
        Ok(())
    }

    fn using(&mut self, using: &Using) -> Outcome<()> {
        if let Some(term) = &using.timestamp {
            self.term(term, &CqlType::Bigint, "[timestamp]")?;
        }
        if let Some(term) = &using.ttl {
            self.term(term, &CqlType::Int, "[ttl]")?;
        }
        Ok(())
    }

    fn column(&self, table: &Table, name: &str) -> Outcome<usize> {
        table.find(name).ok_or_else(|| undefined(table, name))
    }

    fn in_values(&mut self, values: &InValues, ty: &CqlType, name: &str) -> Outcome<()> {
        match values {
            InValues::List(terms) => terms.iter().try_for_each(|term| self.term(term, ty, name)),
            InValues::Marker(term) => self.term(term, &list(ty), &format!("in({name})")),
        }
    }

    fn relations(&mut self, table: &Table, relations: &[Relation]) -> Outcome<()> {
        for relation in relations {
            match &relation.kind {
                RelationKind::Column(name, op, term) => {
                    let at = self.column(table, &name.name)?;
                    let column = &table.columns[at];
                    let ty = super::restrict::compared_type(&column.ty, *op)
                        .unwrap_or_else(|| column.ty.clone());
                    self.term(term, &ty, &column.name)?;
                    if *op == Operator::Equal {
                        self.key_marker(table, at, term);
                    }
                }
                RelationKind::In(name, values) => {
                    let column = &table.columns[self.column(table, &name.name)?];
                    self.in_values(values, &column.ty, &column.name)?;
                }
                RelationKind::Element(name, key, _, term) => {
                    let column = &table.columns[self.column(table, &name.name)?];
                    if let Some((key_type, value_type)) = element_types(&column.ty) {
                        self.term(key, &key_type, &format!("key({})", column.name))?;
                        self.term(term, &value_type, &format!("value({})", column.name))?;
                    }
                }
                RelationKind::Token(_, _, term) => match term.token_arguments() {
                    None => self.term(term, &CqlType::Bigint, "partition key token")?,
                    Some(args) => {
                        for (at, (arg, column)) in
                            args.iter().zip(table.partition_columns()).enumerate()
                        {
                            self.term(arg, &column.ty, &format!("arg{at}(system.token)"))?;
                        }
                    }
                },
                RelationKind::Tuple(names, _, term) => {
                    let (ty, name) = self.tuple(table, names)?;
                    self.term(term, &ty, &name)?;
                }
                RelationKind::TupleIn(names, values) => {
                    let (ty, name) = self.tuple(table, names)?;
                    self.in_values(values, &ty, &name)?;
                }
                RelationKind::IsNotNull(_) => {}
            }
        }
        Ok(())
    }

    fn tuple(&self, table: &Table, names: &[cql::ast::Ident]) -> Outcome<(CqlType, String)> {
        let mut types = Vec::new();
        for name in names {
            types.push(table.columns[self.column(table, &name.name)?].ty.clone());
        }
        let names: Vec<_> = names.iter().map(|name| name.name.as_str()).collect();
        Ok((CqlType::Tuple(types), format!("({})", names.join(","))))
    }

    fn key_marker(&mut self, table: &Table, at: usize, term: &Term) {
        if let (true, TermKind::Marker { index, .. }) = (at < table.partition_count, &term.kind) {
            self.key[at] = Some(*index);
        }
    }

    fn select(&mut self, select: &Select) -> Outcome<()> {
        let table = self.enter(&select.table)?;
        if let Selection::Items(items) = &select.selection {
            for item in items {
                self.selector(&table, &item.selector, None)?;
            }
        }
        self.relations(&table, &select.relations)?;
        if let Some(term) = &select.per_partition_limit {
            self.term(term, &CqlType::Int, "[per_partition_limit]")?;
        }
        if let Some(term) = &select.limit {
            self.term(term, &CqlType::Int, "[limit]")?;
        }
        Ok(())
    }

    fn selector(
        &mut self,
        table: &Table,
        selector: &Selector,
        wanted: Option<&CqlType>,
    ) -> Outcome<()> {
        match &selector.kind {
            SelectorKind::Term(term) => {
                if let Some(ty) = wanted.cloned().or_else(|| natural_type(self.call, term)) {
                    self.term(term, &ty, "[selection]")?;
                }
            }
            SelectorKind::Hint { ty, of } => {
                let ty = self.call.resolve(ty, &table.keyspace)?;
                self.selector(table, of, Some(&ty))?;
            }
            SelectorKind::Function { name, args } => {
                let known: Vec<Option<CqlType>> = args
                    .iter()
                    .map(|arg| match &arg.kind {
                        SelectorKind::Column(column) => {
                            table.find(&column.name).map(|at| table.columns[at].ty.clone())
                        }
                        SelectorKind::Term(term) => natural_type(self.call, term),
                        _ => None,
                    })
                    .collect();
                let types = function::signature(&name.name.name, &known, None).ok();
                for (at, arg) in args.iter().enumerate() {
                    let ty = types.as_ref().and_then(|(types, _)| types.get(at)).cloned();
                    self.selector(table, arg, ty.as_ref())?;
                }
            }
            SelectorKind::Element { of, key } => {
                if let SelectorKind::Column(name) = &of.kind {
                    let column = &table.columns[self.column(table, &name.name)?];
                    if let Some((key_type, _)) = element_types(&column.ty) {
                        self.term(key, &key_type, &format!("key({})", column.name))?;
                    }
                }
            }
            SelectorKind::Cast { of, .. } => self.selector(table, of, None)?,
            _ => {}
        }
        Ok(())
    }

    fn insert(&mut self, insert: &Insert) -> Outcome<()> {
        let table = self.enter(&insert.table)?;
        match &insert.source {
            InsertSource::Values { columns, values } => {
                for (name, term) in columns.iter().zip(values) {
                    let at = self.column(&table, &name.name)?;
                    let column = &table.columns[at];
                    self.term(term, &column.ty, &column.name)?;
                    self.key_marker(&table, at, term);
                }
            }
            InsertSource::Json { value, .. } => self.term(value, &CqlType::Text, "[json]")?,
        }
        self.using(&insert.using)
    }

    fn update(&mut self, update: &Update) -> Outcome<()> {
        let table = self.enter(&update.table)?;
        self.using(&update.using)?;
        for assignment in &update.assignments {
            self.assignment(&table, assignment)?;
        }
        self.relations(&table, &update.relations)?;
        self.conditions(&table, &update.conditions)
    }

    fn assignment(&mut self, table: &Table, assignment: &Assignment) -> Outcome<()> {
        let column = &table.columns[self.column(table, &assignment.column.name)?];
        let (ty, name) = (&column.ty, column.name.as_str());
        let whole = if *ty == CqlType::Counter { CqlType::Bigint } else { ty.clone() };
        match &assignment.kind {
            AssignmentKind::Set(term) => self.term(term, ty, name),
            AssignmentKind::Add(term) | AssignmentKind::Prepend(term) => {
                self.term(term, if *ty == CqlType::Counter { ty } else { &whole }, name)
            }
            AssignmentKind::Subtract(term) => match ty {
                CqlType::Map(key, _) => self.term(term, &CqlType::Set(key.clone()), name),
                ty => self.term(term, ty, name),
            },
            AssignmentKind::SetElement(key, value) => {
                let Some((key_type, value_type)) = element_types(ty) else { return Ok(()) };
                let place = if matches!(ty, CqlType::List(_)) { "idx" } else { "key" };
                self.term(key, &key_type, &format!("{place}({name})"))?;
                self.term(value, &value_type, &format!("value({name})"))
            }
            AssignmentKind::SetField(field, value) => {
                let CqlType::Udt(udt) = ty else { return Ok(()) };
                match udt.fields.iter().find(|(known, _)| *known == field.name) {
                    Some((_, ty)) => self.term(value, ty, &format!("{name}.{}", field.name)),
                    None => Ok(()),
                }
            }
        }
    }

    fn delete(&mut self, delete: &Delete) -> Outcome<()> {
        let table = self.enter(&delete.table)?;
        for target in &delete.targets {
            if let DeleteTarget::Element(name, key) = target {
                let column = &table.columns[self.column(&table, &name.name)?];
                if let Some((key_type, _)) = element_types(&column.ty) {
                    self.term(key, &key_type, &format!("key({})", column.name))?;
                }
            }
        }
        self.using(&delete.using)?;
        self.relations(&table, &delete.relations)?;
        self.conditions(&table, &delete.conditions)
    }

    fn conditions(&mut self, table: &Table, conditions: &Conditions) -> Outcome<()> {
        let Conditions::All(all) = conditions else { return Ok(()) };
        for condition in all {
            let (ConditionTarget::Column(name)
            | ConditionTarget::Element(name, _)
            | ConditionTarget::Field(name, _)) = &condition.target;
            let column = &table.columns[self.column(table, &name.name)?];
            let mut ty = column.ty.clone();
            match &condition.target {
                ConditionTarget::Column(_) => {}
                ConditionTarget::Element(_, key) => {
                    if let Some((key_type, value_type)) = element_types(&column.ty) {
                        self.term(key, &key_type, &format!("key({})", column.name))?;
                        ty = value_type;
                    }
                }
                ConditionTarget::Field(_, field) => {
                    if let CqlType::Udt(udt) = column.ty.unfrozen() {
                        let found = udt.fields.iter().find(|(known, _)| *known == field.name);
                        ty = found.map_or(ty, |(_, ty)| ty.clone());
                    }
                }
            }
            match &condition.test {
                ConditionTest::Compare(_, term) => self.term(term, &ty, &column.name)?,
                ConditionTest::In(values) => self.in_values(values, &ty, &column.name)?,
            }
        }
        Ok(())
    }
}
