//! HTML, written by hand with every foreign text escaped.

use super::values::Values;

/// A page part that grows.
pub(crate) struct Markup<'a> {
    text: String,
    values: &'a Values,
}

impl<'a> Markup<'a> {
    pub(crate) fn new(values: &'a Values) -> Self {
        Self { text: String::with_capacity(16 << 10), values }
    }

    /// Adds markup of ours.
    pub(crate) fn raw(&mut self, markup: &str) {
        self.text.push_str(markup);
    }

    /// Adds foreign text.
    pub(crate) fn text(&mut self, text: &str) {
        self.text.push_str(&escape(text));
    }

    /// Adds a value that changes: `<span data-t=key>`.
    pub(crate) fn value(&mut self, key: &str) {
        self.valued("span", "", key);
    }

    /// Adds a value that changes, as another element.
    pub(crate) fn valued(&mut self, element: &str, class: &str, key: &str) {
        let text = escape(self.values.text.get(key).map_or("", String::as_str));
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.raw(&format!("<{element}{class} data-t=\"{key}\">{text}</{element}>"));
    }

    /// Adds a state word with its coloured dot.
    pub(crate) fn badge(&mut self, key: &str) {
        let state = escape(self.values.state.get(key).map_or("unknown", String::as_str));
        self.raw(&format!(
            "<span class=\"badge\" data-s=\"{key}\" data-state=\"{state}\"><i></i>\
             <span data-t=\"{key}\">{state}</span></span>"
        ));
    }

    /// The shares of a bar.
    pub(crate) fn shares(&self, key: &str) -> &[f64] {
        self.values.bar.get(key).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// Text for content and quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(letter),
        }
    }
    out
}

/// An icon of 20 by 20 with lines in the text's colour.
pub(crate) fn icon(name: &str) -> String {
    let lines = match name {
        "http" => {
            "<circle cx=\"10\" cy=\"10\" r=\"7\"/><path d=\"M3 10h14M10 3c2.4 2 3.3 4.4 3.3 7s-.9 5-3.3 7c-2.4-2-3.3-4.4-3.3-7s.9-5 3.3-7z\"/>"
        }
        "kafka" => {
            "<path d=\"M4 5.5h12M4 10h12M4 14.5h12\"/><path d=\"M7.5 4v3M12 8.5v3M9 13v3\"/>"
        }
        "cassandra" => {
            "<rect x=\"3.5\" y=\"4\" width=\"13\" height=\"12\" rx=\"1.5\"/><path d=\"M3.5 8h13M8.5 8v8\"/>"
        }
        "stream" => {
            "<path d=\"M3 7c2.3-2.7 4.7-2.7 7 0s4.7 2.7 7 0M3 13c2.3-2.7 4.7-2.7 7 0s4.7 2.7 7 0\"/>"
        }
        "theme" => {
            "<circle cx=\"10\" cy=\"10\" r=\"6.5\"/><path d=\"M10 3.5v13a6.5 6.5 0 0 0 0-13z\" fill=\"currentColor\"/>"
        }
        "alert" => "<path d=\"M10 3.2 17.3 16H2.7z\"/><path d=\"M10 8.2v3.6M10 13.7v.1\"/>",
        "check" => "<path d=\"m4.5 10.5 3.6 3.6 7.4-8\"/>",
        _ => "<circle cx=\"10\" cy=\"10\" r=\"6.5\"/>",
    };
    format!(
        "<svg class=\"icon\" viewBox=\"0 0 20 20\" width=\"20\" height=\"20\" aria-hidden=\"true\" \
         fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\" stroke-linecap=\"round\" \
         stroke-linejoin=\"round\">{lines}</svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_become_markup() {
        assert_eq!(escape("<a b='c' d=\"e\">&"), "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;");
    }
}
