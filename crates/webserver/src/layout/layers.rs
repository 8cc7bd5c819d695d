//! Which layer each box stands in, and in which order.

use std::collections::{BTreeMap, BTreeSet};

/// Rounds of ordering. Each goes once forwards and once backwards.
const ROUNDS: usize = 6;
/// Points that arrows over several layers pass, in all. With more, arrows go straight.
const POINTS_MAX: usize = 20_000;

/// A box, or a point that an arrow over several layers passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    Member(usize),
    /// The arrow it belongs to.
    Point((usize, usize)),
}

/// Spots in layers, and what is joined to what in the layer before.
#[derive(Debug, Clone, Default)]
pub(super) struct Layers {
    /// Spots by number.
    pub(super) spots: Vec<Spot>,
    /// The numbers of the spots of each layer, in order.
    pub(super) rows: Vec<Vec<usize>>,
    /// For each spot those in the layer before that lead to it.
    pub(super) before: Vec<Vec<usize>>,
    /// For each spot those in the layer after that it leads to.
    pub(super) after: Vec<Vec<usize>>,
}

/// Puts `count` boxes into layers. `edges` may go in a circle, as those between groups can; then one
/// arrow leads back.
pub(super) fn of(count: usize, edges: &BTreeSet<(usize, usize)>) -> Layers {
    let edges: Vec<(usize, usize)> =
        edges.iter().copied().filter(|(from, to)| from != to).collect();
    let rank = ranks(count, &edges);
    let mut layers = Layers {
        spots: (0..count).map(Spot::Member).collect(),
        rows: vec![Vec::new(); rank.iter().max().map_or(0, |last| last + 1)],
        before: vec![Vec::new(); count],
        after: vec![Vec::new(); count],
    };
    for (member, rank) in rank.iter().enumerate() {
        layers.rows[*rank].push(member);
    }
    let forward = edges.iter().filter(|(from, to)| rank[*from] < rank[*to]);
    let points: usize = forward.clone().map(|(from, to)| rank[*to] - rank[*from] - 1).sum();
    for edge in forward {
        let (from, to) = (rank[edge.0], rank[edge.1]);
        if points > POINTS_MAX && to - from > 1 {
            continue;
        }
        let mut last = edge.0;
        for row in from + 1..to {
            let point = layers.spots.len();
            layers.spots.push(Spot::Point(*edge));
            layers.before.push(Vec::new());
            layers.after.push(Vec::new());
            layers.rows[row].push(point);
            layers.join(last, point);
            last = point;
        }
        layers.join(last, edge.1);
    }
    layers.order();
    layers
}

/// The longest way from a start to each; a start stands right before what follows it.
fn ranks(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut after: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut open = vec![0_usize; count];
    for (from, to) in edges {
        after.entry(*from).or_default().push(*to);
        open[*to] += 1;
    }
    let starts: Vec<bool> = open.iter().map(|open| *open == 0).collect();
    let mut rank = vec![0; count];
    let mut left: BTreeSet<usize> = (0..count).collect();
    let mut ready: BTreeSet<usize> = left.iter().copied().filter(|at| open[*at] == 0).collect();
    while let Some(next) = ready.pop_first().or_else(|| left.first().copied()) {
        left.remove(&next);
        for to in after.get(&next).into_iter().flatten().filter(|to| left.contains(to)) {
            rank[*to] = rank[*to].max(rank[next] + 1);
            open[*to] -= 1;
            if open[*to] == 0 {
                ready.insert(*to);
            }
        }
    }
    for at in (0..count).filter(|at| starts[*at]) {
        let nearest = after.get(&at).into_iter().flatten().map(|to| rank[*to]).min();
        rank[at] = nearest.map_or(0, |nearest: usize| nearest.saturating_sub(1));
    }
    rank
}

impl Layers {
    fn join(&mut self, from: usize, to: usize) {
        self.after[from].push(to);
        self.before[to].push(from);
    }

    /// Moves each spot to the middle of its neighbours, and keeps the order with the fewest crossings.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.rows.clone());
        for _ in 0..ROUNDS {
            if best.0 == 0 {
                break;
            }
            for row in 1..self.rows.len() {
                self.sort(row, row - 1, true);
            }
            for row in (0..self.rows.len().saturating_sub(1)).rev() {
                self.sort(row, row + 1, false);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    fn sort(&mut self, row: usize, beside: usize, forwards: bool) {
        let at: BTreeMap<usize, usize> =
            self.rows[beside].iter().enumerate().map(|(at, spot)| (*spot, at)).collect();
        let joined = if forwards { &self.before } else { &self.after };
        let mut keyed: Vec<(f64, usize)> = self.rows[row]
            .iter()
            .enumerate()
            .map(|(own, spot)| {
                let places: Vec<f64> = joined[*spot]
                    .iter()
                    .filter_map(|other| at.get(other))
                    .map(|at| as_float(*at))
                    .collect();
                let sum: f64 = places.iter().sum();
                let middle =
                    if places.is_empty() { as_float(own) } else { sum / as_float(places.len()) };
                (middle, *spot)
            })
            .collect();
        keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
        self.rows[row] = keyed.into_iter().map(|(_, spot)| spot).collect();
    }

    /// How many pairs of arrows cross.
    fn crossings(&self) -> usize {
        self.rows.windows(2).map(|pair| self.crossings_between(&pair[0], &pair[1])).sum()
    }

    fn crossings_between(&self, one: &[usize], other: &[usize]) -> usize {
        let at: BTreeMap<usize, usize> =
            other.iter().enumerate().map(|(at, spot)| (*spot, at)).collect();
        // Arrows by their start; each crosses those before it that end further on. The tree holds how
        // many ended where.
        let mut tree = vec![0_usize; other.len() + 1];
        let (mut crossings, mut seen) = (0, 0);
        for spot in one {
            let mut ends: Vec<usize> =
                self.after[*spot].iter().filter_map(|to| at.get(to)).copied().collect();
            ends.sort_unstable();
            for end in &ends {
                let (mut not_further, mut node) = (0, end + 1);
                while node > 0 {
                    not_further += tree[node];
                    node -= lowest_bit(node);
                }
                crossings += seen - not_further;
            }
            for end in ends {
                seen += 1;
                let mut node = end + 1;
                while node < tree.len() {
                    tree[node] += 1;
                    node += lowest_bit(node);
                }
            }
        }
        crossings
    }
}

fn lowest_bit(number: usize) -> usize {
    number & number.wrapping_neg()
}

#[expect(clippy::cast_precision_loss, reason = "a DAG has far fewer than 2^52 tasks")]
fn as_float(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(count: usize, edges: &[(usize, usize)]) -> Layers {
        of(count, &edges.iter().copied().collect())
    }

    #[test]
    fn a_box_stands_after_all_that_lead_to_it() {
        let layers = layers(4, &[(0, 1), (1, 2), (0, 2), (3, 2)]);
        assert_eq!(layers.rows.len(), 3);
        assert_eq!(layers.rows[0], [0]);
        assert!(layers.rows[1].contains(&1) && layers.rows[1].contains(&3), "right before 2");
        assert_eq!(layers.rows[2], [2]);
        assert!(layers.spots.contains(&Spot::Point((0, 2))));
    }

    #[test]
    fn arrows_that_crossed_are_untangled() {
        let tangled = layers(6, &[(0, 5), (1, 4), (2, 3)]);
        assert_eq!(tangled.crossings(), 0);
    }

    #[test]
    fn a_circle_has_an_arrow_back_and_an_end() {
        let circle = layers(3, &[(0, 1), (1, 2), (2, 0)]);
        assert_eq!(circle.rows.len(), 3);
        assert_eq!(layers(0, &[]).rows.len(), 0);
        assert_eq!(layers(1, &[(0, 0)]).rows.len(), 1);
    }
}
