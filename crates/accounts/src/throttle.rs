//! How often a password may be tried for a name.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Attempts before a wait.
const FREE: u32 = 5;
/// The first wait; it doubles with each attempt.
const WAIT: Duration = Duration::from_secs(1);
/// The longest wait: a stranger who tries cannot keep the user out for longer.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// A name that was not tried for so long is forgotten.
const FORGET: Duration = Duration::from_secs(15 * 60);
/// Names remembered. When all are new, the oldest is forgotten: 10,000 * 100 bytes = 1 MB.
const NAMES_MAX: usize = 10_000;

/// The attempts of each name since its last success.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    tried: Mutex<HashMap<String, Tried>>,
}

#[derive(Debug, Clone, Copy)]
struct Tried {
    count: u32,
    last: Duration,
}

impl Tried {
    /// When the next attempt is looked at.
    fn next(self) -> Duration {
        match self.count.checked_sub(FREE) {
            None => self.last,
            Some(over) => self.last + WAIT_MAX.min(WAIT * 2_u32.saturating_pow(over.min(16))),
        }
    }
}

impl Throttle {
    /// Counts an attempt before it is looked at, so that many at once count as well; or says how long
    /// to wait.
    pub(crate) fn attempt(&self, name: &str, now: Duration) -> Result<(), Duration> {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tried.get(name)
            && known.next() > now
        {
            return Err(known.next() - now);
        }
        if tried.len() >= NAMES_MAX && !tried.contains_key(name) {
            tried.retain(|_, known| known.last + FORGET > now);
            let oldest = tried.iter().min_by_key(|(_, known)| known.last);
            let oldest = oldest.map(|(name, _)| name.clone());
            if let Some(oldest) = oldest.filter(|_| tried.len() >= NAMES_MAX) {
                tried.remove(&oldest);
            }
        }
        let known = tried.entry(name.to_owned()).or_insert(Tried { count: 0, last: now });
        if known.last + FORGET <= now {
            known.count = 0;
        }
        *known = Tried { count: known.count.saturating_add(1), last: now };
        Ok(())
    }

    /// Forgets the attempts of a name.
    pub(crate) fn succeeded(&self, name: &str) {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_000);

    #[test]
    fn after_five_attempts_each_waits_twice_as_long_up_to_a_minute() {
        let throttle = Throttle::default();
        let mut now = START;
        for _ in 0..FREE {
            assert_eq!(throttle.attempt("ann", now), Ok(()));
        }
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let wait = Duration::from_secs(seconds);
            assert_eq!(throttle.attempt("ann", now), Err(wait));
            assert_eq!(throttle.attempt("bob", now + FORGET * seconds as u32), Ok(()));
            now += wait;
            assert_eq!(throttle.attempt("ann", now), Ok(()));
        }
        throttle.succeeded("ann");
        assert_eq!(throttle.attempt("ann", now), Ok(()));
    }

    #[test]
    fn a_quarter_of_an_hour_without_attempts_is_a_new_start() {
        let throttle = Throttle::default();
        for _ in 0..FREE {
            assert_eq!(throttle.attempt("ann", START), Ok(()));
        }
        let later = START + FORGET;
        for _ in 0..FREE {
            assert_eq!(throttle.attempt("ann", later), Ok(()));
        }
        assert!(throttle.attempt("ann", later).is_err());
    }

    #[test]
    fn names_without_end_take_no_memory_without_end() {
        let throttle = Throttle::default();
        for number in 0..NAMES_MAX + 100 {
            let now = START + Duration::from_millis(number as u64);
            assert_eq!(throttle.attempt(&number.to_string(), now), Ok(()));
        }
        assert_eq!(throttle.tried.lock().unwrap().len(), NAMES_MAX);
    }
}
