//! What author code may use: the Python packages and the operators on the Deployment Manager's lists.
//!
//! Two settings say whether there are lists at all; what stands on them is read by the orchestrator and
//! set here, where whoever reads a file or starts a try looks.

use dag::{Operator, Task};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Refuses imports in an interpreter: a module with `install(listed, dags, own)`.
pub const GUARD: &str = include_str!("../py/guard.py");

/// The lists as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Packages by name, some of them of one version only; `None`: any.
    pub packages: Option<BTreeMap<String, Option<String>>>,
    /// Names of operators; `None`: any.
    pub operators: Option<BTreeSet<String>>,
}

/// The lists, shared by all who look at them. The default is that there are none: anything goes.
#[derive(Debug, Clone, Default)]
pub struct Policy(Arc<Mutex<Allowed>>);

impl Policy {
    /// Lists for what is asked for. They are empty until they are set: then nothing is allowed.
    #[must_use]
    pub fn new(packages: bool, operators: bool) -> Self {
        let allowed = Allowed {
            packages: packages.then(BTreeMap::new),
            operators: operators.then(BTreeSet::new),
        };
        Self(Arc::new(Mutex::new(allowed)))
    }

    /// The lists as they are now.
    #[must_use]
    pub fn now(&self) -> Allowed {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there is any list.
    #[must_use]
    pub fn lists(&self) -> bool {
        self.now() != Allowed::default()
    }

    /// Sets the lists, those that there are; whether one of them was different.
    #[must_use]
    pub fn set(
        &self,
        packages: BTreeMap<String, Option<String>>,
        operators: BTreeSet<String>,
    ) -> bool {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = Allowed {
            packages: now.packages.as_ref().map(|_| packages),
            operators: now.operators.as_ref().map(|_| operators),
        };
        let differs = *now != next;
        *now = next;
        differs
    }
}

impl Allowed {
    /// Why a task may not run, if its operator is not on the list.
    #[must_use]
    pub fn refusal(&self, task: &Task) -> Option<String> {
        let written = task.arguments.get("operator").and_then(Value::as_str);
        match (task.operator, written) {
            (Operator::Airflow, Some(class)) => self.refuses(class),
            (operator, _) => self.refuses(operator.name()),
        }
    }

    /// Why an operator may not be used: a short name, or the path of a class. A class is allowed by its
    /// path, by its own name, and by the short name of the native operator that it stands for. What does
    /// nothing needs no leave.
    #[must_use]
    pub fn refuses(&self, operator: &str) -> Option<String> {
        let list = self.operators.as_ref()?;
        let class = operator.rsplit('.').next().unwrap_or(operator);
        let native = Operator::named(operator);
        let short = native.map_or(operator, |native| native.name());
        let fine = native == Some(Operator::Empty)
            || [operator, class, short].into_iter().any(|name| list.contains(name));
        (!fine).then(|| {
            format!(
                "the operator {operator} is not on the list of operators that DAGs may use; an Admin or \
                 a Deployment Manager can add it: page Configuration of the orchestrator, or POST \
                 /api/v2/operators"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: &[&str]) -> Allowed {
        let operators = names.iter().map(|name| (*name).to_owned()).collect();
        Allowed { operators: Some(operators), packages: None }
    }

    #[test]
    fn without_lists_anything_goes() {
        assert_eq!(Allowed::default().refuses("bash"), None);
        let policy = Policy::default();
        assert!(!policy.set(BTreeMap::from([("a".to_owned(), None)]), BTreeSet::new()));
        assert!(!policy.lists());
    }

    #[test]
    fn a_list_that_was_not_set_yet_allows_nothing() {
        let policy = Policy::new(true, true);
        assert!(policy.now().refuses("bash").is_some());
        assert_eq!(policy.now().packages, Some(BTreeMap::new()));
        let names = || BTreeSet::from(["bash".to_owned()]);
        assert!(policy.set(BTreeMap::new(), names()) && !policy.set(BTreeMap::new(), names()));
        assert_eq!(policy.now().refuses("bash"), None);
    }

    #[test]
    fn a_class_is_allowed_by_its_path_its_name_or_what_it_stands_for() {
        let path = "airflow.providers.standard.operators.bash.BashOperator";
        for list in [&["bash"][..], &["BashOperator"], &[path]] {
            assert_eq!(listing(list).refuses(path), None, "{list:?}");
        }
        let refusal = listing(&["http"]).refuses(path).unwrap();
        assert!(refusal.contains("Deployment Manager can add it"), "{refusal}");
        assert!(listing(&["BashOperator"]).refuses("bash").is_some(), "a name is not guessed");
        assert_eq!(listing(&[]).refuses("empty"), None);
    }
}
