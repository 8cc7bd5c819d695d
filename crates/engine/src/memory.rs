//! What a stream may hold of the engine's memory, and what it holds it for.

/// The least that a stream is given, however many there are: less would fetch record by record.
const LEAST_BYTES: usize = 4 << 20;
/// Into how many parts a share is cut. One is fetched ahead, one is the batch, four wait for commits (see
/// `COMMITS_AHEAD` in [`crate::stream`]), and two are for what is made of a batch.
const PARTS: usize = 8;

/// One stream's share of the engine's memory.
///
/// The state of windows and deduplication is not of it: the watermark bounds that, and `status` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryShare(usize);

impl MemoryShare {
    /// The share of each of `streams`, of `memory` bytes in all.
    #[must_use]
    pub fn of(memory: usize, streams: usize) -> Self {
        Self((memory / streams.max(1)).max(LEAST_BYTES))
    }

    /// Bytes of one part: fetched ahead, in one batch, or between two commits.
    #[must_use]
    pub fn part(self) -> usize {
        self.0 / PARTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_share_the_memory_evenly_and_none_gets_too_little_to_work() {
        assert_eq!(MemoryShare::of(256 << 20, 2).part(), 16 << 20);
        assert_eq!(MemoryShare::of(256 << 20, 0).part(), 32 << 20);
        assert_eq!(MemoryShare::of(1 << 20, 1_000).part(), 512 << 10);
    }
}
