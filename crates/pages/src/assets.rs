//! Styles and scripts, embedded, each under a name that holds the hash of its bytes.
//!
//! A browser may keep them for ever: other bytes have another name. A server with files of its own
//! gives them to [`routes_with`], and their paths ([`Asset::path`]) to [`crate::Shell`].

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use door::{Permission, guarded};

/// An embedded file.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its name before the dot.
    pub stem: &'static str,
    /// Its name after the dot: `css`, `js` or `svg`.
    pub extension: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
}

/// The files of every page.
pub const SHARED: &[Asset] = &[STYLE, THEME, MARK, CORE, X_DAG, X_GRID, X_LOG];

/// The look of every page.
pub(crate) const STYLE: Asset = Asset {
    stem: "ui",
    extension: "css",
    bytes: concat!(
        include_str!("../ui/tokens.css"),
        include_str!("../ui/frame.css"),
        include_str!("../ui/parts.css"),
        include_str!("../ui/dags.css")
    )
    .as_bytes(),
};
pub(crate) const THEME: Asset =
    Asset { stem: "theme", extension: "js", bytes: include_bytes!("../ui/theme.js") };
pub(crate) const MARK: Asset =
    Asset { stem: "mark", extension: "svg", bytes: include_bytes!("../ui/mark.svg") };
pub(crate) const CORE: Asset =
    Asset { stem: "core", extension: "js", bytes: include_bytes!("../ui/core.js") };
pub(crate) const X_DAG: Asset =
    Asset { stem: "x-dag", extension: "js", bytes: include_bytes!("../ui/x-dag.js") };
pub(crate) const X_GRID: Asset =
    Asset { stem: "x-grid", extension: "js", bytes: include_bytes!("../ui/x-grid.js") };
pub(crate) const X_LOG: Asset =
    Asset { stem: "x-log", extension: "js", bytes: include_bytes!("../ui/x-log.js") };

impl Asset {
    fn name(&self) -> String {
        format!("{}.{:016x}.{}", self.stem, fnv1a(self.bytes), self.extension)
    }

    /// Its path: `/assets/ui.0123456789abcdef.css`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/assets/{}", self.name())
    }

    fn media_type(&self) -> &'static str {
        match self.extension {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "application/octet-stream",
        }
    }
}

/// The path of the product's mark, for a page without navigation.
#[must_use]
pub fn mark() -> String {
    MARK.path()
}

/// Answers `GET /assets/{name}` with a file of every page, for a server that lists its routes itself.
pub async fn answer(Path(name): Path<String>) -> Response {
    SHARED.iter().find(|asset| asset.name() == name).map_or_else(missing, found)
}

/// The route of the files of every page.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    routes_with(&[])
}

/// The route of the files of every page and of these.
pub fn routes_with<S: Clone + Send + Sync + 'static>(more: &'static [Asset]) -> Router<S> {
    let answer = move |Path(name): Path<String>| async move {
        let found = SHARED.iter().chain(more).find(|asset| asset.name() == name);
        found.map_or_else(missing, self::found)
    };
    Router::new().route("/assets/{name}", guarded(Permission::Assets, get(answer)))
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, "no such file\n").into_response()
}

fn found(asset: &Asset) -> Response {
    let headers = [
        (header::CONTENT_TYPE, asset.media_type()),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.bytes).into_response()
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
    fn styles_and_scripts_weigh_less_than_60_kb() {
        let bytes: usize = SHARED.iter().map(|asset| asset.bytes.len()).sum();
        assert!(bytes < 60_000, "{bytes} bytes");
    }

    #[test]
    fn a_path_holds_the_hash() {
        let path = STYLE.path();
        assert_eq!(path.len(), "/assets/ui.0123456789abcdef.css".len(), "{path}");
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
    }

    #[test]
    fn files_are_plain_ascii() {
        for asset in SHARED {
            assert!(asset.bytes.is_ascii(), "{}.{}", asset.stem, asset.extension);
        }
    }
}
