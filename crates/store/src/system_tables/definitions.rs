//! Which computed tables exist, and their columns as Cassandra 5.0 has them.
//!
//! Collections are declared frozen where Cassandra has them unfrozen: the values look the same.

use crate::table::options::TableOptions;
use crate::table::schema::{Column, ColumnKind, Keyspace, Table};
use cql::CqlType;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Keyspace, table, columns of the partition key, columns of the clustering key, all columns.
type Definition = (&'static str, &'static str, usize, usize, &'static str);

/// The options that `tables` and `views` share.
const TABLE_OPTIONS: &str = "additional_write_policy text; allow_auto_snapshot boolean; bloom_filter_fp_chance double; caching frozen<map<text, text>>; cdc boolean; comment text; compaction frozen<map<text, text>>; compression frozen<map<text, text>>; crc_check_chance double; dclocal_read_repair_chance double; default_time_to_live int; extensions frozen<map<text, blob>>; gc_grace_seconds int; id uuid; incremental_backups boolean; max_index_interval int; memtable text; memtable_flush_period_in_ms int; min_index_interval int; read_repair text; read_repair_chance double; speculative_retry text";

/// What `peers` and `peers_v2` share.
const PEER: &str = "data_center text; host_id uuid; preferred_ip inet; rack text; release_version text; schema_version uuid; tokens set<text>";

const DEFINITIONS: &[Definition] = &[
    (
        "system",
        "local",
        1,
        0,
        "key text; bootstrapped text; broadcast_address inet; broadcast_port int; cluster_name text; cql_version text; data_center text; gossip_generation int; host_id uuid; listen_address inet; listen_port int; native_protocol_version text; partitioner text; rack text; release_version text; rpc_address inet; rpc_port int; schema_version uuid; tokens set<text>; truncated_at map<uuid, blob>",
    ),
    ("system", "peers", 1, 0, "peer inet; rpc_address inet; PEER"),
    (
        "system",
        "peers_v2",
        1,
        1,
        "peer inet; peer_port int; native_address inet; native_port int; preferred_port int; PEER",
    ),
    (
        "system",
        "size_estimates",
        1,
        3,
        "keyspace_name text; table_name text; range_start text; range_end text; mean_partition_size bigint; partitions_count bigint",
    ),
    (
        "system",
        "built_views",
        1,
        1,
        "keyspace_name text; view_name text; status_replicated boolean",
    ),
    ("system", "IndexInfo", 1, 1, "table_name text; index_name text; value blob"),
    (
        "system_schema",
        "keyspaces",
        1,
        0,
        "keyspace_name text; durable_writes boolean; replication frozen<map<text, text>>",
    ),
    (
        "system_schema",
        "tables",
        1,
        1,
        "keyspace_name text; table_name text; flags frozen<set<text>>; OPTIONS",
    ),
    (
        "system_schema",
        "columns",
        1,
        2,
        "keyspace_name text; table_name text; column_name text; clustering_order text; column_name_bytes blob; kind text; position int; type text",
    ),
    (
        "system_schema",
        "dropped_columns",
        1,
        2,
        "keyspace_name text; table_name text; column_name text; dropped_time timestamp; kind text; type text",
    ),
    (
        "system_schema",
        "column_masks",
        1,
        2,
        "keyspace_name text; table_name text; column_name text; function_argument_nulls frozen<list<boolean>>; function_argument_types frozen<list<text>>; function_argument_values frozen<list<text>>; function_keyspace text; function_name text",
    ),
    (
        "system_schema",
        "triggers",
        1,
        2,
        "keyspace_name text; table_name text; trigger_name text; options frozen<map<text, text>>",
    ),
    (
        "system_schema",
        "views",
        1,
        1,
        "keyspace_name text; view_name text; base_table_id uuid; base_table_name text; include_all_columns boolean; where_clause text; OPTIONS",
    ),
    (
        "system_schema",
        "types",
        1,
        1,
        "keyspace_name text; type_name text; field_names frozen<list<text>>; field_types frozen<list<text>>",
    ),
    (
        "system_schema",
        "functions",
        1,
        2,
        "keyspace_name text; function_name text; argument_types frozen<list<text>>; argument_names frozen<list<text>>; body text; called_on_null_input boolean; language text; return_type text",
    ),
    (
        "system_schema",
        "aggregates",
        1,
        2,
        "keyspace_name text; aggregate_name text; argument_types frozen<list<text>>; final_func text; initcond text; return_type text; state_func text; state_type text",
    ),
    (
        "system_schema",
        "indexes",
        1,
        2,
        "keyspace_name text; table_name text; index_name text; kind text; options frozen<map<text, text>>",
    ),
    ("system_virtual_schema", "keyspaces", 1, 0, "keyspace_name text"),
    ("system_virtual_schema", "tables", 1, 1, "keyspace_name text; table_name text; comment text"),
    (
        "system_virtual_schema",
        "columns",
        1,
        2,
        "keyspace_name text; table_name text; column_name text; clustering_order text; column_name_bytes blob; kind text; position int; type text",
    ),
    (
        "system_views",
        "clients",
        1,
        1,
        "address inet; port int; connection_stage text; driver_name text; driver_version text; hostname text; keyspace_name text; protocol_version int; request_count bigint; ssl_cipher_suite text; ssl_enabled boolean; ssl_protocol text; username text",
    ),
    ("system_views", "settings", 1, 0, "name text; value text"),
    ("system_views", "disk_usage", 1, 1, "keyspace_name text; table_name text; mebibytes bigint"),
    (
        "system_traces",
        "sessions",
        1,
        0,
        "session_id uuid; client inet; command text; coordinator inet; coordinator_port int; duration int; parameters map<text, text>; request text; started_at timestamp",
    ),
    (
        "system_traces",
        "events",
        1,
        1,
        "session_id uuid; event_id timeuuid; activity text; source inet; source_elapsed int; source_port int; thread text",
    ),
];

/// Keyspaces that drivers learn from `system_virtual_schema` instead of `system_schema`.
pub(crate) const VIRTUAL: &[&str] = &["system_virtual_schema", "system_views"];

/// All computed keyspaces.
pub(crate) fn keyspaces() -> Vec<Keyspace> {
    let mut keyspaces: BTreeMap<&str, Keyspace> = BTreeMap::new();
    for (number, definition) in (1..).zip(DEFINITIONS) {
        let keyspace = keyspaces.entry(definition.0).or_insert_with(|| Keyspace {
            name: definition.0.to_owned(),
            durable_writes: true,
            replication: [(
                "class".to_owned(),
                "org.apache.cassandra.locator.LocalStrategy".to_owned(),
            )]
            .into(),
            computed: true,
            ..Keyspace::default()
        });
        let table = table(number, definition);
        keyspace.tables.insert(table.name.clone(), Arc::new(table));
    }
    keyspaces.into_values().collect()
}

fn table(number: u128, (keyspace, name, partition, clustering, columns): &Definition) -> Table {
    let columns = columns.replace("OPTIONS", TABLE_OPTIONS).replace("PEER", PEER);
    let mut parsed = Vec::new();
    for (at, column) in columns.split("; ").enumerate() {
        let (name, ty) = column.split_once(' ').unwrap_or((column, "text"));
        let kind = match at {
            at if at < *partition => ColumnKind::Partition,
            at if at < partition + clustering => ColumnKind::Clustering,
            _ => ColumnKind::Regular,
        };
        let ty = CqlType::parse(ty, &|_, _| None).unwrap_or(CqlType::Text);
        let id = u32::try_from(at).unwrap_or(u32::MAX);
        parsed.push(Column { id, name: name.to_owned(), kind, ty, descending: false });
    }
    let mut table = Table {
        keyspace: (*keyspace).to_owned(),
        name: (*name).to_owned(),
        // Fixed ids: drivers compare schemas between refreshes.
        id: Uuid::from_u128(0x6d69_6c6c_7374_3000_8000_0000_0000_0000 | number),
        next_column: u32::try_from(parsed.len()).unwrap_or(u32::MAX),
        columns: parsed,
        partition_count: *partition,
        clustering_count: *clustering,
        options: TableOptions::default(),
        dropped: Vec::new(),
        storage: None,
    };
    table.sort_columns();
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_a_computed_table_is_known() {
        for (_, name, _, _, columns) in DEFINITIONS {
            let columns = columns.replace("OPTIONS", TABLE_OPTIONS).replace("PEER", PEER);
            for column in columns.split("; ") {
                let (_, ty) = column.split_once(' ').unwrap();
                assert!(CqlType::parse(ty, &|_, _| None).is_ok(), "{name}: {column}");
            }
        }
    }
}
