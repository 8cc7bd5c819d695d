//! Files that cannot be imported: what is wrong, where, and the text around it.

use axum::response::Response;
use door::Permission;
use metadata::ImportError;
use pages::{Html, Icon, ago};

use crate::source::{self, Language};
use crate::visit::{Made, Page, Visit};

/// Lines that are shown around the one that is wrong.
const AROUND: usize = 4;

/// `GET /import-errors`.
pub(crate) async fn list(visit: Visit) -> Response {
    visit.show(page).await
}

async fn page(visit: Visit) -> Made {
    let errors = visit.desk.metadata.import_errors().await?;
    let note = Html::with("DAG files that cannot be read, and why.", &[]);
    let body = Html::of(|out| {
        out.push(&pages::page_head("Import errors", Some(&note), &Html::new()));
        out.region_as("div", "stack", "import-error-list", |out| {
            if errors.is_empty() {
                let text = "Every file in the dags folder can be imported.";
                let empty = pages::empty_state(Icon::Check, "No import errors", text, &Html::new());
                out.push(&pages::card("", &Html::new(), &empty));
            }
            for error in &errors {
                one(out, &visit, error);
            }
        });
    });
    let title = "Import errors".to_owned();
    Ok(Page { title, section: "import-errors", body, live: true, ..Page::default() })
}

fn one(out: &mut Html, visit: &Visit, error: &ImportError) {
    let aside = Html::with("<span class=\"dim small\">{}</span>", &[&ago(error.at, visit.now)]);
    let body = Html::of(|out| {
        out.put("<pre class=\"json wrong\">{}</pre>", &[&error.error]);
        let Some(line) = line_of(&error.error, &error.file) else { return };
        // The text of a file is for those who may see files.
        if visit.may(Permission::Code) && !error.source.is_empty() {
            out.push(&excerpt(error, line));
        }
    });
    out.put(
        "<div id=\"{}\">{}</div>",
        &[&pages::segment(&error.file), &pages::card(&error.file, &aside, &body)],
    );
}

/// The lines around the one that is wrong.
fn excerpt(error: &ImportError, line: usize) -> Html {
    let first = line.saturating_sub(AROUND + 1);
    let lines: Vec<&str> = error.source.lines().skip(first).take(2 * AROUND + 1).collect();
    source::lines(&lines.join("\n"), Language::of(&error.file), first + 1, Some(line))
}

/// The line that says most: of a traceback of Python, the first after its frames.
pub(crate) fn gist(error: &str) -> &str {
    let mut lines = error.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    if !first.starts_with("Traceback") {
        return first;
    }
    lines.find(|line| !line.starts_with(' ')).unwrap_or(first)
}

/// The line an error names: `line 3` or `file.yml:3:5`.
fn line_of(error: &str, file: &str) -> Option<usize> {
    let digits = |text: &str| {
        let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        text.get(..end)?.parse::<usize>().ok().filter(|line| *line > 0)
    };
    let after_file = error.split_once(&format!("{file}:")).and_then(|(_, rest)| digits(rest));
    after_file.or_else(|| error.split_once("line ").and_then(|(_, rest)| digits(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gist_of_a_traceback_is_its_error() {
        let text = "Traceback (most recent call last):\n  File \"a.py\", line 2\nKeyError: 'x'\n";
        assert_eq!(gist(text), "KeyError: 'x'");
        assert_eq!(gist("a.yml:1:2: no\nmore"), "a.yml:1:2: no");
        assert_eq!(gist(""), "");
    }

    #[test]
    fn the_line_is_found_where_an_error_names_it() {
        assert_eq!(line_of("a.yml:12:3: unknown key", "a.yml"), Some(12));
        assert_eq!(line_of("  File \"a.py\", line 7, in <module>", "a.py"), Some(7));
        assert_eq!(line_of("no idea", "a.py"), None);
        assert_eq!(line_of("line 0", "a.py"), None);
    }
}
