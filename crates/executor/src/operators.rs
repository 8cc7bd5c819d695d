//! The operators that run without Python, one file each.

mod bash;
mod empty;

use crate::{Runner, Settings};
use dag::Operator;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A runner for every native operator.
pub(crate) fn native(settings: &Arc<Settings>) -> BTreeMap<Operator, Arc<dyn Runner>> {
    let settings = || Arc::clone(settings);
    let runners: [(Operator, Arc<dyn Runner>); 2] = [
        (Operator::Bash, Arc::new(bash::Bash(settings()))),
        (Operator::Empty, Arc::new(empty::Empty)),
    ];
    runners.into_iter().collect()
}
