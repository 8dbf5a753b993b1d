//! Files that the bot sends.

use bytes::Bytes;
use http::{Method, Request, header::CONTENT_TYPE};
use sha2::{Digest as _, Sha256};

use super::{Sent, Telegram, TelegramError, client::not_a_request, messages::sent};
use crate::domain::ChatId;

const METHOD: &str = "sendDocument";

impl Telegram {
    /// Sends a text as a JSON file, once. `name` is plain ASCII.
    ///
    /// # Errors
    ///
    /// [`TelegramError`]. After [`TelegramError::Ambiguous`] the file may have been delivered.
    pub async fn send_document(&self, chat: ChatId, name: &str, content: &str) -> Result<Sent, TelegramError> {
        // A line that nobody could have written into the content, which may be anybody's.
        let boundary = hex::encode(Sha256::digest(content.as_bytes()));
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n{chat}\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"document\"; filename=\"{name}\"\r\n\
             Content-Type: application/json\r\n\r\n{content}\r\n--{boundary}--\r\n"
        );
        let request = self.address(METHOD, "", METHOD).and_then(|uri| {
            Request::builder()
                .method(Method::POST)
                .uri(uri)
                .header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
                .body(Bytes::from(body))
                .map_err(|_| not_a_request(METHOD))
        });
        self.answer(METHOD, request, self.options.call_timeout, |answer| sent(&answer.object("result")?)).await
    }
}
