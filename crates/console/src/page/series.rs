//! The series of the charts: whole in the page, the newest point in an event.

use std::collections::BTreeMap;

use serde_json::json;

use super::values::Values;
use crate::graph::Pipeline;
use crate::model::{History, Snapshot};

/// The newest point of each series, by key.
pub(crate) type Points = BTreeMap<String, f64>;

/// Series by key: `s0.rate` of a stream, `v.rate` of all.
fn all(snapshot: &Snapshot) -> BTreeMap<String, Vec<f64>> {
    let mut series = BTreeMap::new();
    let mut total = History::default();
    for (at, stream) in snapshot.streams.iter().enumerate() {
        let Some(history) = snapshot.history.get(&stream.name) else { continue };
        add(&mut total.rate, &history.rate, |sum, next| sum + next);
        add(&mut total.lag, &history.lag, |sum, next| sum + next);
        add(&mut total.p99, &history.p99, f64::max);
        for (name, points) in [
            ("rate", &history.rate),
            ("p50", &history.p50),
            ("p99", &history.p99),
            ("lag", &history.lag),
        ] {
            series.insert(format!("s{at}.{name}"), points.clone());
        }
    }
    series.insert("v.rate".to_owned(), total.rate);
    series.insert("v.lag".to_owned(), total.lag);
    series.insert("v.p99".to_owned(), total.p99);
    for points in series.values_mut() {
        for point in points {
            *point = (*point * 100.0).round() / 100.0;
        }
    }
    series
}

/// Joins two series at their newest points.
fn add(sum: &mut Vec<f64>, next: &[f64], join: fn(f64, f64) -> f64) {
    let missing = next.len().saturating_sub(sum.len());
    sum.splice(0..0, std::iter::repeat_n(0.0, missing));
    for (sum, next) in sum.iter_mut().rev().zip(next.iter().rev()) {
        *sum = join(*sum, *next);
    }
}

/// The newest points.
pub(crate) fn points(snapshot: &Snapshot) -> Points {
    let last = |(key, points): (String, Vec<f64>)| Some((key, *points.last()?));
    all(snapshot).into_iter().filter_map(last).collect()
}

/// What the script starts with, as JSON.
pub(crate) fn seed(snapshot: &Snapshot, pipelines: &[Pipeline], values: &Values) -> String {
    let edges: Vec<_> = pipelines
        .iter()
        .enumerate()
        .flat_map(|(at, pipeline)| {
            pipeline.edges.iter().map(move |edge| {
                json!([
                    format!("p{at}n{}", edge.from),
                    format!("p{at}n{}", edge.to),
                    format!("s{}", edge.stream),
                ])
            })
        })
        .collect();
    let seed = json!({
        "shape": super::shape::of(snapshot),
        "pointsMax": History::POINTS_MAX,
        "edges": edges,
        "series": all(snapshot),
        "flow": values.flow,
        "texts": values.text,
    });
    seed.to_string()
}
