//! Where a test may end an orchestrator as a kill would: between two writes.

use crate::scheduler::Halt;

/// Asked at each place; true ends the orchestrator there.
#[cfg(test)]
pub(crate) type Question = std::sync::Arc<dyn Fn(&'static str) -> bool + Send + Sync>;

/// Ends nothing, outside of tests.
#[derive(Clone, Default)]
pub(crate) struct Cut {
    #[cfg(test)]
    pub(crate) question: Option<Question>,
}

impl Cut {
    /// Passes a place, or ends here.
    #[cfg(test)]
    pub(crate) fn here(&self, place: &'static str) -> Result<(), Halt> {
        match &self.question {
            Some(question) if question(place) => Err(Halt::Cut),
            _ => Ok(()),
        }
    }

    /// Passes a place.
    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "a test may end here")]
    pub(crate) fn here(&self, _place: &'static str) -> Result<(), Halt> {
        Ok(())
    }
}
