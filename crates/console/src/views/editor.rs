//! What the pages for CQL and for SQL share: a statement, and what it answers.

use pages::{Html, Icon, Tone};

use super::tables::{refused, result};
use crate::fields::Fields;
use crate::numbers;
use crate::problem::Problem;
use crate::tables::Answer;
use crate::visit::{Made, Page, Visit};

/// Rows of one answer.
pub(super) const ROWS_MAX: u16 = 500;
/// Bytes of a statement.
const STATEMENT_BYTES_MAX: usize = 64 << 10;

/// A page with a statement.
pub(super) struct Editor {
    pub(super) title: &'static str,
    pub(super) section: &'static str,
    /// Where the statement is sent.
    pub(super) action: &'static str,
    /// The server that runs it.
    pub(super) at: String,
    pub(super) example: &'static str,
    pub(super) note: &'static str,
    /// Whether an answer without columns is one without rows, and not a change that was made.
    pub(super) always_rows: bool,
}

/// The statement that a form sent, without the semicolon that ends it.
pub(super) fn statement(sent: &Fields) -> String {
    sent.verbatim("statement").trim_end().trim_end_matches(';').to_owned()
}

/// Whether the visitor may see rows, and the statement is one that can be sent.
fn readable(visit: &Visit, statement: &str) -> Result<(), Problem> {
    if !visit.sees_contents() {
        return Err(refused());
    }
    if statement.trim().is_empty() {
        return Err(Problem::bad("there is no statement"));
    }
    if statement.len() > STATEMENT_BYTES_MAX {
        return Err(Problem::bad("the statement is longer than 64 KiB"));
    }
    Ok(())
}

impl Editor {
    /// Awaits what `run` answers, if the visitor may see it, and makes the page that shows it.
    pub(super) async fn ran(
        &self,
        visit: &Visit,
        statement: &str,
        run: impl Future<Output = Result<Answer, Problem>>,
    ) -> Made {
        let started = visit.desk.elapsed();
        let done = match readable(visit, statement) {
            Ok(()) => run.await,
            Err(problem) => Err(problem),
        };
        let took = visit.desk.elapsed().saturating_sub(started).as_millis();
        self.page(statement, Some((done, u64::try_from(took).unwrap_or(u64::MAX))))
    }

    /// The page, with what was run, if anything was: its answer and the milliseconds it took.
    pub(super) fn page(
        &self,
        statement: &str,
        done: Option<(Result<Answer, Problem>, u64)>,
    ) -> Made {
        let body = Html::of(|out| {
            let note = Html::with("<span>at <code>{}</code></span>", &[&self.at]);
            out.push(&pages::page_head(self.title, Some(&note), &Html::new()));
            out.raw("<div class=\"stack\">");
            out.put(
                "<form class=\"card cql\" method=\"post\" action=\"{}\">\
                 <label class=\"sr\" for=\"statement\">Statement</label>\
                 <textarea id=\"statement\" name=\"statement\" rows=\"6\" spellcheck=\"false\" \
                 autocomplete=\"off\" placeholder=\"{}\">\n{}</textarea>\
                 <div class=\"cql-end\"><span class=\"dim small\">{}</span>\
                 <button class=\"button primary\" type=\"submit\">{}Run</button></div></form>",
                &[&self.action, &self.example, &statement, &self.note, &Icon::Play],
            );
            match &done {
                Some((Ok(answer), took)) => out.push(&self.answered(answer, *took)),
                Some((Err(problem), _)) => {
                    out.push(&super::failed("It was not run", &problem.detail));
                }
                None => {}
            }
            out.raw("</div>");
        });
        Ok(Page { title: self.title.to_owned(), section: self.section, body, ..Page::default() })
    }

    fn answered(&self, answer: &Answer, took: u64) -> Html {
        let took = numbers::span(took);
        if answer.columns.is_empty() && !self.always_rows {
            return pages::banner(Tone::Good, "Done", &Html::with("<p>It took {}.</p>", &[&took]));
        }
        let count = numbers::of(numbers::len(answer.rows.len()), "row");
        let more = if answer.next.is_some() { ", and there are more" } else { "" };
        let aside =
            Html::with("<span class=\"dim small\">{} in {}{}</span>", &[&count, &took, &more]);
        let body = if answer.rows.is_empty() {
            pages::empty_state(Icon::Table, "No rows", "Nothing meets the condition.", &Html::new())
        } else {
            result(answer)
        };
        pages::card("Rows", &aside, &body)
    }
}
