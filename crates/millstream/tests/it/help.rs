//! Help, completions, and what is not understood.

use crate::command::{project, run};

/// Every command, in the order in which help lists them.
pub(crate) const COMMANDS: &[&str] = &[
    "up",
    "new",
    "check",
    "dags",
    "status",
    "doctor",
    "sql",
    "topics",
    "produce",
    "consume",
    "reset",
    "users",
    "config",
    "completions",
    "help",
];

#[test]
fn every_command_has_help_and_the_ones_for_data_have_examples() {
    let directory = project(&[]);
    let said = run(directory.path(), &["--help"]);
    assert_eq!(said.code, Some(0));
    let listed = said.out.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<_> = listed
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(commands, COMMANDS);
    for command in &COMMANDS[..COMMANDS.len() - 1] {
        let help = run(directory.path(), &[command, "--help"]);
        assert_eq!(help.code, Some(0), "{command}");
        assert!(help.out.contains("Example"), "{command} has no example");
    }
}

#[test]
fn a_command_line_that_is_not_understood_ends_with_code_2() {
    let directory = project(&[]);
    for arguments in [&["upp"][..], &["up", "--wrong"], &["up", "--only", "kafka"], &[]] {
        let said = run(directory.path(), arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}");
        assert!(!said.err.is_empty());
    }
}

#[test]
fn completions_are_printed_for_a_shell() {
    let said = run(project(&[]).path(), &["completions", "bash"]);
    assert!(said.out.contains("_millstream()"));
}
