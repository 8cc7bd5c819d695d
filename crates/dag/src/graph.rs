//! The shape of a DAG: names that are used once, dependencies that exist, no way in a circle.

use crate::{Dag, check_id};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What is wrong with a DAG's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The task or group, or the DAG if `None`.
    pub of: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.of {
            Some(of) => write!(formatter, "{of}: {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

fn fault(of: &str, message: impl Into<String>) -> Fault {
    Fault { of: Some(of.to_owned()), message: message.into() }
}

pub(crate) fn check(mut dag: Dag) -> Result<Dag, Vec<Fault>> {
    let mut faults = Vec::new();
    if let Err(wrong) = check_id(&dag.id) {
        faults.push(Fault { of: None, message: format!("the id {:?} {wrong}", dag.id) });
    }
    if dag.tasks.is_empty() {
        faults.push(Fault { of: None, message: "it has no tasks".to_owned() });
    }
    let groups = dag.groups.iter().map(|group| (&group.id, "group"));
    let mut seen = BTreeSet::new();
    for (id, kind) in dag.tasks.iter().map(|task| (&task.id, "task")).chain(groups) {
        if let Err(wrong) = check_id(id) {
            faults.push(fault(id, format!("the id of a {kind} {wrong}")));
        }
        if !seen.insert(id) {
            faults.push(fault(id, "is there twice"));
        }
    }
    resolve(&mut dag, &mut faults);
    if faults.is_empty()
        && let Some(circle) = circle(&dag)
    {
        let message = format!("it goes in a circle: {}", circle.join(" -> "));
        faults.push(Fault { of: None, message });
    }
    if faults.is_empty() { Ok(dag) } else { Err(faults) }
}

/// Replaces each dependency on a group by those on its last tasks, and gives those of a group to its
/// first tasks.
fn resolve(dag: &mut Dag, faults: &mut Vec<Fault>) {
    let members = members(dag);
    let index: BTreeMap<&str, usize> =
        dag.tasks.iter().enumerate().map(|(at, task)| (task.id.as_str(), at)).collect();
    let mut named: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); dag.tasks.len()];
    // Inside a group, before the dependencies of groups are known.
    for (at, task) in dag.tasks.iter().enumerate() {
        named[at].extend(task.upstream.iter().filter_map(|id| index.get(id.as_str())));
    }
    let lasts = |group: &str| -> Vec<usize> {
        let inside = members.get(group).cloned().unwrap_or_default();
        let followed: BTreeSet<usize> =
            inside.iter().flat_map(|at| named[*at].iter().copied()).collect();
        inside.into_iter().filter(|at| !followed.contains(at)).collect()
    };
    let targets = |of: &str, id: &str| -> Result<Vec<usize>, Fault> {
        match index.get(id) {
            Some(at) => Ok(vec![*at]),
            None if members.contains_key(id) => Ok(lasts(id)),
            None => Err(fault(of, format!("depends on {id}, which is neither a task nor a group"))),
        }
    };
    let mut upstream = named.clone();
    for (at, task) in dag.tasks.iter().enumerate() {
        for id in &task.upstream {
            match targets(&task.id, id) {
                Ok(found) => upstream[at].extend(found),
                Err(fault) => faults.push(fault),
            }
        }
    }
    for group in &dag.groups {
        if let Some(parent) = &group.parent
            && !members.contains_key(parent.as_str())
        {
            faults.push(fault(&group.id, format!("lies in {parent}, which is not a group")));
        }
        let inside = &members[group.id.as_str()];
        let firsts = inside.iter().filter(|at| named[**at].iter().all(|up| !inside.contains(up)));
        let firsts: Vec<usize> = firsts.copied().collect();
        for id in &group.upstream {
            match targets(&group.id, id) {
                Ok(found) => firsts.iter().for_each(|at| upstream[*at].extend(&found)),
                Err(fault) => faults.push(fault),
            }
        }
    }
    let ids: Vec<String> = dag.tasks.iter().map(|task| task.id.clone()).collect();
    for (task, upstream) in dag.tasks.iter_mut().zip(upstream) {
        task.upstream = upstream.into_iter().map(|at| ids[at].clone()).collect();
    }
}

/// The tasks of each group, those of groups in it too.
fn members(dag: &Dag) -> BTreeMap<String, Vec<usize>> {
    let parents: BTreeMap<&str, Option<&str>> =
        dag.groups.iter().map(|group| (group.id.as_str(), group.parent.as_deref())).collect();
    let mut members: BTreeMap<String, Vec<usize>> =
        dag.groups.iter().map(|group| (group.id.clone(), Vec::new())).collect();
    for (at, task) in dag.tasks.iter().enumerate() {
        let mut group = task.group.as_deref();
        while let Some(id) = group {
            match members.get_mut(id) {
                // Groups that lie in one another end where they began.
                Some(tasks) if tasks.last() != Some(&at) => tasks.push(at),
                _ => break,
            }
            group = parents.get(id).copied().flatten();
        }
    }
    members
}

/// Tasks that wait for one another, if there are any: the first is the last.
fn circle(dag: &Dag) -> Option<Vec<String>> {
    let upstream: BTreeMap<&str, &[String]> =
        dag.tasks.iter().map(|task| (task.id.as_str(), task.upstream.as_slice())).collect();
    let mut followers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, waits_for) in &upstream {
        for up in *waits_for {
            followers.entry(up).or_default().push(id);
        }
    }
    let mut waits: BTreeMap<&str, usize> =
        upstream.iter().map(|(id, waits_for)| (*id, waits_for.len())).collect();
    let mut ready: Vec<&str> =
        waits.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
    while let Some(id) = ready.pop() {
        waits.remove(id);
        for follower in followers.get(id).into_iter().flatten() {
            if let Some(count) = waits.get_mut(follower) {
                *count -= 1;
                if *count == 0 {
                    ready.push(follower);
                }
            }
        }
    }
    // Each of those left waits for another of those left, so going on must come round.
    let mut way: Vec<&str> = vec![waits.keys().next().copied()?];
    let mut seen: BTreeMap<&str, usize> = way.iter().map(|id| (*id, 0)).collect();
    loop {
        let at = way.last()?;
        let next = upstream[at].iter().find(|up| waits.contains_key(up.as_str()))?.as_str();
        if let Some(from) = seen.get(next) {
            let mut circle: Vec<String> = way[*from..].iter().map(|id| (*id).to_owned()).collect();
            circle.push(next.to_owned());
            circle.reverse();
            return Some(circle);
        }
        seen.insert(next, way.len());
        way.push(next);
    }
}
