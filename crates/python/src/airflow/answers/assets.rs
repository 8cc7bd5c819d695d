//! Assets: names of what tasks make. Nothing is kept of them, so nothing is started by them.

use super::Reply;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Question {
    ValidateInletsAndOutlets {},
    GetAssetByName {},
    GetAssetByUri {},
    GetAssetsByAlias {},
    GetAssetEventByAsset {},
    GetAssetEventByAssetAlias {},
}

pub(super) fn answer(question: &Question) -> Reply {
    let none: [Value; 0] = [];
    match question {
        Question::ValidateInletsAndOutlets {} => {
            Reply::Body(json!({"type": "InactiveAssetsResult", "inactive_assets": none}))
        }
        Question::GetAssetByName {} | Question::GetAssetByUri {} => {
            Reply::not_found("ASSET_NOT_FOUND", json!({"message": "no assets are kept yet"}))
        }
        Question::GetAssetsByAlias {} => {
            Reply::Body(json!({"type": "AssetsByAliasResult", "assets": none}))
        }
        Question::GetAssetEventByAsset {} | Question::GetAssetEventByAssetAlias {} => {
            Reply::Body(json!({"type": "AssetEventsResult", "asset_events": none}))
        }
    }
}
