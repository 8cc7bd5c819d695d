//! Timetables: from the last run to the next one.
//!
//! One variant per timetable of Airflow 3, with its rules: `catchup` decides whether what was missed is
//! made up for, a data interval says which stretch of time a run is about, and `run_after` when it may
//! start.

use crate::{Cron, Zone};
use chrono::{DateTime, Duration, Utc};

/// The stretch of time a run is about, from `start` up to and without `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataInterval {
    /// Its first moment.
    pub start: DateTime<Utc>,
    /// The moment after it.
    pub end: DateTime<Utc>,
}

impl DataInterval {
    /// A stretch of no length.
    #[must_use]
    pub fn exact(at: DateTime<Utc>) -> Self {
        Self { start: at, end: at }
    }
}

/// When a DAG may run at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restriction {
    /// Its `start_date`.
    pub earliest: Option<DateTime<Utc>>,
    /// Its `end_date`.
    pub latest: Option<DateTime<Utc>>,
    /// Whether runs that were missed are made up for.
    pub catchup: bool,
}

/// The run that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextRun {
    /// When it may start.
    pub run_after: DateTime<Utc>,
    /// What it is about. Its start is the run's logical date.
    pub interval: DataInterval,
}

impl From<DataInterval> for NextRun {
    fn from(interval: DataInterval) -> Self {
        Self { run_after: interval.end, interval }
    }
}

/// When a DAG runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timetable {
    /// Never by itself: `schedule=None`.
    Null,
    /// Once, as soon as it may: `@once`.
    Once,
    /// Again as soon as it has ended: `@continuous`.
    Continuous,
    /// At the times of a cron expression. What Airflow 3 makes of one.
    CronTrigger {
        /// The times.
        cron: Cron,
        /// Whose clocks.
        zone: Zone,
        /// Length of the data interval, which ends with the time; zero by default.
        interval: Duration,
    },
    /// At the end of each interval between two times of a cron expression. What Airflow 2 made of one.
    CronInterval {
        /// The times.
        cron: Cron,
        /// Whose clocks.
        zone: Zone,
    },
    /// So long after the last run.
    DeltaTrigger {
        /// How long; more than zero.
        delta: Duration,
        /// Length of the data interval.
        interval: Duration,
    },
    /// At the end of each interval of a fixed length.
    DeltaInterval {
        /// How long; more than zero.
        delta: Duration,
    },
}

impl Timetable {
    /// The run after `last`, the interval of the last one by schedule; `None` if there is none.
    #[must_use]
    pub fn next(
        &self,
        last: Option<DataInterval>,
        restriction: &Restriction,
        now: DateTime<Utc>,
    ) -> Option<NextRun> {
        let next = match self {
            Self::Null => return None,
            Self::Once if last.is_some() => return None,
            Self::Once => DataInterval::exact(restriction.earliest.unwrap_or(now)),
            Self::Continuous => continuous(last, restriction, now),
            Self::CronTrigger { interval, .. } | Self::DeltaTrigger { interval, .. } => {
                let end = self.next_trigger(last, restriction, now)?;
                DataInterval { start: end.checked_sub_signed(*interval)?, end }
            }
            Self::CronInterval { .. } | Self::DeltaInterval { .. } => {
                let start = self.next_start(last, restriction, now)?;
                if restriction.latest.is_some_and(|latest| start > latest) {
                    return None;
                }
                return Some(DataInterval { start, end: self.after(start)? }.into());
            }
        };
        restriction.latest.is_none_or(|latest| next.end <= latest).then(|| next.into())
    }

    /// What a run is about that somebody starts by hand at `run_after`.
    #[must_use]
    pub fn manual(&self, run_after: DateTime<Utc>) -> Option<DataInterval> {
        Some(match self {
            Self::Null | Self::Once | Self::Continuous => DataInterval::exact(run_after),
            Self::CronTrigger { interval, .. } | Self::DeltaTrigger { interval, .. } => {
                DataInterval { start: run_after.checked_sub_signed(*interval)?, end: run_after }
            }
            Self::CronInterval { .. } | Self::DeltaInterval { .. } => {
                let end = self.at_or_before(run_after)?;
                DataInterval { start: self.before(end)?, end }
            }
        })
    }

    fn next_trigger(
        &self,
        last: Option<DataInterval>,
        restriction: &Restriction,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let after_last = match last {
            Some(last) => Some(self.after(last.end)?),
            None if restriction.earliest.is_none() => Some(self.first_trigger(now)?),
            None => None,
        };
        let earliest = match restriction.earliest {
            Some(earliest) => Some(self.at_or_after(earliest)?),
            None => None,
        };
        if restriction.catchup {
            return after_last.or(earliest);
        }
        let current = self.at_or_before(now)?;
        Some(current.max(after_last.unwrap_or(current)).max(earliest.unwrap_or(current)))
    }

    /// The first time of a DAG that has no start: the last one if it has only just passed.
    fn first_trigger(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let past = self.at_or_before(now)?;
        if matches!(self, Self::DeltaTrigger { .. }) {
            return Some(past);
        }
        let next = self.at_or_after(now)?;
        let patience = ((next - past) / 10).max(Duration::minutes(5));
        Some(if now - past <= patience { past } else { next })
    }

    fn next_start(
        &self,
        last: Option<DataInterval>,
        restriction: &Restriction,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let earliest = match restriction.earliest {
            Some(earliest) => Some(self.at_or_after(earliest)?),
            None => None,
        };
        let earliest = if restriction.catchup {
            earliest
        } else {
            let latest = self.latest_start(now)?;
            Some(earliest.map_or(latest, |earliest| earliest.max(latest)))
        };
        let Some(last) = last else { return earliest };
        let aligned = self.at_or_before(last.end)?;
        let start = earliest.map_or(aligned, |earliest| earliest.max(aligned));
        // After a change of the schedule the start may fall on or before that of the last run.
        if start <= last.start { self.after(start) } else { Some(start) }
    }

    /// The start of the last whole interval before `now`.
    fn latest_start(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if let Self::DeltaInterval { delta } = self {
            let length = delta.num_microseconds().filter(|length| *length > 0)?;
            let over = now.timestamp_micros().rem_euclid(length);
            return now
                .checked_sub_signed(Duration::microseconds(over))?
                .checked_sub_signed(*delta);
        }
        let start = self.before(now)?;
        if self.after(start)? == now { Some(start) } else { self.before(start) }
    }

    /// The first time after a moment.
    fn after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::CronTrigger { cron, zone, .. } | Self::CronInterval { cron, zone } => {
                let local = zone.local(at);
                let next = cron.next(local)?;
                // By elapsed time, so that an hour that comes twice is used twice.
                if cron.every_hour() {
                    return at.checked_add_signed(next - local);
                }
                zone.moment(next)
            }
            Self::DeltaTrigger { delta, .. } | Self::DeltaInterval { delta } => {
                at.checked_add_signed(*delta)
            }
            Self::Null | Self::Once | Self::Continuous => None,
        }
    }

    /// The last time before a moment.
    fn before(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::CronTrigger { cron, zone, .. } | Self::CronInterval { cron, zone } => {
                let local = zone.local(at);
                let previous = cron.previous(local)?;
                if cron.every_hour() {
                    return at.checked_sub_signed(local - previous);
                }
                zone.moment(previous)
            }
            Self::DeltaTrigger { delta, .. } | Self::DeltaInterval { delta } => {
                at.checked_sub_signed(*delta)
            }
            Self::Null | Self::Once | Self::Continuous => None,
        }
    }

    fn at_or_after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if matches!(self, Self::DeltaTrigger { .. } | Self::DeltaInterval { .. }) {
            return Some(at);
        }
        let next = self.after(at)?;
        Some(if self.before(next)? == at { at } else { next })
    }

    fn at_or_before(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if matches!(self, Self::DeltaTrigger { .. } | Self::DeltaInterval { .. }) {
            return Some(at);
        }
        let previous = self.before(at)?;
        Some(if self.after(previous)? == at { at } else { previous })
    }
}

fn continuous(
    last: Option<DataInterval>,
    restriction: &Restriction,
    now: DateTime<Utc>,
) -> DataInterval {
    let start = restriction.earliest.unwrap_or(now);
    match last {
        None => DataInterval { start, end: start.max(now) },
        // The start lies in the future.
        Some(last) if last.end > now => {
            DataInterval { start, end: start + (last.end - last.start) }
        }
        Some(last) => DataInterval { start: last.end, end: now },
    }
}

#[cfg(test)]
mod tests;
