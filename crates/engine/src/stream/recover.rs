//! From the journal back to where the stream was: check that topic and journal belong together, put the
//! state back, and run again what was planned but not committed.

use super::{Runner, StreamError};

impl Runner {
    /// Runs the pending batches again and takes up reading after them.
    ///
    /// # Errors
    /// What trying again does not help with.
    pub(super) fn recover(&mut self) -> Result<(), StreamError> {
        for plan in std::mem::take(&mut self.pending) {
            let stop = &self.stop;
            let stopped = || stop.load(std::sync::atomic::Ordering::Relaxed);
            let Some(records) = self.source.reread(&plan.ranges, stopped)? else {
                // Nothing is lost: the plans stay in the journal for the next start.
                return Ok(());
            };
            let since = self.world.clock.elapsed();
            self.process(&plan, records, since)?;
            self.uncommitted = self.uncommitted.max(1);
        }
        self.settle()?;
        let positions = self.checkpoint.marks.iter().map(|(p, mark)| (*p, mark.position)).collect();
        self.source.assign(&positions)?;
        self.show();
        Ok(())
    }
}
