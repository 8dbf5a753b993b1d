//! Files that people have sent: named first, then fetched.

use std::time::Duration;

use bytes::Bytes;
use frankenstein::methods::GetFileParams;
use http::Request;
use tokio::time::Instant;

use super::{Telegram, TelegramError, client::not_a_request, error, json::Object};
use crate::transport::ResponseMax;

/// What a download may take beyond a call: 20 MB at 1 MB/s.
const DOWNLOAD_EXTRA: Duration = Duration::from_secs(20);

/// The word for a download in errors and figures.
pub(super) const DOWNLOAD: &str = "download";

/// A file that may be downloaded for at least an hour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileHandle {
    /// What [`Telegram::download`] takes.
    pub file_path: String,
    /// Its size, where Telegram tells.
    pub size_bytes: Option<u64>,
}

impl Telegram {
    /// Makes a file ready for [`Self::download`].
    ///
    /// # Errors
    ///
    /// [`TelegramError`]; [`TelegramError::BadFile`] above 20 MB.
    pub async fn get_file(&self, file_id: &str) -> Result<FileHandle, TelegramError> {
        let body = GetFileParams::builder().file_id(file_id).build();
        self.call("getFile", &body, |answer| {
            let file = answer.object("result")?;
            Some(FileHandle { file_path: file.words("file_path")?, size_bytes: file.value("file_size") })
        })
        .await
    }

    /// Downloads a file that [`Self::get_file`] named. Of one that is larger than `max_bytes`, no more is read.
    ///
    /// # Errors
    ///
    /// [`TelegramError`]; [`TelegramError::FileTooLarge`] above `max_bytes`.
    pub async fn download(&self, file_path: &str, max_bytes: usize) -> Result<Bytes, TelegramError> {
        let started = Instant::now();
        let result = self.download_once(DOWNLOAD, file_path, max_bytes).await;
        self.record(DOWNLOAD, started, result.as_ref().err());
        result
    }

    async fn download_once(
        &self,
        method: &'static str,
        file_path: &str,
        max_bytes: usize,
    ) -> Result<Bytes, TelegramError> {
        // A local server in `--local` mode names a path on its own disk, which cannot be fetched.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.');
        if file_path.starts_with('/') || file_path.contains("..") || !file_path.chars().all(plain) {
            return Err(TelegramError::BadFile { description: "its path is not one of telegram's".to_owned() });
        }
        let mut request = self
            .address(method, "/file", file_path)
            .and_then(|uri| Request::get(uri).body(Bytes::new()).map_err(|_| not_a_request(method)))?;
        request.extensions_mut().insert(ResponseMax { bytes: max_bytes });
        let response = self.exchange(method, request, self.options.call_timeout + DOWNLOAD_EXTRA).await?;
        let body = response.body();
        match response.status().as_u16() {
            200 if body.len() > max_bytes => Err(TelegramError::FileTooLarge { limit_bytes: max_bytes }),
            200 => Ok(response.into_body()),
            code @ (400 | 404) => {
                Err(TelegramError::BadFile { description: format!("the download was refused with {code}") })
            }
            _ => {
                let json = std::str::from_utf8(body).unwrap_or_default();
                let answer = Object::read(json).ok();
                Err(error::from_answer(method, response.status(), response.headers(), answer.as_ref()))
            }
        }
    }
}
