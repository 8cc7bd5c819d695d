//! The last hours of some numbers, kept in this process: a point per second for an hour, a point per ten
//! seconds for a day.
//!
//! Limits: [`SERIES_MAX`] series; each grows to 12,240 points of four bytes. A series that gets no point
//! for a day is forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// Series at most: 48 KiB each when full.
const SERIES_MAX: usize = 600;
/// Seconds per point and points, for the last hour and for the last day.
const RINGS: [(i64, usize); 2] = [(1, 3_600), (10, 8_640)];
/// The least that a chart shows.
const SECONDS_MIN: i64 = 300;
/// Points of one answer at most.
const POINTS_MAX: usize = 400;

/// All series.
#[derive(Debug, Default)]
pub(crate) struct Charts {
    series: Mutex<BTreeMap<String, Series>>,
}

#[derive(Debug, Clone, Default)]
struct Series {
    rings: [Ring; 2],
}

/// Points of equal distance, the newest last. Where nothing was seen stands NaN.
#[derive(Debug, Clone, Default)]
struct Ring {
    points: VecDeque<f32>,
    /// The slot of the newest point.
    newest: i64,
    /// How many values the newest point is the mean of.
    count: f32,
}

/// Some of a series, for a chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Window {
    /// The series.
    pub(crate) name: String,
    /// Seconds between points.
    pub(crate) step: i64,
    /// When the last point is, milliseconds since the Unix epoch.
    pub(crate) end: i64,
    /// The points, oldest first; null where nothing was seen.
    pub(crate) points: Vec<Option<f32>>,
}

impl Charts {
    /// Adds what was seen at one moment.
    pub(crate) fn add(&self, at_ms: i64, values: impl IntoIterator<Item = (String, f64)>) {
        let mut series = self.lock();
        for (name, value) in values {
            if !series.contains_key(&name) && series.len() >= SERIES_MAX {
                continue;
            }
            let one = series.entry(name).or_default();
            for (ring, (step, points_max)) in one.rings.iter_mut().zip(RINGS) {
                #[expect(clippy::cast_possible_truncation, reason = "a chart has few digits")]
                ring.add(at_ms.div_euclid(1_000 * step), value as f32, points_max);
            }
        }
        let (step, points_max) = RINGS[1];
        let oldest = at_ms.div_euclid(1_000 * step) - i64::try_from(points_max).unwrap_or(i64::MAX);
        series.retain(|_, one| one.rings[1].newest >= oldest);
    }

    /// The last `seconds` of some series, for one chart. What lies before anything was seen is left out,
    /// down to five minutes.
    pub(crate) fn windows(&self, names: &[&str], seconds: i64, now_ms: i64) -> Vec<Window> {
        let ring = usize::from(seconds > 3_600);
        let (step, points_max) = RINGS[ring];
        let end = now_ms.div_euclid(1_000 * step);
        let count = |seconds: i64| usize::try_from(seconds / step).unwrap_or(0);
        let all = self.lock();
        let known = names.iter().filter_map(|name| all.get(*name)?.rings[ring].since(end)).max();
        let wanted = count(seconds).clamp(1, points_max);
        let wanted = wanted.min(known.unwrap_or(0).max(count(SECONDS_MIN)));
        let window = |name: &&str| {
            let points = all.get(*name).map(|one| one.rings[ring].last(wanted, end));
            let points = points.unwrap_or_else(|| vec![None; wanted]);
            let chunk = points.len().div_ceil(POINTS_MAX).max(1);
            let points = points.rchunks(chunk).rev().map(mean).collect();
            let step = step * i64::try_from(chunk).unwrap_or(1);
            Window { name: (*name).to_owned(), step, end: now_ms, points }
        };
        names.iter().map(window).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Series>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The mean of what was seen.
fn mean(points: &[Option<f32>]) -> Option<f32> {
    let (mut sum, mut count) = (0.0, 0.0_f32);
    for point in points.iter().flatten() {
        sum += point;
        count += 1.0;
    }
    (count > 0.0).then(|| (sum / count * 1_000.0).round() / 1_000.0)
}

impl Ring {
    /// Adds a value to its slot; slots that were left out stay empty. A clock that steps back adds to
    /// the newest slot.
    fn add(&mut self, slot: i64, value: f32, points_max: usize) {
        if !value.is_finite() {
            return;
        }
        if let Some(newest) = self.points.back_mut()
            && slot <= self.newest
        {
            *newest = (*newest * self.count + value) / (self.count + 1.0);
            self.count += 1.0;
            return;
        }
        let skipped = if self.points.is_empty() { 0 } else { slot - self.newest - 1 };
        let skipped = usize::try_from(skipped).unwrap_or(0).min(points_max);
        self.points.extend(std::iter::repeat_n(f32::NAN, skipped));
        self.points.push_back(value);
        while self.points.len() > points_max {
            self.points.pop_front();
        }
        self.newest = slot;
        self.count = 1.0;
    }

    /// Slots from the first point up to slot `end`; none without points.
    fn since(&self, end: i64) -> Option<usize> {
        let ahead = usize::try_from(end - self.newest).unwrap_or(0);
        (!self.points.is_empty()).then(|| self.points.len().saturating_add(ahead))
    }

    /// The last points up to slot `end`.
    fn last(&self, wanted: usize, end: i64) -> Vec<Option<f32>> {
        let ahead = usize::try_from(end - self.newest).unwrap_or(0).min(wanted);
        let known = self.points.len().min(wanted - ahead);
        let missing = wanted - ahead - known;
        let kept = self.points.iter().skip(self.points.len() - known);
        let kept = kept.map(|point| Some(*point).filter(|point| point.is_finite()));
        let mut points = vec![None; missing];
        points.extend(kept);
        points.extend(std::iter::repeat_n(None, ahead));
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_608_000_000;

    fn add(charts: &Charts, second: i64, value: f64) {
        charts.add(NOW + second * 1_000, [("a".to_owned(), value)]);
    }

    #[test]
    fn seconds_that_were_not_seen_are_gaps() {
        let charts = Charts::default();
        add(&charts, 0, 1.0);
        add(&charts, 1, 2.0);
        add(&charts, 4, 5.0);
        let windows = charts.windows(&["a", "b"], 6, NOW + 5_000);
        let points = [Some(1.0), Some(2.0), None, None, Some(5.0), None];
        assert_eq!((windows[0].points.as_slice(), windows[0].step), (&points[..], 1));
        assert_eq!(windows[1].points, [None; 6]);
    }

    #[test]
    fn a_day_is_kept_in_means_of_ten_seconds() {
        let charts = Charts::default();
        for second in 0..40 {
            add(&charts, second, if second < 10 { 2.0 } else { 4.0 });
        }
        let window = charts.windows(&["a"], 7_200, NOW + 39_000).remove(0);
        assert_eq!((window.step, window.points.len()), (10, 30), "what was not seen is left out");
        assert_eq!(&window.points[26..], [Some(2.0), Some(4.0), Some(4.0), Some(4.0)]);
    }

    #[test]
    fn an_hour_is_never_outgrown() {
        let charts = Charts::default();
        for second in 0..4_000 {
            add(&charts, second, 1.0);
        }
        assert_eq!(charts.lock()["a"].rings[0].points.len(), 3_600);
        charts.add(NOW + 100_000_000, [("b".to_owned(), 1.0)]);
        assert!(!charts.lock().contains_key("a"), "a day without a point");
    }

    #[test]
    fn strangers_names_do_not_fill_the_memory() {
        let charts = Charts::default();
        charts.add(NOW, (0..SERIES_MAX * 2).map(|one| (one.to_string(), 1.0)));
        assert_eq!(charts.lock().len(), SERIES_MAX);
    }
}
