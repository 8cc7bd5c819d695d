//! The table of docs/life-of-a-record.md names functions that exist.

use std::path::Path;

#[test]
fn every_hop_of_the_life_of_a_record_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("docs/life-of-a-record.md")).unwrap();
    let mut hops = 0;
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, number, file, function, ..] = cells.as_slice() else { continue };
        if number.parse::<u32>().is_err() {
            continue;
        }
        let (file, function) = (file.trim_matches('`'), function.trim_matches('`'));
        let source = std::fs::read_to_string(root.join(file))
            .unwrap_or_else(|error| panic!("hop {number}: {file}: {error}"));
        assert!(
            source.contains(&format!("fn {function}("))
                || source.contains(&format!("fn {function}<")),
            "hop {number}: {file} has no function {function}"
        );
        hops += 1;
    }
    assert!(hops >= 10, "the table has {hops} hops");
}
