//! Tumbling-window aggregates whose result does not depend on the order of their input.
//!
//! State is one group per (window, group columns). A record may be taken back, since deduplication may
//! find an earlier one for its key; an extreme therefore keeps the values it has seen while records can
//! still be taken back. Counts and sums are integers, so they are exact in any order.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// One aggregate of the SELECT list, over an input column that was evaluated before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// `count(*)`.
    CountRows,
    /// `count(x)`: values that are not NULL.
    Count,
    /// `sum(x)` over integers and decimals.
    Sum,
    /// `avg(x)` over integers and decimals.
    Average,
    /// `min(x)`.
    Min,
    /// `max(x)`.
    Max,
}

/// An aggregate's input value of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// NULL.
    Null,
    /// Present; the function needs to know no more.
    Present,
    /// A number, unscaled.
    Number(i128),
    /// A value encoded so that bytes order as values do.
    Ordered(Vec<u8>),
}

/// A group's result for one aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A count.
    Count(i64),
    /// A sum of numbers, unscaled, and how many there were; `None` when there was none.
    Sum(Option<(i128, u64)>),
    /// An extreme; `None` when there was no value.
    Extreme(Option<Vec<u8>>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Cell {
    Count(i64),
    Sum { sum: i128, count: u64 },
    Extreme(BTreeMap<Vec<u8>, u64>),
}

/// One group: which window, how many records, and a cell per aggregate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Group {
    window_end: i64,
    rows: u64,
    cells: Vec<Cell>,
}

/// A group whose result changed, or that is final.
#[derive(Debug, PartialEq, Eq)]
pub struct Result {
    /// The encoded window start and group columns.
    pub key: Vec<u8>,
    /// The values, in the order of the functions; `None` when no record is left in the group.
    pub values: Option<Vec<Output>>,
}

/// The operator and its state.
#[derive(Debug)]
pub struct Aggregate {
    functions: Vec<Function>,
    /// Whether records may be taken back, so that extremes must remember every value.
    retracts: bool,
    groups: HashMap<Vec<u8>, Group>,
    ends: BTreeSet<(i64, Vec<u8>)>,
    touched: HashSet<Vec<u8>>,
    unsaved: HashSet<Vec<u8>>,
}

impl Aggregate {
    /// An empty operator.
    #[must_use]
    pub fn new(functions: Vec<Function>, retracts: bool) -> Self {
        Self {
            functions,
            retracts,
            groups: HashMap::new(),
            ends: BTreeSet::new(),
            touched: HashSet::new(),
            unsaved: HashSet::new(),
        }
    }

    /// Adds one record to its group. `window_end` is in microseconds.
    pub fn add(&mut self, key: Vec<u8>, window_end: i64, inputs: &[Input]) {
        let functions = &self.functions;
        let group = self.groups.entry(key.clone()).or_insert_with(|| Group {
            window_end,
            rows: 0,
            cells: functions.iter().map(|function| Cell::empty(*function)).collect(),
        });
        group.rows += 1;
        for ((cell, function), input) in group.cells.iter_mut().zip(functions).zip(inputs) {
            cell.add(*function, input, self.retracts);
        }
        self.ends.insert((window_end, key.clone()));
        self.unsaved.insert(key.clone());
        self.touched.insert(key);
    }

    /// Takes one record back out of its group.
    pub fn remove(&mut self, key: &[u8], inputs: &[Input]) {
        let Some(group) = self.groups.get_mut(key) else { return };
        group.rows = group.rows.saturating_sub(1);
        for (cell, input) in group.cells.iter_mut().zip(inputs) {
            cell.remove(input);
        }
        if group.rows == 0 {
            self.ends.remove(&(group.window_end, key.to_vec()));
            self.groups.remove(key);
        }
        self.unsaved.insert(key.to_vec());
        self.touched.insert(key.to_vec());
    }

    /// The groups whose result changed since the last call, by key.
    pub fn drain_touched(&mut self) -> Vec<Result> {
        let mut keys: Vec<_> = self.touched.drain().collect();
        keys.sort_unstable();
        keys.into_iter()
            .map(|key| {
                let values = self.groups.get(&key).map(|group| group.outputs(&self.functions));
                Result { key, values }
            })
            .collect()
    }

    /// Closes the windows that a watermark (microseconds) has passed: returns their final results in
    /// the order of (window end, key) and forgets them.
    pub fn close(&mut self, watermark: i64) -> Vec<Result> {
        let mut closed = Vec::new();
        while self.ends.first().is_some_and(|(end, _)| *end <= watermark) {
            let Some((_, key)) = self.ends.pop_first() else { break };
            let values = self.groups.remove(&key).map(|group| group.outputs(&self.functions));
            self.unsaved.insert(key.clone());
            closed.push(Result { key, values });
        }
        closed
    }

    /// Open groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether no group is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The changed groups since the last call, encoded; `None` for a forgotten one.
    pub fn drain_changes(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut keys: Vec<_> = self.unsaved.drain().collect();
        keys.sort_unstable();
        keys.into_iter()
            .map(|key| {
                let value = self.groups.get(&key).map(encode);
                (key, value)
            })
            .collect()
    }

    /// The whole state, encoded.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.groups.iter().map(|(key, group)| (key.clone(), encode(group))).collect()
    }

    /// Puts one group back.
    ///
    /// # Errors
    /// When the bytes are not what [`Self::snapshot`] wrote.
    pub fn restore(
        &mut self,
        key: Vec<u8>,
        value: &[u8],
    ) -> std::result::Result<(), postcard::Error> {
        let group: Group = postcard::from_bytes(value)?;
        self.ends.insert((group.window_end, key.clone()));
        self.groups.insert(key, group);
        Ok(())
    }
}

fn encode(group: &Group) -> Vec<u8> {
    // Serialising plain structs into a growing vector has no failure of its own.
    postcard::to_stdvec(group).unwrap_or_default()
}

impl Group {
    fn outputs(&self, functions: &[Function]) -> Vec<Output> {
        self.cells.iter().zip(functions).map(|(cell, function)| cell.output(*function)).collect()
    }
}

impl Cell {
    fn empty(function: Function) -> Self {
        match function {
            Function::CountRows | Function::Count => Self::Count(0),
            Function::Sum | Function::Average => Self::Sum { sum: 0, count: 0 },
            Function::Min | Function::Max => Self::Extreme(BTreeMap::new()),
        }
    }

    fn add(&mut self, function: Function, input: &Input, retracts: bool) {
        match (self, input) {
            (_, Input::Null) => {}
            (Self::Count(count), _) => *count += 1,
            (Self::Sum { sum, count }, Input::Number(number)) => {
                *sum = sum.saturating_add(*number);
                *count += 1;
            }
            (Self::Extreme(values), Input::Ordered(value)) => {
                *values.entry(value.clone()).or_default() += 1;
                if !retracts && values.len() > 1 {
                    if function == Function::Min {
                        values.pop_last();
                    } else {
                        values.pop_first();
                    }
                }
            }
            (Self::Sum { .. } | Self::Extreme(_), _) => {}
        }
    }

    fn remove(&mut self, input: &Input) {
        match (self, input) {
            (_, Input::Null) => {}
            (Self::Count(count), _) => *count -= 1,
            (Self::Sum { sum, count }, Input::Number(number)) => {
                *sum = sum.saturating_sub(*number);
                *count = count.saturating_sub(1);
            }
            (Self::Extreme(values), Input::Ordered(value)) => {
                if let Some(count) = values.get_mut(value) {
                    *count -= 1;
                    if *count == 0 {
                        values.remove(value);
                    }
                }
            }
            (Self::Sum { .. } | Self::Extreme(_), _) => {}
        }
    }

    fn output(&self, function: Function) -> Output {
        match self {
            Self::Count(count) => Output::Count(*count),
            Self::Sum { count: 0, .. } => Output::Sum(None),
            Self::Sum { sum, count } => Output::Sum(Some((*sum, *count))),
            Self::Extreme(values) if function == Function::Min => {
                Output::Extreme(values.keys().next().cloned())
            }
            Self::Extreme(values) => Output::Extreme(values.keys().next_back().cloned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Function> {
        vec![Function::CountRows, Function::Sum, Function::Min, Function::Max]
    }

    fn inputs(number: i128) -> Vec<Input> {
        let ordered = Input::Ordered(vec![u8::try_from(number).unwrap()]);
        vec![Input::Present, Input::Number(number), ordered.clone(), ordered]
    }

    #[test]
    fn a_record_taken_back_leaves_no_trace() {
        let mut operator = Aggregate::new(all(), true);
        for number in [5, 1, 9] {
            operator.add(b"g".to_vec(), 60, &inputs(number));
        }
        operator.remove(b"g", &inputs(1));
        operator.remove(b"g", &inputs(9));
        let results = operator.drain_touched();
        assert_eq!(
            results[0].values.as_ref().unwrap(),
            &vec![
                Output::Count(1),
                Output::Sum(Some((5, 1))),
                Output::Extreme(Some(vec![5])),
                Output::Extreme(Some(vec![5])),
            ]
        );
        operator.remove(b"g", &inputs(5));
        assert_eq!(operator.drain_touched()[0].values, None);
    }

    #[test]
    fn an_extreme_is_the_lowest_or_the_highest() {
        for retracts in [true, false] {
            let mut operator = Aggregate::new(all(), retracts);
            for number in [5, 1, 9] {
                operator.add(b"g".to_vec(), 60, &inputs(number));
            }
            let values = operator.drain_touched().remove(0).values.unwrap();
            assert_eq!(values[2], Output::Extreme(Some(vec![1])));
            assert_eq!(values[3], Output::Extreme(Some(vec![9])));
        }
    }

    #[test]
    fn a_window_closes_when_the_watermark_reaches_its_end() {
        let mut operator = Aggregate::new(all(), false);
        operator.add(b"a".to_vec(), 60, &inputs(1));
        operator.add(b"b".to_vec(), 120, &inputs(1));
        assert!(operator.close(59).is_empty());
        assert_eq!(operator.close(60).len(), 1);
        assert_eq!(operator.len(), 1);
    }

    #[test]
    fn state_comes_back_as_it_was_saved() {
        let mut operator = Aggregate::new(all(), true);
        operator.add(b"a".to_vec(), 60, &inputs(7));
        let mut restored = Aggregate::new(all(), true);
        for (key, value) in operator.snapshot() {
            restored.restore(key, &value).unwrap();
        }
        restored.add(b"a".to_vec(), 60, &inputs(2));
        let values = restored.drain_touched().remove(0).values.unwrap();
        assert_eq!(values[1], Output::Sum(Some((9, 2))));
    }
}
