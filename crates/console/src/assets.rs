//! Styles and scripts, embedded, each under a name that holds the hash of its bytes.
//!
//! A browser may keep them for ever: other bytes have another name.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// A file of `ui/`.
struct Asset {
    stem: &'static str,
    extension: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

const ASSETS: &[Asset] = &[
    Asset {
        stem: "console",
        extension: "css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../ui/console.css"),
    },
    Asset {
        stem: "console",
        extension: "js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../ui/console.js"),
    },
    Asset {
        stem: "theme",
        extension: "js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../ui/theme.js"),
    },
    Asset {
        stem: "mark",
        extension: "svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../ui/mark.svg"),
    },
];

impl Asset {
    fn name(&self) -> String {
        format!("{}.{:016x}.{}", self.stem, fnv1a(self.bytes), self.extension)
    }
}

/// The path of a file, such as `/assets/console.0123456789abcdef.css`.
pub(crate) fn path(file: &str) -> String {
    let found = ASSETS.iter().find(|asset| {
        file.strip_suffix(asset.extension).and_then(|stem| stem.strip_suffix('.'))
            == Some(asset.stem)
    });
    found.map_or_else(|| format!("/assets/{file}"), |asset| format!("/assets/{}", asset.name()))
}

/// Answers `GET /assets/{name}`.
pub(crate) async fn answer(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.name() == name) {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, asset.media_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, asset.bytes).into_response()
        }
        None => (StatusCode::NOT_FOUND, "no such file\n").into_response(),
    }
}

/// FNV-1a, 64 bits: a name for bytes, not a defence.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_weighs_less_than_100_kb() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.bytes.len()).sum();
        assert!(bytes < 100_000, "{bytes} bytes");
    }

    #[test]
    fn a_path_holds_the_hash() {
        let path = path("console.css");
        assert!(path.starts_with("/assets/console.") && path.ends_with(".css"), "{path}");
        assert_eq!(path.len(), "/assets/console.0123456789abcdef.css".len());
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
    }
}
