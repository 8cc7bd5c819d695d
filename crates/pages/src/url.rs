//! Paths and queries of our own pages, percent-encoded.

/// A path of these segments, each encoded: `/dags/my%20dag`.
#[must_use]
pub fn path(segments: &[&str]) -> String {
    let mut out = String::new();
    for part in segments {
        out.push('/');
        out.push_str(&segment(part));
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

/// A path with a query of those pairs whose value is not empty: `/dags?search=a%26b`.
#[must_use]
pub fn query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut out = path.to_owned();
    let mut mark = '?';
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        out.push(mark);
        out.push_str(&segment(name));
        out.push('=');
        out.push_str(&segment(value));
        mark = '&';
    }
    out
}

/// One segment or value, encoded: only what never means anything in an address stays as it is.
#[must_use]
pub fn segment(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            out.push(char::from(byte));
        } else if byte == b'.' && text != "." && text != ".." {
            out.push('.');
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(HEX.get(usize::from(digit)).map_or('0', |hex| char::from(*hex)));
            }
        }
    }
    out
}

/// What was encoded; `+` is a space, and what is no code stays as it is.
#[must_use]
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(if *byte == b'+' { b' ' } else { *byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_foreign_gets_out_of_its_segment() {
        assert_eq!(path(&["dags", "a/../b?c#d"]), "/dags/a%2F..%2Fb%3Fc%23d");
        assert_eq!(path(&["dags", ".."]), "/dags/%2E%2E");
        assert_eq!(
            query("/dags", &[("search", "a&b=c d"), ("tag", "")]),
            "/dags?search=a%26b%3Dc%20d"
        );
        assert_eq!(path(&[]), "/");
    }

    #[test]
    fn what_was_encoded_comes_back() {
        for text in ["scheduled__2026-11-29T00:00:00+00:00", "a b%zz", "\u{e9}t\u{e9}", "%", "%4"] {
            assert_eq!(decode(&segment(text)), text);
        }
        assert_eq!(decode("a+b%"), "a b%");
    }
}
