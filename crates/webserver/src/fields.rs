//! What a form or a query holds.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use std::convert::Infallible;

use crate::problem::Problem;

/// Most fields of one form: more is no form of ours.
const FIELDS_MAX: usize = 2_000;

/// Names and values in the order they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `a=b&c=d`, percent-encoded.
    pub(crate) fn read(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).take(FIELDS_MAX);
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (pages::decode(name), pages::decode(value))
                })
                .collect(),
        )
    }

    /// The first value of a name; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// As [`Self::text`], with the spaces around it.
    pub(crate) fn verbatim(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The value of a name, unless it is empty.
    pub(crate) fn some(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Every value of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a box is checked.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "True" | "1" | "on")
    }

    /// A whole number; `otherwise` if it is none.
    pub(crate) fn number(&self, name: &str, otherwise: u32) -> u32 {
        self.text(name).parse().unwrap_or(otherwise)
    }

    /// Every name with its value.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The fields of a form that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent(pub(crate) Fields);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|_| Problem::bad("the form cannot be read, or is too large"))?;
        Ok(Self(Fields::read(&String::from_utf8_lossy(&bytes))))
    }
}

/// The fields of the query.
#[derive(Debug, Clone)]
pub(crate) struct Asked(pub(crate) Fields);

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Fields::read(parts.uri.query().unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_the_first_of_a_name_counts() {
        let fields = Fields::read("a=1+2%26&b=&a=3&c&d=on&%20e= x ");
        assert_eq!(fields.text("a"), "1 2&");
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1 2&", "3"]);
        assert_eq!(fields.some("b"), None);
        assert_eq!(fields.some("c"), None);
        assert!(fields.flag("d") && !fields.flag("a"));
        assert_eq!(fields.verbatim(" e"), " x ");
        assert_eq!(fields.number("a", 7), 7);
    }
}
