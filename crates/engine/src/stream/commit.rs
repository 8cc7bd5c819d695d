//! Steps 3 and 4: the transaction, then the journal. In this order: a batch whose transaction is in
//! Kafka but not in the journal runs again without its records; the other way round they would be lost.

use super::{Runner, StreamError};
use crate::kafka::Offsets;

impl Runner {
    /// Commits every batch since the last commit.
    ///
    /// # Errors
    /// The stream must then start again from its journal, which finds out what the cluster has.
    pub(super) fn commit(&mut self) -> Result<(), StreamError> {
        if self.uncommitted == 0 {
            return Ok(());
        }
        let batch = self.checkpoint.batch;
        if batch > self.sent {
            let next = self.checkpoint.marks.iter().map(|(p, mark)| (*p, mark.position)).collect();
            let offsets =
                Offsets { topic: self.sides.source.clone(), next, note: format!("batch {batch}") };
            self.outputs.commit(&self.outgoing, &offsets, &self.group)?;
            self.sent = batch;
        }
        self.outgoing.clear();
        let changes = self.operators.drain_changes();
        let operators = &self.operators;
        self.journal.commit(&self.checkpoint, changes, || operators.snapshot())?;
        self.uncommitted = 0;
        self.committed_at = self.world.clock.elapsed();
        self.show();
        Ok(())
    }
}

/// The batch that a commit's note names.
pub(crate) fn batch_of(note: &str) -> Option<u64> {
    note.strip_prefix("batch ")?.split(' ').next()?.parse().ok()
}
