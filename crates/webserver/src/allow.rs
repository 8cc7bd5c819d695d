//! What DAG files may use: the lists of packages and operators, kept by an Admin or a Deployment Manager.

use metadata::{AllowedEntry, AllowedKind};
use serde_json::json;

use crate::act::Actor;
use crate::problem::Problem;

/// The longest name of an operator or package, and of a version.
const NAME_CHARS_MAX: usize = 250;
const VERSION_CHARS_MAX: usize = 64;

impl Actor<'_> {
    /// Puts a package or an operator on its list.
    pub(crate) async fn allow(
        &self,
        kind: AllowedKind,
        name: &str,
        version: Option<&str>,
    ) -> Result<AllowedEntry, Problem> {
        let entry = AllowedEntry {
            kind,
            name: checked(kind, name)?,
            version: checked_version(kind, version)?,
            added_by: self.who.to_owned(),
            added_at: self.desk.now(),
        };
        self.desk.metadata.allow(&entry).await?;
        let extra = json!({"name": entry.name, "version": entry.version});
        self.audit(&format!("{}.allow", kind.name()), None, None, None, extra).await?;
        Ok(entry)
    }

    /// Takes a package or an operator off its list.
    pub(crate) async fn disallow(&self, kind: AllowedKind, name: &str) -> Result<(), Problem> {
        let name = checked(kind, name)?;
        if !self.desk.metadata.disallow(kind, &name).await? {
            return Err(Problem::missing(format!(
                "The {} with name: `{name}` is not on the list",
                kind.name()
            )));
        }
        let what = format!("{}.disallow", kind.name());
        self.audit(&what, None, None, None, json!({"name": name})).await
    }
}

/// A name as it is kept: that of a package as package indexes compare names.
fn checked(kind: AllowedKind, name: &str) -> Result<String, Problem> {
    let name = name.trim();
    let fits = |more: &str| {
        (1..=NAME_CHARS_MAX).contains(&name.chars().count())
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
            && name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
    };
    match kind {
        AllowedKind::Package if fits("-_.") => {
            let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
            Ok(parts.collect::<Vec<_>>().join("-").to_lowercase())
        }
        AllowedKind::Operator if fits("_.") => Ok(name.to_owned()),
        _ => Err(Problem::unprocessable(format!(
            "{name:?} cannot be the name of {}: write one like {}",
            if kind == AllowedKind::Package { "a package" } else { "an operator" },
            if kind == AllowedKind::Package { "kafka-python" } else { "bash, or BashOperator" },
        ))),
    }
}

fn checked_version(kind: AllowedKind, version: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(version) = version.map(str::trim).filter(|version| !version.is_empty()) else {
        return Ok(None);
    };
    if kind == AllowedKind::Operator {
        return Err(Problem::unprocessable("an operator has no version"));
    }
    let fits = version.chars().count() <= VERSION_CHARS_MAX
        && version.starts_with(|first: char| first.is_ascii_digit())
        && version.chars().all(|letter| letter.is_ascii_alphanumeric() || ".+!-_".contains(letter));
    if fits {
        return Ok(Some(version.to_owned()));
    }
    Err(Problem::unprocessable(format!(
        "{version:?} is not a version: write one like 2.0.2, or none for any"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_as_package_indexes_compare_them() {
        for (written, kept) in
            [("Kafka_Python", "kafka-python"), (" zope.interface ", "zope-interface")]
        {
            assert_eq!(checked(AllowedKind::Package, written).unwrap(), kept);
        }
        for bad in ["", "-x", "a b", "../x", "a==1", &"x".repeat(251)] {
            assert!(checked(AllowedKind::Package, bad).is_err(), "{bad}");
        }
        assert_eq!(checked(AllowedKind::Operator, "kafka.produce").unwrap(), "kafka.produce");
        let class = "airflow.providers.standard.operators.bash.BashOperator";
        assert_eq!(checked(AllowedKind::Operator, class).unwrap(), class);
        assert!(checked(AllowedKind::Operator, "a-b").is_err());
    }

    #[test]
    fn a_version_is_one_version_or_none() {
        let version = |text| checked_version(AllowedKind::Package, Some(text));
        assert_eq!(version("2.0.2").unwrap().as_deref(), Some("2.0.2"));
        assert_eq!(version(" ").unwrap(), None);
        assert!(version(">=2").is_err() && version("latest").is_err());
        assert!(checked_version(AllowedKind::Operator, Some("1")).is_err());
    }
}
