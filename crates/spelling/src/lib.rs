//! The nearest name to a misspelt one, for hints.
//!
//! Never does: know what the names are of.

/// Finds the candidate with the smallest edit distance to `name`, ignoring case.
///
/// Gives nothing when more than a third of the letters (at least two) would have to change.
/// Of equal distances the first candidate wins.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.to_lowercase().chars().take(LENGTH_MAX).collect();
    let limit = (wanted.len() / 3).max(2);
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates {
        let distance = distance(&wanted, candidate);
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Names longer than this are compared by their beginning: the cost is the product of lengths.
const LENGTH_MAX: usize = 64;

/// Counts insertions, deletions, replacements and swaps of neighbours.
fn distance(left: &[char], right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().take(LENGTH_MAX).collect();
    let mut before: Vec<usize> = vec![0; right.len() + 1];
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1; right.len() + 1];
        for (j, b) in right.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

/// The nearest name as the end of an error text.
#[must_use]
pub fn hint<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, candidates).map(|found| format!("did you mean {found}?"))
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_found_unless_it_is_far() {
        let names = ["substring", "split", "upper"];
        assert_eq!(nearest("substrnig", names), Some("substring"));
        assert_eq!(nearest("UPER", names), Some("upper"));
        assert_eq!(nearest("frobnicate", names), None);
        assert_eq!(nearest("retentoin", ["detention", "retention"]), Some("retention"));
        assert_eq!(nearest(&"\u{e9}".repeat(500), names), None);
    }
}
