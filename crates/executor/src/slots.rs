//! How many tries run at a time, and in which order they get their turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use thiserror::Error;
use tokio::sync::oneshot;

/// The line is full. Nothing was started; ask again once a try has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{waiting} tries wait for a slot already, and no more may (queue_max)")]
pub struct QueueFull {
    /// How many.
    pub waiting: usize,
}

/// Slots, given out in the order they were asked for.
#[derive(Debug, Clone)]
pub(crate) struct Slots(Arc<Mutex<Line>>);

#[derive(Debug)]
struct Line {
    free: usize,
    queue_max: usize,
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

/// The right to run one try. Dropping it gives it to the next in line.
#[derive(Debug)]
pub struct Slot(Option<Slots>);

/// A place in the line, taken when it was made.
#[derive(Debug)]
pub struct Place(oneshot::Receiver<Slot>);

impl Slots {
    pub(crate) fn new(count: usize, queue_max: usize) -> Self {
        Self(Arc::new(Mutex::new(Line { free: count.max(1), queue_max, waiting: VecDeque::new() })))
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place at the end of the line.
    pub(crate) fn queue(&self) -> Result<Place, QueueFull> {
        let (sender, receiver) = oneshot::channel();
        let mut line = self.lock();
        if line.free > 0 {
            line.free -= 1;
            drop(line);
            // The receiver is here, so nothing is lost.
            let _kept = sender.send(Slot(Some(self.clone())));
            return Ok(Place(receiver));
        }
        line.waiting.retain(|waiting| !waiting.is_closed());
        if line.waiting.len() >= line.queue_max {
            return Err(QueueFull { waiting: line.waiting.len() });
        }
        line.waiting.push_back(sender);
        Ok(Place(receiver))
    }

    /// Slots that nobody has.
    pub(crate) fn free(&self) -> usize {
        self.lock().free
    }

    /// Hands a slot to the next who still waits.
    fn give_back(&self) {
        loop {
            let mut line = self.lock();
            let Some(next) = line.waiting.pop_front() else {
                line.free += 1;
                return;
            };
            drop(line);
            match next.send(Slot(Some(self.clone()))) {
                Ok(()) => return,
                // Who waited has gone: the slot must not come back through its drop.
                Err(mut slot) => slot.0 = None,
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(slots) = self.0.take() {
            slots.give_back();
        }
    }
}

impl Place {
    /// Waits for the slot.
    pub async fn slot(self) -> Slot {
        match self.0.await {
            Ok(slot) => slot,
            // Senders live as long as the slots; without slots there is nothing to limit.
            Err(_) => Slot(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{QueueFull, Slots};

    #[tokio::test]
    async fn slots_are_given_in_the_order_they_were_asked_for() {
        let slots = Slots::new(1, 10);
        let first = slots.queue().unwrap().slot().await;
        let (second, third) = (slots.queue().unwrap(), slots.queue().unwrap());
        let third = tokio::spawn(async move { third.slot().await });
        tokio::task::yield_now().await;
        assert!(!third.is_finished());
        drop(first);
        let second = second.slot().await;
        tokio::task::yield_now().await;
        assert!(!third.is_finished(), "the third came before the second had ended");
        drop(second);
        drop(third.await.unwrap());
        assert_eq!(slots.free(), 1);
    }

    #[tokio::test]
    async fn who_leaves_the_line_takes_no_slot() {
        let slots = Slots::new(1, 1);
        let first = slots.queue().unwrap().slot().await;
        let second = slots.queue().unwrap();
        assert_eq!(slots.queue().err(), Some(QueueFull { waiting: 1 }));
        drop(second);
        let third = slots.queue().unwrap();
        drop(first);
        drop(third.slot().await);
        assert_eq!(slots.free(), 1);
    }
}
