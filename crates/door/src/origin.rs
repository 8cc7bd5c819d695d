//! Where a request comes from: the host it names, and the page whose script sent it.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, Method, header};

/// Set by browsers, out of reach of scripts: whose page sent the request.
const FETCH_SITE: &str = "sec-fetch-site";
/// Set by browsers: whether the request opens a page.
const FETCH_MODE: &str = "sec-fetch-mode";

/// Which names of hosts a server answers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hosts {
    /// Whether other machines reach the server: then it also answers to any IP address, which no
    /// foreign page can make its own name resolve to.
    pub(crate) beyond_loopback: bool,
    /// Names of this server.
    pub(crate) names: Vec<String>,
}

impl Hosts {
    pub(crate) fn answer_to(&self, headers: &HeaderMap) -> bool {
        let Some(host) = text(headers, header::HOST.as_str()) else { return false };
        let name = without_port(host);
        is_local(host)
            || self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
            || (self.beyond_loopback && is_address(name))
    }
}

/// Why a request is refused whoever sends it.
pub(crate) fn refusal(method: &Method, headers: &HeaderMap, cookie: bool) -> Option<&'static str> {
    let origin = text(headers, header::ORIGIN.as_str());
    let site = text(headers, FETCH_SITE);
    let same_origin = match site {
        Some(site) => site == "same-origin",
        None => origin.is_some_and(|origin| is_of_host(origin, headers)),
    };
    if method == Method::GET || method == Method::HEAD {
        // A link on another page may lead here; a script or an image of it may not.
        let opens = text(headers, FETCH_MODE) == Some("navigate");
        let foreign = match site {
            Some(site) => !matches!(site, "same-origin" | "none") && !opens,
            None => origin.is_some_and(|origin| !is_of_host(origin, headers)),
        };
        return foreign.then_some("requests of other sites are refused");
    }
    if same_origin {
        return None;
    }
    if site.is_some() || origin.is_some() {
        return Some("requests of other sites are refused");
    }
    // Without either header it is no browser, and its user named the cookie; a browser's request that
    // hides where it comes from looks the same, so that a cookie alone is not enough.
    cookie.then_some("a change with a session's cookie must say its Origin; programs use a token")
}

/// Whether an `Origin` is that of the host that the request names.
fn is_of_host(origin: &str, headers: &HeaderMap) -> bool {
    let (scheme, authority) = match origin.split_once("://") {
        Some((scheme @ ("http" | "https"), authority)) => (scheme, authority),
        _ => return false,
    };
    let Some(host) = text(headers, header::HOST.as_str()) else { return false };
    // A browser leaves the usual port out of both; a proxy may add it to one.
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let bare = |text: &str| text.strip_suffix(usual).unwrap_or(text).to_ascii_lowercase();
    bare(authority) == bare(host)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    // A header that is not text is one that nobody we know sends.
    headers.get(name).map(|value| value.to_str().unwrap_or(""))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether `host` or `host:port` names this machine's loopback.
pub(crate) fn is_local(host: &str) -> bool {
    let name = without_port(host);
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    match bare {
        Some(six) => six.parse().is_ok_and(|address: Ipv6Addr| address.is_loopback()),
        None if name.eq_ignore_ascii_case("localhost") => true,
        None => matches!(name.parse(), Ok(IpAddr::V4(address)) if address.is_loopback()),
    }
}

fn is_address(name: &str) -> bool {
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(six) => six.parse::<Ipv6Addr>().is_ok(),
        None => matches!(name.parse(), Ok(IpAddr::V4(_))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        for local in
            ["localhost", "LOCALHOST:9021", "127.0.0.1:9021", "127.0.0.2", "[::1]:9021", "[::1]"]
        {
            assert!(is_local(local), "{local}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example:9021",
            "127.0.0.1.nip.io",
            "10.0.0.1",
            "[fe80::1]",
            "",
            "::1",
        ] {
            assert!(!is_local(other), "{other}");
        }
    }

    #[test]
    fn a_server_answers_to_its_own_names_only() {
        let here = Hosts::default();
        let beyond = Hosts { beyond_loopback: true, names: vec!["mill.example".to_owned()] };
        for (host, by_here, by_beyond) in [
            ("localhost:8080", true, true),
            ("10.0.0.1:8080", false, true),
            ("[fe80::1]:8080", false, true),
            ("Mill.Example:8080", false, true),
            ("evil.example", false, false),
            ("10.0.0.1.evil.example", false, false),
        ] {
            let headers = headers(&[("host", host)]);
            assert_eq!(here.answer_to(&headers), by_here, "{host}");
            assert_eq!(beyond.answer_to(&headers), by_beyond, "{host}");
        }
        assert!(!beyond.answer_to(&HeaderMap::new()), "no host");
    }

    #[test]
    fn a_script_of_another_page_reads_nothing_and_a_link_may_lead_here() {
        let host = ("host", "localhost:8080");
        for (pairs, refused) in [
            (vec![host], false),
            (vec![host, ("origin", "http://localhost:8080")], false),
            (vec![host, ("origin", "https://evil.example")], true),
            (vec![host, ("origin", "http://localhost:3000")], true),
            (vec![host, ("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")], false),
            (vec![host, ("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")], false),
            (vec![host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], false),
            (vec![host, ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate")], false),
            (vec![host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], true),
            (vec![host, ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")], true),
        ] {
            let found = refusal(&Method::GET, &headers(&pairs), true).is_some();
            assert_eq!(found, refused, "{pairs:?}");
        }
    }

    #[test]
    fn a_change_comes_from_a_page_of_ours_or_from_no_browser() {
        let host = ("host", "localhost:8080");
        for (pairs, with_cookie, without) in [
            (vec![host], true, false),
            (vec![host, ("origin", "http://localhost:8080")], false, false),
            (vec![host, ("origin", "HTTP://localhost:8080")], true, true),
            (vec![host, ("origin", "http://localhost:3000")], true, true),
            (vec![host, ("origin", "https://evil.example")], true, true),
            (vec![host, ("origin", "null")], true, true),
            (vec![host, ("origin", "null"), ("sec-fetch-site", "same-origin")], false, false),
            (vec![host, ("sec-fetch-site", "same-origin")], false, false),
            (vec![host, ("sec-fetch-site", "none")], true, true),
            (vec![host, ("sec-fetch-site", "same-site")], true, true),
            (
                vec![
                    host,
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("origin", "https://evil.example"),
                ],
                true,
                true,
            ),
            (vec![("host", "mill.example"), ("origin", "https://mill.example")], false, false),
            (vec![("host", "mill.example:443"), ("origin", "https://mill.example")], false, false),
        ] {
            for (cookie, refused) in [(true, with_cookie), (false, without)] {
                let found = refusal(&Method::POST, &headers(&pairs), cookie).is_some();
                assert_eq!(found, refused, "{pairs:?}, cookie: {cookie}");
            }
        }
    }
}
