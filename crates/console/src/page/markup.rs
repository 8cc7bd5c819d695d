//! The page's markup: parts of every page, and values that change from second to second.

use pages::{Html, Part};

use super::values::Values;

/// A page part that grows.
pub(crate) struct Markup<'a> {
    html: Html,
    values: &'a Values,
}

impl<'a> Markup<'a> {
    pub(crate) fn new(values: &'a Values) -> Self {
        Self { html: Html::new(), values }
    }

    /// Adds markup of ours.
    pub(crate) fn raw(&mut self, markup: &'static str) {
        self.html.raw(markup);
    }

    /// Adds a template with its values, escaped.
    pub(crate) fn put(&mut self, template: &'static str, values: &[&dyn Part]) {
        self.html.put(template, values);
    }

    /// Adds foreign text.
    pub(crate) fn text(&mut self, text: &str) {
        self.html.push(&text);
    }

    /// Adds a value that changes: `<span data-t=key>`.
    pub(crate) fn value(&mut self, key: &str) {
        self.valued("span", "", key);
    }

    /// Adds a value that changes, as another element.
    pub(crate) fn valued(&mut self, element: &'static str, class: &'static str, key: &str) {
        let text = self.values.text.get(key).map_or("", String::as_str);
        let element = pages::Raw(element);
        self.html.put("<{}", &[&element]);
        if !class.is_empty() {
            self.html.put(" class=\"{}\"", &[&pages::Raw(class)]);
        }
        self.html.put(" data-t=\"{}\">{}</{}>", &[&key, &text, &element]);
    }

    /// Adds a state word with its coloured dot.
    pub(crate) fn badge(&mut self, key: &str) {
        let state = self.values.state.get(key).map_or("unknown", String::as_str);
        self.html.put(
            "<span class=\"badge\" data-s=\"{}\" data-state=\"{}\"><i></i><span data-t=\"{}\">{}\
             </span></span>",
            &[&key, &state, &key, &state],
        );
    }

    /// The shares of a bar.
    pub(crate) fn shares(&self, key: &str) -> &[f64] {
        self.values.bar.get(key).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn finish(self) -> Html {
        self.html
    }
}

/// An icon of 20 by 20 with lines in the text's colour.
pub(crate) fn icon(name: &str) -> pages::Icon {
    match name {
        "http" => pages::Icon::Connection,
        "kafka" => pages::Icon::Topic,
        "cassandra" => pages::Icon::Table,
        "stream" => pages::Icon::Stream,
        "alert" => pages::Icon::Alert,
        _ => pages::Icon::File,
    }
}
