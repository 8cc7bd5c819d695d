//! Space back from what has expired: a filter that compactions pass each row through.
//!
//! Drops cells and deletions inside a row once they are older than the table's grace period, and the
//! row when nothing is left. Records of partition and range deletions are never touched: rows they
//! cover may still lie beneath.
//!
//! Never does: decide what a SELECT sees; that depends on the clock alone.

use super::engine::PURGEABLE_AFTER_DEFAULT;
use crate::table::key;
use crate::table::row::Row;
use bytes::Bytes;
use fjall::compaction::filter::{
    CompactionFilter, CompactionFilterResult, Context, Factory, ItemAccessor, Verdict,
};
use runtime::Clock;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

/// Grace periods of the open tables by file name, seconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct GracePeriods(Arc<Mutex<HashMap<String, i64>>>);

impl GracePeriods {
    /// Sets a table's grace period.
    pub(crate) fn set(&self, table: String, seconds: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(table, seconds);
    }

    /// Forgets a table.
    pub(crate) fn remove(&self, table: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(table);
    }

    fn of(&self, table: &str) -> i64 {
        let periods = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        periods.get(table).copied().unwrap_or(PURGEABLE_AFTER_DEFAULT)
    }
}

/// Makes a filter for each compaction of one table.
pub(crate) struct Expiry {
    table: String,
    periods: GracePeriods,
    clock: AssertUnwindSafe<Arc<dyn Clock>>,
}

impl Expiry {
    /// The filter of a table.
    pub(crate) fn new(table: &str, periods: GracePeriods, clock: Arc<dyn Clock>) -> Self {
        Self { table: table.to_owned(), periods, clock: AssertUnwindSafe(clock) }
    }
}

impl Factory for Expiry {
    fn name(&self) -> &str {
        "expiry"
    }

    fn make_filter(&self, _: &Context) -> Box<dyn CompactionFilter> {
        let now = self.clock.wall_micros().div_euclid(1_000_000);
        Box::new(Filter { dead_before: now.saturating_sub(self.periods.of(&self.table)) })
    }
}

struct Filter {
    dead_before: i64,
}

impl CompactionFilter for Filter {
    fn filter_item(&mut self, item: ItemAccessor<'_>, _: &Context) -> CompactionFilterResult {
        let rows = |split: &key::Split<'_>| matches!(split.kind, key::ROW | key::STATIC);
        if key::split(item.key()).filter(rows).is_none() {
            return Ok(Verdict::Keep);
        }
        let Some(mut row) = Row::decode(Bytes::copy_from_slice(&item.value()?)) else {
            // A damaged row stays: the read that meets it says so.
            return Ok(Verdict::Keep);
        };
        let before = row.clone();
        if !row.purge(self.dead_before) {
            return Ok(Verdict::Remove);
        }
        if row == before {
            return Ok(Verdict::Keep);
        }
        Ok(Verdict::ReplaceValue(row.encode().into()))
    }
}

#[cfg(test)]
mod tests {
    use crate::disk::engine::Engine;
    use crate::settings::Settings;
    use crate::table::cell::{Cell, Content, Deletion};
    use crate::table::key;
    use crate::table::row::{Column, Row};
    use bytes::Bytes;
    use runtime::{Durability, ManualClock, World};
    use std::sync::Arc;
    use std::time::Duration;
    use uuid::Uuid;

    fn cell(expires_at: Option<i64>) -> Column {
        let value = Bytes::from_static(b"v");
        let content = match expires_at {
            None => Content::Live(value),
            Some(expires_at) => Content::Expiring { value, ttl: 1, expires_at },
        };
        Column::Simple(Cell { timestamp: 1, content })
    }

    #[test]
    fn compaction_drops_what_is_past_its_grace_and_keeps_deletions_of_partitions() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(1_000_000_000));
        let mut world = World::real(Durability::Os);
        world.clock = Arc::clone(&clock) as _;
        let settings = Settings::new(directory.path().to_owned(), ([127, 0, 0, 1], 0).into());
        let engine = Engine::open(&settings, &world).unwrap();
        let table = engine.table(Uuid::new_v4(), 100).unwrap();
        let prefix = key::partition_prefix(b"k").unwrap();
        let rows = [vec![(1, cell(Some(1_001)))], vec![(1, cell(Some(1_001))), (2, cell(None))]];
        let mut batch = engine.batch();
        for (at, columns) in (0..).zip(rows) {
            let row = Row { columns, ..Row::default() };
            batch.put(&table, key::row(&prefix, &[at]), row.encode());
        }
        let deletion = Some(Deletion { timestamp: 0, made_at: 1 });
        let gone = Row { deletion, ..Row::default() };
        let record = key::record(&prefix, key::PARTITION_DELETION);
        batch.put(&table, record.clone(), gone.encode());
        batch.commit().unwrap();

        engine.compact(&table).unwrap();
        assert!(table.get(&key::row(&prefix, &[0])).unwrap().is_some(), "within its grace");
        clock.advance(Duration::from_secs(200));
        engine.compact(&table).unwrap();
        assert_eq!(table.get(&key::row(&prefix, &[0])).unwrap(), None);
        let left = Row::decode(table.get(&key::row(&prefix, &[1])).unwrap().unwrap()).unwrap();
        assert_eq!(left.columns, [(2, cell(None))]);
        assert!(table.get(&record).unwrap().is_some());
    }
}
