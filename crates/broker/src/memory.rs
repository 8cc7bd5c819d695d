//! The memory of requests on their way in and of records on their way out, over all connections.
//!
//! A large request is read only once it has its share, so that many senders cannot fill the machine; a
//! fetch takes what is free and answers with less when that is little. What waits for a slow peer gives
//! its share back after a time that its size allows, with the connection. Kafka's
//! `queued.max.request.bytes` bounds the requests alone.
//!
//! Small requests are not counted: the number of connections bounds them.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A request of at most this many bytes needs no share.
pub(crate) const FREE_BYTES: usize = 64 * 1_024;
/// The unit of shares.
const UNIT_BYTES: usize = 1_024;
/// Slower than this, a peer that holds a share is not waited for.
const LEAST_BYTES_PER_SECOND: usize = 16 * 1_024;
/// What every peer is given beside that.
const PATIENCE: Duration = Duration::from_secs(60);

/// The memory, as shares.
#[derive(Debug)]
pub(crate) struct Memory {
    units: Arc<Semaphore>,
    total: u32,
}

/// Some of the memory; free again when dropped.
#[derive(Debug)]
pub(crate) struct Share(OwnedSemaphorePermit);

impl Memory {
    pub(crate) fn new(bytes: usize) -> Self {
        let most = Semaphore::MAX_PERMITS.min(u32::MAX as usize);
        let units = (bytes / UNIT_BYTES).clamp(1, most);
        Self {
            units: Arc::new(Semaphore::new(units)),
            total: u32::try_from(units).unwrap_or(u32::MAX),
        }
    }

    /// A share for a request of this length and for as much again that is made of it. Waits for it; one
    /// that is larger than all the memory waits for all of it. None when the broker has gone.
    pub(crate) async fn for_request(&self, length: usize) -> Option<Share> {
        self.take(self.units_of(length.saturating_mul(2))).await
    }

    /// A share for a response of up to `wanted` bytes, and how many bytes it is good for: what is free,
    /// if that is at least `least`; otherwise waits for `least`. The records are held twice while the
    /// response is put together.
    pub(crate) async fn for_response(&self, wanted: usize, least: usize) -> Option<(usize, Share)> {
        let least = self.units_of(least.saturating_mul(2));
        let wanted = self.units_of(wanted.saturating_mul(2)).max(least);
        let free = u32::try_from(self.units.available_permits()).unwrap_or(u32::MAX);
        let units = Arc::clone(&self.units);
        let share = match units.try_acquire_many_owned(wanted.min(free).max(least)) {
            Ok(permit) => Share(permit),
            Err(_taken) => self.take(least).await?,
        };
        Some((share.bytes() / 2, share))
    }

    async fn take(&self, units: u32) -> Option<Share> {
        Arc::clone(&self.units).acquire_many_owned(units).await.ok().map(Share)
    }

    fn units_of(&self, bytes: usize) -> u32 {
        u32::try_from(bytes / UNIT_BYTES + 1).unwrap_or(u32::MAX).min(self.total)
    }
}

impl Share {
    fn bytes(&self) -> usize {
        self.0.num_permits() * UNIT_BYTES
    }

    /// Gives back what is over `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let units = (bytes / UNIT_BYTES + 1).min(self.0.num_permits());
        drop(self.0.split(self.0.num_permits() - units));
    }
}

/// How long a peer may take to send or to receive this many bytes while it holds a share of them.
pub(crate) fn patience(bytes: usize) -> Duration {
    PATIENCE + Duration::from_secs((bytes / LEAST_BYTES_PER_SECOND) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_request_waits_until_another_one_is_done() {
        let memory = Memory::new(1 << 20);
        let first = memory.for_request(400_000).now_or_never().flatten();
        assert!(first.is_some());
        assert!(memory.for_request(400_000).now_or_never().is_none());
        drop(first);
        assert!(memory.for_request(400_000).now_or_never().is_some());
    }

    #[test]
    fn a_request_larger_than_the_memory_gets_all_of_it() {
        let memory = Memory::new(1 << 20);
        let share = memory.for_request(100 << 20).now_or_never().flatten().unwrap();
        assert!(memory.for_request(FREE_BYTES).now_or_never().is_none());
        drop(share);
        assert!(memory.for_request(FREE_BYTES).now_or_never().is_some());
    }

    #[test]
    fn a_response_takes_what_is_free_and_gives_back_what_it_did_not_need() {
        let memory = Memory::new(8 << 20);
        let (bytes, mut first) =
            memory.for_response(50 << 20, 1 << 20).now_or_never().flatten().unwrap();
        assert_eq!(bytes, 4 << 20);
        assert!(memory.for_response(50 << 20, 1 << 20).now_or_never().is_none());
        first.shrink_to(2 << 20);
        let (bytes, _second) =
            memory.for_response(50 << 20, 1 << 20).now_or_never().flatten().unwrap();
        assert!((2 << 20..4 << 20).contains(&bytes), "{bytes}");
    }

    #[test]
    fn a_large_request_is_given_more_time_than_a_small_one() {
        assert_eq!(patience(0), Duration::from_secs(60));
        assert_eq!(patience(16 << 20), Duration::from_secs(60 + 1_024));
    }
}
