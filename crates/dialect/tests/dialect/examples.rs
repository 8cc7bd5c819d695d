//! Every example of the catalogue.

use dialect::{Kind, catalogue, entry};

use crate::evaluation::{aggregate, result};

#[test]
fn every_example_of_the_catalogue_has_its_expected_value() {
    let mut failed = Vec::new();
    let mut count = 0;
    for entry in catalogue() {
        for (sql, expected) in entry.examples {
            let found = match entry.kind {
                Kind::Aggregate => aggregate(sql),
                _ => result(sql),
            };
            count += 1;
            let shown = found.clone().unwrap_or_else(|_| "ERROR".into());
            if shown != *expected {
                failed.push(format!("{sql}: expected {expected}, found {found:?}"));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {count} differ:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_listed_function_has_an_example_and_names_are_unique() {
    let mut names = std::collections::BTreeSet::new();
    for entry in catalogue() {
        assert!(names.insert(entry.name), "{} is listed twice", entry.name);
        let shown =
            entry.kind == Kind::Window || !entry.deterministic || !entry.examples.is_empty();
        assert!(shown, "{} has no example", entry.name);
    }
    assert!(names.len() >= 110, "{} entries", names.len());
    assert_eq!(entry("UCASE").map(|entry| entry.name), Some("upper"));
}
