//! Components: small functions from values to markup.

use crate::{Html, Icon, Part, Raw};

/// The colour a thing has by its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// In progress, or just a fact.
    Info,
    /// As wished.
    Good,
    /// Needs a look.
    Warn,
    /// Failed.
    Bad,
}

impl Tone {
    /// Its name in styles.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Info => "info",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// The state of a DAG run, task instance, stream or group, as a chip with its colour:
/// `success`, `up_for_retry`, `running`. Unknown names are grey.
#[derive(Debug, Clone, Copy)]
pub struct State<'a>(pub &'a str);

impl Part for State<'_> {
    fn add_to(&self, out: &mut Html) {
        let word = match self.0 {
            "" | "none" => "no status".to_owned(),
            name => name.replace('_', " "),
        };
        out.put(
            "<span class=\"chip\" data-state=\"{}\"><i></i>{}</span>",
            &[&if self.0.is_empty() { "none" } else { self.0 }, &word],
        );
    }
}

/// A word in a small frame: a tag, a kind, a number.
#[derive(Debug, Clone, Copy)]
pub struct Badge<'a>(pub Tone, pub &'a str);

impl Part for Badge<'_> {
    fn add_to(&self, out: &mut Html) {
        out.put("<span class=\"badge {}\">{}</span>", &[&Raw(self.0.name()), &self.1]);
    }
}

/// A name of many parts, such as that of a task: it may be broken after `_`, `.` and `-`.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a>(pub &'a str);

impl Part for Name<'_> {
    fn add_to(&self, out: &mut Html) {
        for piece in self.0.split_inclusive(['_', '.', '-']) {
            out.push(&piece);
            if piece.ends_with(['_', '.', '-']) {
                out.raw("<wbr>");
            }
        }
    }
}

/// The head of a page: its name, one line below it, what can be done at its right.
#[must_use]
pub fn page_head(title: &str, note: Option<&Html>, actions: &Html) -> Html {
    Html::of(|out| {
        out.put(
            "<header class=\"page-head\"><div class=\"page-title\"><h1><span>{}</span></h1>",
            &[&Name(title)],
        );
        if let Some(note) = note {
            out.put("<div class=\"page-note\">{}</div>", &[note]);
        }
        out.put("</div><div class=\"actions\">{}</div></header>", &[actions]);
    })
}

/// A tab of a page: every tab has its address.
#[derive(Debug, Clone)]
pub struct Tab<'a> {
    /// Where it leads.
    pub href: String,
    /// Its word.
    pub label: &'a str,
    /// A number after it.
    pub count: Option<u64>,
    /// Whether it is the one that is shown.
    pub current: bool,
}

/// A row of tabs.
#[must_use]
pub fn tabs(label: &str, tabs: &[Tab<'_>]) -> Html {
    Html::of(|out| {
        out.put("<nav class=\"tabs\" aria-label=\"{}\">", &[&label]);
        for tab in tabs {
            let current = tab.current.then_some(Raw(" aria-current=\"page\""));
            out.put("<a href=\"{}\"{}>{}", &[&tab.href, &current, &tab.label]);
            if let Some(count) = tab.count {
                out.put("<span class=\"count\">{}</span>", &[&count]);
            }
            out.raw("</a>");
        }
        out.raw("</nav>");
    })
}

/// A link that looks like a button.
#[must_use]
pub fn action(href: &str, icon: Icon, label: &str, primary: bool) -> Html {
    let class = if primary { "button primary" } else { "button" };
    Html::with("<a class=\"{}\" href=\"{}\">{}{}</a>", &[&Raw(class), &href, &icon, &label])
}

/// A framed part of a page under a heading; without a heading if `title` is empty.
#[must_use]
pub fn card(title: &str, aside: &Html, body: &Html) -> Html {
    Html::of(|out| {
        out.raw("<section class=\"card\">");
        if !title.is_empty() {
            let values: [&dyn Part; 2] = [&title, aside];
            out.put("<header class=\"card-head\"><h2>{}</h2>{}</header>", &values);
        }
        out.put("{}</section>", &[body]);
    })
}

/// A number with its name above and a note below; put several into `<div class="tiles">`.
#[must_use]
pub fn tile(label: &str, value: &Html, note: &Html) -> Html {
    Html::with(
        "<div class=\"tile\"><div class=\"tile-label\">{}</div><div class=\"tile-value\">{}</div>\
         <div class=\"tile-note\">{}</div></div>",
        &[&label, value, note],
    )
}

/// What a page shows where there is nothing: what would be here, and how it gets here.
#[must_use]
pub fn empty_state(icon: Icon, title: &str, text: &str, action: &Html) -> Html {
    Html::with(
        "<div class=\"empty\"><span class=\"empty-icon\">{}</span><h2>{}</h2><p>{}</p>{}</div>",
        &[&icon, &title, &text, action],
    )
}

/// What a page shows where something failed: what, why, and what to do.
#[must_use]
pub fn error_state(title: &str, detail: &str, action: &Html) -> Html {
    Html::with(
        "<div class=\"empty bad\" role=\"alert\"><span class=\"empty-icon\">{}</span><h2>{}</h2>\
         <p>{}</p>{}</div>",
        &[&Icon::Alert, &title, &detail, action],
    )
}

/// A band across the page.
#[must_use]
pub fn banner(tone: Tone, title: &str, body: &Html) -> Html {
    let icon = match tone {
        Tone::Bad | Tone::Warn => Icon::Alert,
        Tone::Good => Icon::Check,
        Tone::Plain | Tone::Info => Icon::Info,
    };
    Html::with(
        "<div class=\"banner {}\">{}<div><b>{}</b>{}</div></div>",
        &[&Raw(tone.name()), &icon, &title, body],
    )
}

/// Grey lines in the place of what is still to come.
#[must_use]
pub fn skeleton(lines: usize) -> Html {
    Html::of(|out| {
        out.raw("<div class=\"skeleton\" role=\"status\" aria-label=\"Loading\">");
        for _ in 0..lines.min(50) {
            out.raw("<i></i>");
        }
        out.raw("</div>");
    })
}

/// Names with values.
#[must_use]
pub fn key_values(pairs: &[(&str, Html)]) -> Html {
    Html::of(|out| {
        out.raw("<dl class=\"facts\">");
        for (name, value) in pairs {
            out.put("<div><dt>{}</dt><dd>{}</dd></div>", &[name, value]);
        }
        out.raw("</dl>");
    })
}

/// Which rows are shown, with links to the rows before and after. `href` makes the address of an
/// offset.
#[must_use]
pub fn pager(total: u64, limit: u64, offset: u64, href: &dyn Fn(u64) -> String) -> Html {
    Html::of(|out| {
        if total == 0 {
            return;
        }
        let last = total.min(offset.saturating_add(limit));
        out.put(
            "<nav class=\"pager\" aria-label=\"Pages\"><span>{} to {} of {}</span>",
            &[&total.min(offset.saturating_add(1)), &last, &total],
        );
        if offset > 0 || last < total {
            let step = |out: &mut Html, there: bool, at: u64, icon: Icon, label: &'static str| {
                if there {
                    let values: [&dyn Part; 3] = [&href(at), &label, &icon];
                    out.put(
                        "<a class=\"button icon-only\" href=\"{}\" aria-label=\"{}\">{}</a>",
                        &values,
                    );
                } else {
                    let disabled =
                        "<span class=\"button icon-only\" aria-disabled=\"true\">{}</span>";
                    out.put(disabled, &[&icon]);
                }
            };
            step(out, offset > 0, offset.saturating_sub(limit), Icon::Back, "Rows before");
            step(out, last < total, last, Icon::Forward, "Rows after");
        }
        out.raw("</nav>");
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pager_links_only_to_where_there_is_something() {
        let at =
            |offset| pager(120, 50, offset, &|offset| format!("?offset={offset}")).into_string();
        assert!(at(0).contains("1 to 50 of 120") && at(0).contains("?offset=50"));
        assert!(!at(0).contains("Rows before"));
        assert!(at(100).contains("101 to 120 of 120") && at(100).contains("?offset=50"));
        assert!(!at(100).contains("Rows after"));
        assert!(pager(3, 50, 0, &|_| String::new()).as_str().contains("1 to 3 of 3"));
        assert!(pager(0, 50, 0, &|_| String::new()).is_empty());
    }

    #[test]
    fn a_state_keeps_its_name_for_styles_and_reads_as_words() {
        let chip = Html::with("{}", &[&State("up_for_retry")]).into_string();
        assert!(chip.contains("data-state=\"up_for_retry\"") && chip.contains("up for retry"));
        assert!(Html::with("{}", &[&State("")]).as_str().contains("no status"));
    }
}
