//! What a form or a query holds.

use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;

use crate::problem::Problem;

/// Most fields of one form: more is no form of ours.
const FIELDS_MAX: usize = 2_000;

/// Names and values in the order they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `a=b&c=d`, percent-encoded.
    pub(crate) fn read(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).take(FIELDS_MAX).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (pages::decode(name), pages::decode(value))
        });
        Self(pairs.collect())
    }

    /// The first value of a name without the spaces around it; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.verbatim(name).trim()
    }

    /// The first value of a name as it came.
    pub(crate) fn verbatim(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A whole number, if it is one.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name).parse().ok()
    }

    /// A whole number that must be there if the field is filled in.
    pub(crate) fn checked<T: std::str::FromStr>(
        &self,
        name: &str,
        what: &str,
    ) -> Result<Option<T>, Problem> {
        match self.text(name) {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| Problem::bad(format!("{what} must be a whole number, not {text:?}"))),
        }
    }

    /// Every value of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
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
        let fields = Fields::read("a=1+2%26&b=&a=3&c&%20e= x &n=7");
        assert_eq!(fields.text("a"), "1 2&");
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1 2&", "3"]);
        assert_eq!(fields.verbatim(" e"), " x ");
        assert_eq!(fields.number::<i32>("n"), Some(7));
        assert!(fields.checked::<i32>("a", "the count").is_err());
        assert!(matches!(fields.checked::<i32>("b", "the count"), Ok(None)));
    }
}
