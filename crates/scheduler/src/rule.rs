//! Trigger rules: what the ends of the tasks before it mean for a task.

use crate::TaskState;
use dag::TriggerRule;

/// What is to become of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It waits.
    Wait,
    /// It may start.
    Start,
    /// It ends without having run, so.
    End(TaskState),
}

/// How many of the tasks before a task ended, and how.
#[derive(Debug, Default)]
struct Ends {
    all: usize,
    success: usize,
    failed: usize,
    upstream_failed: usize,
    skipped: usize,
    removed: usize,
}

impl Ends {
    fn of(upstream: impl IntoIterator<Item = TaskState>) -> Self {
        let mut ends = Self::default();
        for state in upstream {
            ends.all += 1;
            match state {
                TaskState::Success => ends.success += 1,
                TaskState::Failed => ends.failed += 1,
                TaskState::UpstreamFailed => ends.upstream_failed += 1,
                TaskState::Skipped => ends.skipped += 1,
                TaskState::Removed => ends.removed += 1,
                _ => {}
            }
        }
        ends
    }

    fn failures(&self) -> usize {
        self.failed + self.upstream_failed
    }

    /// Whether all have ended.
    fn done(&self) -> bool {
        self.success + self.failures() + self.skipped + self.removed == self.all
    }
}

/// What a trigger rule makes of the states of the tasks before a task.
#[must_use]
pub fn verdict(rule: TriggerRule, upstream: impl IntoIterator<Item = TaskState>) -> Verdict {
    const SKIP: Verdict = Verdict::End(TaskState::Skipped);
    const FAIL: Verdict = Verdict::End(TaskState::UpstreamFailed);
    let ends = Ends::of(upstream);
    let start = |ready: bool| if ready { Verdict::Start } else { Verdict::Wait };
    if ends.all == 0 {
        return Verdict::Start;
    }
    match rule {
        TriggerRule::Always => Verdict::Start,
        TriggerRule::AllSuccess if ends.failures() > 0 => FAIL,
        TriggerRule::AllSuccess if ends.skipped > 0 => SKIP,
        TriggerRule::AllSuccess => start(ends.success + ends.removed == ends.all),
        TriggerRule::AllFailed if ends.success + ends.skipped > 0 => SKIP,
        TriggerRule::AllFailed => start(ends.failures() + ends.removed == ends.all),
        TriggerRule::AllDone => start(ends.done()),
        TriggerRule::AllDoneMinOneSuccess if ends.skipped > 0 => SKIP,
        TriggerRule::AllDoneMinOneSuccess if ends.done() && ends.success == 0 => FAIL,
        TriggerRule::AllDoneMinOneSuccess => start(ends.done()),
        TriggerRule::AllSkipped if ends.success + ends.failures() > 0 => SKIP,
        TriggerRule::AllSkipped => start(ends.skipped == ends.all),
        TriggerRule::OneFailed if ends.failures() > 0 => Verdict::Start,
        TriggerRule::OneFailed if ends.done() => SKIP,
        TriggerRule::OneSuccess if ends.success > 0 => Verdict::Start,
        TriggerRule::OneSuccess if ends.skipped == ends.all => SKIP,
        TriggerRule::OneSuccess if ends.done() => FAIL,
        TriggerRule::OneDone if ends.success + ends.failed > 0 => Verdict::Start,
        TriggerRule::OneDone if ends.done() => SKIP,
        TriggerRule::OneFailed | TriggerRule::OneSuccess | TriggerRule::OneDone => Verdict::Wait,
        TriggerRule::NoneFailed | TriggerRule::NoneFailedMinOneSuccess if ends.failures() > 0 => {
            FAIL
        }
        TriggerRule::NoneFailed => start(ends.done()),
        TriggerRule::NoneFailedMinOneSuccess if ends.skipped == ends.all => SKIP,
        TriggerRule::NoneFailedMinOneSuccess if ends.done() && ends.success == 0 => FAIL,
        TriggerRule::NoneFailedMinOneSuccess => start(ends.done()),
        TriggerRule::NoneSkipped if ends.skipped > 0 => SKIP,
        TriggerRule::NoneSkipped => start(ends.done()),
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{End, Start, Wait};
    use super::*;
    use TaskState::{Failed, None, Removed, Running, Skipped, Success, UpstreamFailed};

    const SKIP: Verdict = End(Skipped);
    const FAIL: Verdict = End(UpstreamFailed);

    #[test]
    fn each_rule_gives_what_airflow_gives() {
        let states: [&[TaskState]; 9] = [
            &[Success, Success],
            &[Success, Running],
            &[Success, Failed],
            &[Success, Skipped],
            &[Failed, UpstreamFailed],
            &[Skipped, Skipped],
            &[Failed, None],
            &[Skipped, None],
            &[Success, Removed],
        ];
        let expected = [
            ("all_success", [Start, Wait, FAIL, SKIP, FAIL, SKIP, FAIL, SKIP, Start]),
            ("all_failed", [SKIP, SKIP, SKIP, SKIP, Start, SKIP, Wait, SKIP, SKIP]),
            ("all_done", [Start, Wait, Start, Start, Start, Start, Wait, Wait, Start]),
            ("all_done_min_one_success", [Start, Wait, Start, SKIP, FAIL, SKIP, Wait, SKIP, Start]),
            ("all_skipped", [SKIP, SKIP, SKIP, SKIP, SKIP, Start, SKIP, Wait, SKIP]),
            ("one_failed", [SKIP, Wait, Start, SKIP, Start, SKIP, Start, Wait, SKIP]),
            ("one_success", [Start, Start, Start, Start, FAIL, SKIP, Wait, Wait, Start]),
            ("one_done", [Start, Start, Start, Start, Start, SKIP, Start, Wait, Start]),
            ("none_failed", [Start, Wait, FAIL, Start, FAIL, Start, FAIL, Wait, Start]),
            (
                "none_failed_min_one_success",
                [Start, Wait, FAIL, Start, FAIL, SKIP, FAIL, Wait, Start],
            ),
            ("none_skipped", [Start, Wait, Start, SKIP, Start, SKIP, Wait, SKIP, Start]),
            ("always", [Start; 9]),
        ];
        for (name, verdicts) in expected {
            let rule = TriggerRule::named(name).unwrap();
            for (upstream, verdict) in states.iter().zip(verdicts) {
                assert_eq!(
                    super::verdict(rule, upstream.iter().copied()),
                    verdict,
                    "{name} {upstream:?}"
                );
            }
        }
    }

    #[test]
    fn a_task_with_nothing_before_it_starts_under_every_rule() {
        for (name, rule) in TriggerRule::NAMES {
            assert_eq!(verdict(rule, []), Start, "{name}");
        }
    }
}
