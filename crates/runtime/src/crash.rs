//! Named steps at which a test may end the process as `kill -9` would.
//!
//! A crash point costs one relaxed load while none is armed.

use std::str::FromStr;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

macro_rules! steps {
    ($($name:ident $text:literal),* $(,)?) => {
        /// A step of the record's path whose completion is worth a crash.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "each step's name is its documentation")]
        pub enum Step { $($name),* }

        impl Step {
            /// Every step, in the order of a record's path.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The step's name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

steps! {
    BatchLogged "batch-logged",
    SinkWritten "sink-written",
    DeadLettersSent "dead-letters-sent",
    OffsetsSent "offsets-sent",
    TransactionCommitted "transaction-committed",
    CheckpointWritten "checkpoint-written",
    CheckpointReplaced "checkpoint-replaced",
    SegmentRolled "segment-rolled",
    Recovery "recovery",
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|step| step.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|step| step.name()).collect();
            format!("no crash step is named {text:?}; the steps are {}", names.join(", "))
        })
    }
}

const DISARMED: u8 = u8::MAX;
static ARMED: AtomicU8 = AtomicU8::new(DISARMED);
static LEFT: AtomicU32 = AtomicU32::new(0);

/// Arms one step: its `nth` passage (from 1) ends the process.
pub fn arm(step: Step, nth: u32) {
    LEFT.store(nth.max(1), Ordering::SeqCst);
    ARMED.store(step as u8, Ordering::SeqCst);
}

/// Ends the process with SIGKILL if this passage of `step` is the armed one.
#[inline]
pub fn point(step: Step) {
    if ARMED.load(Ordering::Relaxed) == step as u8 && LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
        // SIGKILL runs no destructor and flushes no buffer: what a power switch leaves of a process.
        let _unreachable =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_found_by_its_name() {
        for step in Step::ALL {
            assert_eq!(step.name().parse(), Ok(*step));
        }
        assert!("no-such".parse::<Step>().unwrap_err().contains("batch-logged"));
    }

    #[test]
    fn a_point_that_is_not_armed_does_nothing() {
        point(Step::Recovery);
    }
}
