//! `config` and `check`.

use crate::command::{millstream, project, run};

#[test]
fn a_setting_is_explained_with_value_origin_and_meaning() {
    let project = project(&[("millstream.toml", "[broker]\nretention = \"2h\"\n")]);
    let said = run(project.path(), &["config", "explain", "broker.retention"]);
    assert_eq!(
        said.out,
        "broker.retention = \"2h\"\n  from      file millstream.toml:2\n  \
         variable  MILLSTREAM_BROKER_RETENTION\n\n  \
         How long records are kept. Duration, 1s to 36500d.\n  \
         Older segments are removed whole, so the newest segment always stays.\n"
    );
}

#[test]
fn environment_and_flags_win_in_that_order() {
    let project = project(&[("millstream.toml", "[broker]\nretention = \"2h\"\n")]);
    let explain = ["config", "explain", "broker.retention"];
    let output = millstream(project.path(), &explain)
        .env("MILLSTREAM_BROKER_RETENTION", "3h")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\"3h\"") && text.contains("environment MILLSTREAM_BROKER"), "{text}");
    let output = millstream(project.path(), &explain)
        .args(["--set", "broker.retention=4h"])
        .env("MILLSTREAM_BROKER_RETENTION", "3h")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\"4h\"") && text.contains("flag --set"), "{text}");
}

#[test]
fn the_printed_defaults_are_a_valid_file_of_settings() {
    let defaults = run(project(&[]).path(), &["config", "defaults"]).out;
    let project = project(&[("millstream.toml", &defaults), ("a.sql", "-- nothing\n")]);
    let said = run(project.path(), &["check"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
}

#[test]
fn a_new_project_has_no_mistakes() {
    let directory = project(&[]);
    assert_eq!(run(directory.path(), &["new", "weather"]).code, Some(0));
    let said = run(directory.path(), &["check", "weather"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.ends_with("weather: no mistakes found\n"), "{}", said.out);
    assert!(said.out.contains("stream "), "{}", said.out);
    assert_eq!(run(directory.path(), &["new", "weather"]).code, Some(1));
}

#[test]
fn check_tells_the_mistakes_of_settings_and_sql_at_once() {
    let project = project(&[("millstream.toml", "[storage]\n"), ("bad.sql", "SELEC 1;\n")]);
    let said = run(project.path(), &["check"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("[storage] is not a section of settings"), "{}", said.err);
    assert!(said.err.contains("at: bad.sql:1"), "{}", said.err);
}
