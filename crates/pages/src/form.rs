//! Forms: fields, and buttons that change something. They work without a script.

use crate::{Html, Icon, Part, Raw};

/// What a field takes.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// One line.
    Text,
    /// A password: never filled in by us.
    Password,
    /// A whole number.
    Number,
    /// Several lines.
    Lines(u32),
    /// Several lines of JSON or code.
    Code(u32),
    /// Yes or no: checked if the value is `true`.
    Check,
    /// A moment, to the minute, in UTC.
    Moment,
    /// One of these: value and word.
    Choice(&'a [(&'a str, &'a str)]),
}

/// A field with its label and one line of help.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Its name in the form.
    pub name: &'a str,
    /// Its label.
    pub label: &'a str,
    /// What it takes.
    pub input: Input<'a>,
    /// What it holds at first.
    pub value: &'a str,
    /// One line below it.
    pub help: &'a str,
    /// Whether it must be filled in.
    pub required: bool,
}

impl<'a> Field<'a> {
    /// An empty field of one line.
    #[must_use]
    pub const fn new(name: &'a str, label: &'a str) -> Self {
        Self { name, label, input: Input::Text, value: "", help: "", required: false }
    }
}

impl Part for Field<'_> {
    fn add_to(&self, out: &mut Html) {
        let id = format!("f-{}", self.name);
        let required = self.required.then_some(Raw(" required"));
        if matches!(self.input, Input::Check) {
            let checked = (self.value == "true").then_some(Raw(" checked"));
            out.put(
                "<div class=\"field check\"><input type=\"checkbox\" id=\"{}\" name=\"{}\" \
                 value=\"true\"{}><label for=\"{}\">{}</label>",
                &[&id, &self.name, &checked, &id, &self.label],
            );
        } else {
            out.put("<div class=\"field\"><label for=\"{}\">{}", &[&id, &self.label]);
            if !self.required && !matches!(self.input, Input::Choice(_)) {
                out.raw(" <span class=\"optional\">optional</span>");
            }
            out.raw("</label>");
            self.control(out, &id, required);
        }
        if !self.help.is_empty() {
            out.put("<p class=\"help\" id=\"{}-help\">{}</p>", &[&id, &self.help]);
        }
        out.raw("</div>");
    }
}

impl Field<'_> {
    fn control(&self, out: &mut Html, id: &str, required: Option<Raw>) {
        let described =
            (!self.help.is_empty()).then(|| Html::with(" aria-describedby=\"{}-help\"", &[&id]));
        match self.input {
            Input::Lines(rows) | Input::Code(rows) => {
                let class = if matches!(self.input, Input::Code(_)) { "code" } else { "" };
                // A newline right after the tag is dropped by browsers.
                out.put(
                    "<textarea id=\"{}\" name=\"{}\" rows=\"{}\" class=\"{}\" spellcheck=\"false\"\
                     {}{}>\n{}</textarea>",
                    &[&id, &self.name, &rows, &Raw(class), &required, &described, &self.value],
                );
            }
            Input::Choice(choices) => {
                out.put(
                    "<select id=\"{}\" name=\"{}\"{}{}>",
                    &[&id, &self.name, &required, &described],
                );
                for (value, label) in choices {
                    let chosen = (*value == self.value).then_some(Raw(" selected"));
                    out.put("<option value=\"{}\"{}>{}</option>", &[value, &chosen, label]);
                }
                out.raw("</select>");
            }
            _ => {
                let (kind, more) = match self.input {
                    Input::Password => ("password", " autocomplete=\"current-password\""),
                    Input::Number => ("number", " inputmode=\"numeric\""),
                    Input::Moment => ("datetime-local", " step=\"1\""),
                    _ => ("text", " autocomplete=\"off\" spellcheck=\"false\""),
                };
                let value = if matches!(self.input, Input::Password) { "" } else { self.value };
                out.put(
                    "<input id=\"{}\" name=\"{}\" type=\"{}\" value=\"{}\"{}{}{}>",
                    &[&id, &self.name, &Raw(kind), &value, &Raw(more), &required, &described],
                );
            }
        }
    }
}

/// A form that changes something. With the script it is sent without a new page; its answer must
/// still be a redirect to a page.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    /// Where it is sent to.
    pub action: &'a str,
    /// A question that is asked first; empty for none.
    pub confirm: &'a str,
    /// The word of the button that answers yes to the question, and of the button itself.
    pub submit: &'a str,
    /// Whether it destroys something.
    pub danger: bool,
}

impl Form<'_> {
    /// The form around its fields, with its button.
    #[must_use]
    pub fn around(&self, fields: &Html) -> Html {
        self.with(fields, " data-fetch")
    }

    /// As [`Self::around`], sent by the browser itself: its answer is a page of another kind.
    #[must_use]
    pub fn plain(&self, fields: &Html) -> Html {
        self.with(fields, "")
    }

    fn with(&self, fields: &Html, fetch: &'static str) -> Html {
        let class = if self.danger { "button danger" } else { "button primary" };
        Html::of(|out| {
            self.open(out, "form", fetch);
            out.put(
                "{}<div class=\"form-end\"><button class=\"{}\" type=\"submit\">{}</button></div>\
                 </form>",
                &[fields, &Raw(class), &self.submit],
            );
        })
    }

    fn open(&self, out: &mut Html, class: &'static str, fetch: &'static str) {
        out.put(
            "<form class=\"{}\" method=\"post\" action=\"{}\"{}",
            &[&Raw(class), &self.action, &Raw(fetch)],
        );
        if !self.confirm.is_empty() {
            out.put(
                " data-confirm=\"{}\" data-confirm-yes=\"{}\"{}",
                &[&self.confirm, &self.submit, &self.danger.then_some(Raw(" data-danger"))],
            );
        }
        out.raw(">");
    }
}

/// A button that changes something, in a form of its own. `hidden` are names and values that are sent
/// along; `confirm` is a question that is asked first, if not empty.
#[must_use]
pub fn post_button(
    form: &Form<'_>,
    icon: Option<Icon>,
    class: &'static str,
    hidden: &[(&str, &str)],
) -> Html {
    Html::of(|out| {
        form.open(out, "inline", " data-fetch");
        for (name, value) in hidden {
            out.put("<input type=\"hidden\" name=\"{}\" value=\"{}\">", &[name, value]);
        }
        let danger = if form.danger { " danger" } else { "" };
        if class == "icon-only" {
            out.put(
                "<button class=\"button icon-only{}\" type=\"submit\" aria-label=\"{}\" \
                 title=\"{}\">{}</button></form>",
                &[&Raw(danger), &form.submit, &form.submit, &icon],
            );
        } else {
            out.put(
                "<button class=\"button {}{}\" type=\"submit\">{}{}</button></form>",
                &[&Raw(class), &Raw(danger), &icon, &form.submit],
            );
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(part: &dyn Part) -> String {
        Html::with("{}", &[part]).into_string()
    }

    #[test]
    fn a_password_is_never_filled_in() {
        let field =
            Field { input: Input::Password, value: "secret", ..Field::new("p", "Password") };
        assert!(!text(&field).contains("secret"));
    }

    #[test]
    fn values_of_every_kind_of_field_are_escaped() {
        let evil = "\"></textarea><script>";
        let choices = [(evil, evil)];
        for input in [
            Input::Text,
            Input::Number,
            Input::Lines(3),
            Input::Code(3),
            Input::Moment,
            Input::Check,
            Input::Choice(&choices),
        ] {
            let field =
                Field { name: evil, label: evil, input, value: evil, help: evil, required: true };
            let text = text(&field);
            assert!(!text.contains("<script"), "{text}");
            assert!(!text.contains("\"></"), "{text}");
        }
    }

    #[test]
    fn a_question_is_asked_only_where_there_is_one() {
        let form = Form { action: "/x", confirm: "", submit: "Go", danger: false };
        assert!(!post_button(&form, None, "", &[]).as_str().contains("data-confirm"));
        let form = Form { confirm: "Sure?", danger: true, ..form };
        let asked = post_button(&form, None, "icon-only", &[("a", "b")]).into_string();
        assert!(asked.contains("data-confirm=\"Sure?\"") && asked.contains("data-danger"));
    }
}
