//! The embedded file of defaults, and the words it has about each key.

/// The file, as `millstream config defaults` prints it.
pub(crate) const DEFAULTS: &str = include_str!("../../defaults.toml");

/// The comment above a key, without its marks, line by line. Empty if the key is not in the file.
pub(crate) fn words(key: &str) -> Vec<&'static str> {
    let (section, name) = key.split_once('.').unwrap_or((key, ""));
    let mut within = false;
    let mut comment = Vec::new();
    for line in DEFAULTS.lines() {
        let line = line.trim();
        if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
        } else if let Some(header) = line.strip_prefix('[') {
            within = header.trim_end_matches(']') == section;
            comment.clear();
        } else if within && line.split_once('=').is_some_and(|(left, _)| left.trim() == name) {
            return comment;
        } else {
            comment.clear();
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::super::keys::KEYS;
    use super::*;

    #[test]
    fn every_key_has_words_and_the_file_has_no_other_key() {
        for (key, _) in KEYS {
            assert!(!words(key).is_empty(), "{key} has no comment in defaults.toml");
        }
        let table: toml::Table = DEFAULTS.parse().unwrap();
        let in_file = table.iter().flat_map(|(section, keys)| {
            keys.as_table().unwrap().keys().map(move |key| format!("{section}.{key}"))
        });
        let in_list = KEYS.iter().map(|(key, _)| (*key).to_owned());
        assert_eq!(in_file.collect::<Vec<_>>(), in_list.collect::<Vec<_>>());
    }
}
