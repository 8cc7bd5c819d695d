//! The console's own styles and scripts, beside those of every page.

use pages::assets::Asset;

/// The look of the console's own parts.
pub(crate) const STYLE: Asset =
    Asset { stem: "console", extension: "css", bytes: include_bytes!("../ui/console.css") };
/// The script of the page of pipelines.
pub(crate) const PIPELINES: Asset =
    Asset { stem: "pipelines", extension: "js", bytes: include_bytes!("../ui/pipelines.js") };
/// Charts of the last hours.
pub(crate) const X_CHART: Asset =
    Asset { stem: "x-chart", extension: "js", bytes: include_bytes!("../ui/x-chart.js") };

/// All of them.
pub(crate) const ALL: &[Asset] = &[STYLE, PIPELINES, X_CHART];

/// Paths of the styles and scripts of every page of the console.
pub(crate) fn of_every_page() -> (Vec<String>, Vec<String>) {
    (vec![STYLE.path()], vec![X_CHART.path()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_styles_weigh_less_than_100_kb() {
        let all = ALL.iter().chain(pages::assets::SHARED);
        let code = all.filter(|asset| matches!(asset.extension, "css" | "js"));
        let bytes: usize = code.map(|asset| asset.bytes.len()).sum();
        assert!(bytes < 100_000, "{bytes} bytes");
    }

    #[test]
    fn files_are_plain_ascii() {
        for asset in ALL {
            assert!(asset.bytes.is_ascii(), "{}.{}", asset.stem, asset.extension);
        }
    }
}
