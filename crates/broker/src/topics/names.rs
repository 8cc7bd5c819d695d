//! Which topic names are legal, in Kafka's words.

use super::Refused;
use crate::error::ErrorCode;
use std::sync::Arc;

/// A name becomes a directory's with `-<partition>`, so it stays below 255 bytes.
const NAME_BYTES_MAX: usize = 249;

/// Checks a topic's name.
///
/// # Errors
/// `INVALID_TOPIC_EXCEPTION`.
pub(crate) fn check_name(name: &str) -> Result<(), Refused> {
    let refuse = |why: String| {
        Err(Refused::new(ErrorCode::InvalidTopicException, format!("Topic name is invalid: {why}")))
    };
    if name.is_empty() {
        return refuse("the empty string is not allowed".to_owned());
    }
    if matches!(name, "." | "..") {
        return refuse("'.' or '..' is not allowed".to_owned());
    }
    if name.len() > NAME_BYTES_MAX {
        return refuse(format!(
            "the length of '{name}' is longer than the max allowed length {NAME_BYTES_MAX}"
        ));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return refuse(format!(
            "'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and \
             '-'"
        ));
    }
    Ok(())
}

/// Refuses a name that differs from another only by `.` and `_`: metric names would collide.
///
/// # Errors
/// `INVALID_TOPIC_EXCEPTION`.
pub(super) fn check_collision<'a>(
    name: &str,
    others: impl Iterator<Item = &'a Arc<str>>,
) -> Result<(), Refused> {
    if !name.contains(['.', '_']) {
        return Ok(());
    }
    let plain = |name: &str| name.replace('.', "_");
    let wanted = plain(name);
    for other in others {
        if plain(other) == wanted {
            let message = format!("Topic '{name}' collides with existing topic: {other}");
            return Err(Refused::new(ErrorCode::InvalidTopicException, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kafkas_rules() {
        for good in ["a", "A.b_c-9", "...", &"x".repeat(249)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "\u{e4}", &"x".repeat(250)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_dot_collides_with_an_underscore() {
        let others: [Arc<str>; 1] = ["a.b".into()];
        assert!(check_collision("a_b", others.iter()).is_err());
        assert!(check_collision("ab", others.iter()).is_ok());
    }
}
