//! Keyspaces, tables, columns and their options, as the catalog holds them.
//!
//! Owns the shapes and the look-ups. Never does: change the catalog (see [`crate::disk::catalog`]).

use super::options::TableOptions;
use crate::disk::engine::TableStorage;
use cql::CqlType;
use cql::types::UserType;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ColumnKind {
    /// Part of the partition key.
    Partition,
    /// Part of the clustering key.
    Clustering,
    /// One value per partition.
    Static,
    /// One value per row.
    Regular,
}

impl ColumnKind {
    /// The name in `system_schema.columns`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Partition => "partition_key",
            Self::Clustering => "clustering",
            Self::Static => "static",
            Self::Regular => "regular",
        }
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    /// Names the column inside rows on disk; never reused within a table.
    pub(crate) id: u32,
    /// The name, case-folded.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) kind: ColumnKind,
    /// The type.
    pub(crate) ty: CqlType,
    /// Whether a clustering column sorts downwards.
    pub(crate) descending: bool,
}

/// A column that was dropped.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DroppedColumn {
    /// Its name.
    pub(crate) name: String,
    /// Its type's text.
    pub(crate) ty: String,
    /// Whether it was static.
    pub(crate) was_static: bool,
    /// When, microseconds.
    pub(crate) at: i64,
}

/// One table. Columns are in `SELECT *` order: partition key, clustering key, then static and regular
/// columns by name.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Its keyspace.
    pub(crate) keyspace: String,
    /// Its name.
    pub(crate) name: String,
    /// Its id.
    pub(crate) id: Uuid,
    /// All columns.
    pub(crate) columns: Vec<Column>,
    /// Columns of the partition key.
    pub(crate) partition_count: usize,
    /// Columns of the clustering key.
    pub(crate) clustering_count: usize,
    /// Options.
    pub(crate) options: TableOptions,
    /// The next column's id.
    pub(crate) next_column: u32,
    /// Columns that are gone.
    pub(crate) dropped: Vec<DroppedColumn>,
    /// Its rows; none for a table that is computed.
    pub(crate) storage: Option<Arc<TableStorage>>,
}

impl Table {
    /// The index of a column.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The columns of the partition key.
    pub(crate) fn partition_columns(&self) -> &[Column] {
        &self.columns[..self.partition_count]
    }

    /// The columns of the clustering key.
    pub(crate) fn clustering_columns(&self) -> &[Column] {
        &self.columns[self.partition_count..self.partition_count + self.clustering_count]
    }

    /// Static and regular columns.
    pub(crate) fn value_columns(&self) -> &[Column] {
        &self.columns[self.partition_count + self.clustering_count..]
    }

    /// Whether it has static columns.
    pub(crate) fn has_static(&self) -> bool {
        self.value_columns().iter().any(|column| column.kind == ColumnKind::Static)
    }

    /// Whether its regular columns are counters.
    pub(crate) fn is_counter(&self) -> bool {
        self.value_columns().iter().any(|column| column.ty == CqlType::Counter)
    }

    /// Puts the columns into `SELECT *` order.
    pub(crate) fn sort_columns(&mut self) {
        let keys = self.partition_count + self.clustering_count;
        self.columns[keys..].sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    }

    /// `keyspace.table` for messages.
    pub(crate) fn full_name(&self) -> String {
        format!("{}.{}", self.keyspace, self.name)
    }
}

/// One keyspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keyspace {
    /// Its name.
    pub(crate) name: String,
    /// `durable_writes`.
    pub(crate) durable_writes: bool,
    /// `replication`, `class` included.
    pub(crate) replication: BTreeMap<String, String>,
    /// User types by name.
    pub(crate) types: BTreeMap<String, Arc<UserType>>,
    /// Tables by name.
    pub(crate) tables: BTreeMap<String, Arc<Table>>,
    /// Whether its tables are computed and cannot be written.
    pub(crate) computed: bool,
}

/// Everything that exists, at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schema {
    /// Keyspaces by name, computed ones included.
    pub(crate) keyspaces: BTreeMap<String, Arc<Keyspace>>,
    /// Changes with each change of the schema.
    pub(crate) version: Uuid,
}

impl Schema {
    /// A table.
    pub(crate) fn table(&self, keyspace: &str, name: &str) -> Option<&Arc<Table>> {
        self.keyspaces.get(keyspace)?.tables.get(name)
    }

    /// The keyspaces that users made.
    pub(crate) fn user_keyspaces(&self) -> impl Iterator<Item = &Arc<Keyspace>> {
        self.keyspaces.values().filter(|keyspace| !keyspace.computed)
    }
}

/// The type with a user type replaced by its new definition, wherever it is used inside.
pub(crate) fn with_user_type(ty: &CqlType, new: &Arc<UserType>) -> CqlType {
    let inner = |ty: &CqlType| Box::new(with_user_type(ty, new));
    match ty {
        CqlType::List(of) => CqlType::List(inner(of)),
        CqlType::Set(of) => CqlType::Set(inner(of)),
        CqlType::Map(key, value) => CqlType::Map(inner(key), inner(value)),
        CqlType::Tuple(of) => CqlType::Tuple(of.iter().map(|ty| with_user_type(ty, new)).collect()),
        CqlType::Frozen(of) => CqlType::Frozen(inner(of)),
        CqlType::Vector(of, dimension) => CqlType::Vector(inner(of), *dimension),
        CqlType::Udt(old) if old.keyspace == new.keyspace && old.name == new.name => {
            CqlType::Udt(Arc::clone(new))
        }
        CqlType::Udt(old) => CqlType::Udt(Arc::new(UserType {
            keyspace: old.keyspace.clone(),
            name: old.name.clone(),
            fields: old
                .fields
                .iter()
                .map(|(name, ty)| (name.clone(), with_user_type(ty, new)))
                .collect(),
        })),
        other => other.clone(),
    }
}

/// Whether the type uses a user type anywhere inside.
pub(crate) fn uses_user_type(ty: &CqlType, keyspace: &str, name: &str) -> bool {
    let uses = |ty: &CqlType| uses_user_type(ty, keyspace, name);
    match ty {
        CqlType::List(of) | CqlType::Set(of) | CqlType::Frozen(of) | CqlType::Vector(of, _) => {
            uses(of)
        }
        CqlType::Map(key, value) => uses(key) || uses(value),
        CqlType::Tuple(of) => of.iter().any(uses),
        CqlType::Udt(udt) => {
            (udt.keyspace == keyspace && udt.name == name)
                || udt.fields.iter().any(|(_, ty)| uses(ty))
        }
        _ => false,
    }
}
