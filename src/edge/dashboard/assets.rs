//! The style sheet, the script and the icon: in the binary, under names that change with what they hold, so that browsers
//! keep them for good.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};

/// A file and where it is.
pub(super) struct Asset {
    /// Its address.
    pub(super) path: String,
    kind: &'static str,
    content: &'static str,
}

/// The style sheet.
pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| asset("style", "css", "text/css; charset=utf-8", include_str!("assets/style.css")));
/// The script.
pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| asset("live", "js", "text/javascript; charset=utf-8", include_str!("assets/live.js")));
/// The icon.
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| asset("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg")));

fn asset(name: &str, ending: &str, kind: &'static str, content: &'static str) -> Asset {
    let digest = hex::encode(&Sha256::digest(content)[..6]);
    Asset { path: format!("/dashboard/assets/{name}.{digest}.{ending}"), kind, content }
}

pub(super) async fn file(Path(name): Path<String>) -> Response {
    let asked = |asset: &&Asset| asset.path.rsplit('/').next() == Some(&name);
    let Some(asset) = [&*STYLE, &*SCRIPT, &*ICON].into_iter().find(asked) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, asset.content).into_response()
}
