//! Where the boxes of ordered layers stand.

use std::collections::BTreeMap;

use super::Frame;
use super::layers::{Layers, Spot};

/// Between two layers.
const LAYER_GAP: f64 = 62.0;
/// Between two boxes of a layer.
const BOX_GAP: f64 = 18.0;
/// Height that an arrow takes where it passes a layer.
const POINT_HEIGHT: f64 = 6.0;
/// Rounds of moving boxes to their neighbours.
const ROUNDS: usize = 8;

/// Boxes with their places.
#[derive(Debug, Clone, Default)]
pub(super) struct Placed {
    pub(super) width: f64,
    pub(super) height: f64,
    /// By member.
    pub(super) frames: Vec<Frame>,
    pub(super) routes: BTreeMap<(usize, usize), Vec<(f64, f64)>>,
}

/// Places the boxes of these sizes, by member.
pub(super) fn of(layers: &Layers, sizes: &[(f64, f64)]) -> Placed {
    let height = |spot: usize| match layers.spots[spot] {
        Spot::Member(member) => sizes[member].1,
        Spot::Point(_) => POINT_HEIGHT,
    };
    let heights: Vec<f64> = (0..layers.spots.len()).map(height).collect();
    let middles = middles(layers, &heights);
    let mut placed = Placed { frames: vec![Frame::default(); sizes.len()], ..Placed::default() };
    let mut x = 0.0;
    for row in &layers.rows {
        let wide = row.iter().filter_map(|spot| match layers.spots[*spot] {
            Spot::Member(member) => Some(sizes[member].0),
            Spot::Point(_) => None,
        });
        let width = wide.fold(0.0, f64::max);
        for spot in row {
            let middle = middles[*spot];
            match layers.spots[*spot] {
                Spot::Member(member) => {
                    let (own, height) = sizes[member];
                    let y = middle - height / 2.0;
                    placed.frames[member] =
                        Frame { x: x + (width - own) / 2.0, y, width: own, height };
                }
                Spot::Point(edge) => {
                    placed
                        .routes
                        .entry(edge)
                        .or_default()
                        .extend([(x, middle), (x + width, middle)]);
                }
            }
            placed.height = placed.height.max(middle + heights[*spot] / 2.0);
        }
        placed.width = x + width;
        x += width + LAYER_GAP;
    }
    placed
}

/// The middle of each spot, the uppermost edge at 0.
fn middles(layers: &Layers, heights: &[f64]) -> Vec<f64> {
    let mut middles = vec![0.0; heights.len()];
    for row in &layers.rows {
        let mut y = 0.0;
        for spot in row {
            middles[*spot] = y + heights[*spot] / 2.0;
            y += heights[*spot] + BOX_GAP;
        }
    }
    let count = layers.rows.len();
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            (1..count).for_each(|row| pull(layers, row, &layers.before, heights, &mut middles));
        } else {
            (0..count)
                .rev()
                .for_each(|row| pull(layers, row, &layers.after, heights, &mut middles));
        }
    }
    let tops = middles.iter().zip(heights).map(|(middle, height)| middle - height / 2.0);
    let top = tops.fold(f64::INFINITY, f64::min);
    middles.iter().map(|middle| middle - top).collect()
}

/// Moves the boxes of a layer as near to the middle of their neighbours as their order and heights
/// allow: the least sum of squares.
fn pull(layers: &Layers, row: usize, joined: &[Vec<usize>], heights: &[f64], middles: &mut [f64]) {
    let row = &layers.rows[row];
    let mut shift = 0.0;
    let mut shifts = Vec::with_capacity(row.len());
    // Runs of boxes that touch: how many, and the sum of where they want to be.
    let mut runs: Vec<(f64, f64)> = Vec::new();
    for (at, spot) in row.iter().enumerate() {
        if let Some(above) = at.checked_sub(1).and_then(|at| row.get(at)) {
            shift += f64::midpoint(heights[*above], heights[*spot]) + BOX_GAP;
        }
        shifts.push(shift);
        let wanted = median(&joined[*spot], middles).unwrap_or(middles[*spot]) - shift;
        runs.push((1.0, wanted));
        while let [.., one, other] = runs.as_slice()
            && one.1 / one.0 >= other.1 / other.0
        {
            let merged = (one.0 + other.0, one.1 + other.1);
            runs.truncate(runs.len() - 2);
            runs.push(merged);
        }
    }
    let mut at = 0;
    for (count, sum) in runs {
        let mut left = count;
        while left > 0.5 {
            if let (Some(spot), Some(shift)) = (row.get(at), shifts.get(at)) {
                middles[*spot] = sum / count + shift;
            }
            at += 1;
            left -= 1.0;
        }
    }
}

fn median(spots: &[usize], middles: &[f64]) -> Option<f64> {
    let mut places: Vec<f64> = spots.iter().map(|spot| middles[*spot]).collect();
    places.sort_by(f64::total_cmp);
    let half = places.len() / 2;
    let upper = *places.get(half)?;
    if places.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*places.get(half.checked_sub(1)?)?, upper))
}
