//! Table options: stored and shown as Cassandra shows them.
//!
//! Two of them change what the store does: `default_time_to_live` and `gc_grace_seconds`. The others
//! are kept so that a schema can be described and moved to a cluster unchanged.

use std::collections::BTreeMap;

/// What kind of value an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OptionKind {
    /// `'text'`
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`
    Boolean,
    /// `{'a': 'b'}`
    Map,
}

/// Name, kind and default of every scalar option, in the order DESCRIBE prints.
pub(crate) const OPTIONS: &[(&str, OptionKind, &str)] = &[
    ("additional_write_policy", OptionKind::Text, "99p"),
    ("allow_auto_snapshot", OptionKind::Boolean, "true"),
    ("bloom_filter_fp_chance", OptionKind::Number, "0.01"),
    ("caching", OptionKind::Map, ""),
    ("cdc", OptionKind::Boolean, "false"),
    ("comment", OptionKind::Text, ""),
    ("compaction", OptionKind::Map, ""),
    ("compression", OptionKind::Map, ""),
    ("memtable", OptionKind::Text, "default"),
    ("crc_check_chance", OptionKind::Number, "1.0"),
    ("default_time_to_live", OptionKind::Integer, "0"),
    ("extensions", OptionKind::Map, ""),
    ("gc_grace_seconds", OptionKind::Integer, "864000"),
    ("incremental_backups", OptionKind::Boolean, "true"),
    ("max_index_interval", OptionKind::Integer, "2048"),
    ("memtable_flush_period_in_ms", OptionKind::Integer, "0"),
    ("min_index_interval", OptionKind::Integer, "128"),
    ("read_repair", OptionKind::Text, "BLOCKING"),
    ("speculative_retry", OptionKind::Text, "99p"),
];

/// The options of one table. Only what differs from the default is held.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TableOptions {
    /// Scalars in text form.
    pub(crate) scalars: BTreeMap<String, String>,
    /// Maps.
    pub(crate) maps: BTreeMap<String, BTreeMap<String, String>>,
}

impl TableOptions {
    /// A scalar in text form.
    pub(crate) fn scalar(&self, name: &str) -> &str {
        if let Some(value) = self.scalars.get(name) {
            return value;
        }
        OPTIONS.iter().find(|(option, ..)| *option == name).map_or("", |(.., default)| default)
    }

    /// A map.
    pub(crate) fn map(&self, name: &str) -> BTreeMap<String, String> {
        if let Some(value) = self.maps.get(name) {
            return value.clone();
        }
        let pairs: &[(&str, &str)] = match name {
            "caching" => &[("keys", "ALL"), ("rows_per_partition", "NONE")],
            "compaction" => &[
                ("class", "org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy"),
                ("max_threshold", "32"),
                ("min_threshold", "4"),
            ],
            "compression" => &[
                ("chunk_length_in_kb", "16"),
                ("class", "org.apache.cassandra.io.compress.LZ4Compressor"),
            ],
            _ => &[],
        };
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    /// Seconds that a value lives when its write says nothing; 0 for ever.
    pub(crate) fn default_ttl(&self) -> i32 {
        self.scalar("default_time_to_live").parse().unwrap_or(0)
    }

    /// Seconds that a deletion is kept.
    pub(crate) fn gc_grace(&self) -> i64 {
        self.scalar("gc_grace_seconds").parse().unwrap_or(864_000)
    }
}
