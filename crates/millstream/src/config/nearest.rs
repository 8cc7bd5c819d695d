//! The name a misspelt one was meant to be.

/// The nearest of `names`, if it is near enough to be a misspelling: at most a third of the letters
/// differ. Ties go to the first.
pub(crate) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = &word[..word.floor_char_boundary(100)];
    names
        .map(|name| (distance(word, name), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance * 3 <= name.len().max(word.len()))
        .map(|(_, name)| name)
}

/// Insertions, removals, replacements and swaps of neighbours that lead from one word to the other.
/// Quadratic in the lengths, which the caller bounds.
fn distance(one: &str, two: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let two: Vec<char> = two.chars().collect();
    let mut rows = vec![(0..=two.len()).collect::<Vec<_>>()];
    for (i, a) in one.iter().enumerate() {
        let above = &rows[i];
        let mut row = vec![i + 1];
        for (j, b) in two.iter().enumerate() {
            let mut best = (above[j] + usize::from(a != b)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && one[i - 1] == *b && two[j - 1] == *a {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_counts_once_and_a_stranger_is_not_near() {
        assert_eq!(distance("retentoin", "retention"), 1);
        assert_eq!(nearest("kafak", ["cassandra", "kafka"].into_iter()), Some("kafka"));
        assert_eq!(nearest("zebra", ["cassandra", "kafka"].into_iter()), None);
        assert_eq!(nearest(&"\u{e9}".repeat(500), ["kafka"].into_iter()), None);
    }
}
