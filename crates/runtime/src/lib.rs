//! The door to the world: clock, disk, durability and crash points.
//!
//! Everything that keeps bytes or asks for the time takes it from here, so that a test can set the
//! clock, drop unsynced writes, fill the disk, or end the process at a named step.
//!
//! Never does: know Kafka, CQL or SQL.

pub mod background;
pub mod clock;
pub mod crash;
pub mod disk;

pub use clock::{Clock, ManualClock, SystemClock};
pub use disk::{Disk, DiskFile, FaultDisk, RealDisk};

use std::sync::Arc;

/// When an acknowledged write is on disk. One setting for every embedded part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Acknowledged means on disk: one fsync is shared by all writes that wait for it.
    #[default]
    Group,
    /// Acknowledged means handed to the operating system, as Kafka and Cassandra do by default.
    Os,
}

/// The injected world, cheap to clone.
#[derive(Debug, Clone)]
pub struct World {
    /// Wall and monotonic time.
    pub clock: Arc<dyn Clock>,
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// When an acknowledged write is on disk.
    pub durability: Durability,
}

impl World {
    /// The machine's own clock and disk.
    #[must_use]
    pub fn real(durability: Durability) -> Self {
        Self { clock: Arc::new(SystemClock::new()), disk: Arc::new(RealDisk), durability }
    }
}
