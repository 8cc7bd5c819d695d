//! Markup that grows, with every foreign text escaped.

use std::borrow::Cow;

/// A piece of a page. What goes in as a value is escaped; only `&'static str` is taken as markup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Html {
    text: String,
    regions: Vec<Region>,
}

/// A part of a page that a live page sends again when it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Region {
    id: Cow<'static, str>,
    start: usize,
    end: usize,
}

/// What a placeholder of [`Html::put`] may hold.
pub trait Part {
    /// Adds itself to `out`, escaped where it is foreign.
    fn add_to(&self, out: &mut Html);
}

/// Markup of ours, for a placeholder.
#[derive(Debug, Clone, Copy)]
pub struct Raw(pub &'static str);

impl Html {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What `build` writes.
    #[must_use]
    pub fn of(build: impl FnOnce(&mut Self)) -> Self {
        let mut out = Self::new();
        build(&mut out);
        out
    }

    /// A template with its values, as [`Self::put`].
    #[must_use]
    pub fn with(template: &'static str, values: &[&dyn Part]) -> Self {
        let mut out = Self::new();
        out.put(template, values);
        out
    }

    /// Adds a template; each `{}` in it is replaced with the next value, escaped.
    ///
    /// # Panics
    /// If there are more or fewer values than placeholders: a mistake of ours, seen by the first test
    /// that renders the page.
    pub fn put(&mut self, template: &'static str, values: &[&dyn Part]) {
        let mut values = values.iter();
        let mut pieces = template.split("{}");
        self.text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let value = values.next();
            assert!(value.is_some(), "a value is missing for {template}");
            if let Some(value) = value {
                value.add_to(self);
            }
            self.text.push_str(piece);
        }
        assert!(values.next().is_none(), "a value is left over for {template}");
    }

    /// Adds markup of ours.
    pub fn raw(&mut self, markup: &'static str) {
        self.text.push_str(markup);
    }

    /// Adds one value.
    pub fn push(&mut self, part: &dyn Part) {
        part.add_to(self);
    }

    /// Adds `<div id=ID>` with what `build` writes. On a live page it is sent again when it changes.
    /// Regions do not lie in each other.
    pub fn region(&mut self, id: impl Into<Cow<'static, str>>, build: impl FnOnce(&mut Self)) {
        self.region_as("div", "", id, build);
    }

    /// As [`Self::region`], with another element and a class.
    pub fn region_as(
        &mut self,
        element: &'static str,
        class: &'static str,
        id: impl Into<Cow<'static, str>>,
        build: impl FnOnce(&mut Self),
    ) {
        let id = id.into();
        self.put("<{} id=\"{}\"", &[&Raw(element), &id]);
        if !class.is_empty() {
            self.put(" class=\"{}\"", &[&Raw(class)]);
        }
        self.raw(">");
        let start = self.text.len();
        build(self);
        let end = self.text.len();
        self.put("</{}>", &[&Raw(element)]);
        self.regions.push(Region { id, start, end });
    }

    /// The regions with their present content.
    pub fn regions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.regions.iter().filter_map(|region| {
            Some((region.id.as_ref(), self.text.get(region.start..region.end)?))
        })
    }

    /// The markup.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The markup, taken.
    #[must_use]
    pub fn into_string(self) -> String {
        self.text
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    fn escaped(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'', '\0']) {
            let (clean, special) = rest.split_at(at);
            self.text.push_str(clean);
            self.text.push_str(match special.as_bytes().first() {
                Some(b'&') => "&amp;",
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                Some(b'"') => "&quot;",
                Some(b'\'') => "&#39;",
                // HTML has no way to write a zero byte.
                _ => "\u{fffd}",
            });
            rest = special.get(1..).unwrap_or_default();
        }
        self.text.push_str(rest);
    }
}

impl Part for Html {
    fn add_to(&self, out: &mut Html) {
        let base = out.text.len();
        out.text.push_str(&self.text);
        out.regions.extend(self.regions.iter().map(|region| Region {
            id: region.id.clone(),
            start: region.start + base,
            end: region.end + base,
        }));
    }
}

impl Part for Raw {
    fn add_to(&self, out: &mut Html) {
        out.text.push_str(self.0);
    }
}

impl Part for str {
    fn add_to(&self, out: &mut Html) {
        out.escaped(self);
    }
}

impl Part for String {
    fn add_to(&self, out: &mut Html) {
        out.escaped(self);
    }
}

impl Part for Cow<'_, str> {
    fn add_to(&self, out: &mut Html) {
        out.escaped(self);
    }
}

impl<T: Part + ?Sized> Part for &T {
    fn add_to(&self, out: &mut Html) {
        (**self).add_to(out);
    }
}

impl<T: Part> Part for Option<T> {
    fn add_to(&self, out: &mut Html) {
        if let Some(part) = self {
            part.add_to(out);
        }
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Part for $number {
            fn add_to(&self, out: &mut Html) {
                out.text.push_str(&self.to_string());
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64, usize, i16, i32, i64, isize, f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_become_markup() {
        let html = Html::with("<b title=\"{}\">{}</b>", &[&"\"' onclick=1", &"<script>&\0"]);
        assert_eq!(
            html.as_str(),
            "<b title=\"&quot;&#39; onclick=1\">&lt;script&gt;&amp;\u{fffd}</b>"
        );
    }

    #[test]
    fn parts_keep_their_regions_when_they_are_joined() {
        let inner = Html::of(|out| {
            out.raw("<p>");
            out.region("a", |out| out.push(&1_u64));
        });
        let outer = Html::of(|out| {
            out.push(&"<before>");
            out.push(&inner);
            out.region_as("tbody", "rows", String::from("b"), |out| out.push(&Some("x")));
        });
        let regions: Vec<_> = outer.regions().collect();
        assert_eq!(regions, [("a", "1"), ("b", "x")]);
        assert!(outer.as_str().ends_with("<tbody id=\"b\" class=\"rows\">x</tbody>"));
    }

    #[test]
    #[should_panic(expected = "a value is missing")]
    fn a_forgotten_value_is_seen() {
        let _html = Html::with("{}{}", &[&1_u8]);
    }

    #[test]
    #[should_panic(expected = "a value is left over")]
    fn a_value_too_many_is_seen() {
        let _html = Html::with("{}", &[&1_u8, &2_u8]);
    }
}
