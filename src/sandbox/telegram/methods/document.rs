//! sendDocument, as a form with the file in it.

use bytes::Bytes;
use serde_json::{Map, json};

use super::{Result, chat, send::posted, wire::ChatIdParam};
use crate::sandbox::telegram::{FakeTelegram, MessageRef, refusal::Refusal};

/// A part of a form: its name, its file's name, its content.
struct Part<'a> {
    name: &'a str,
    file_name: Option<&'a str>,
    content: &'a str,
}

pub(super) fn send_document(telegram: &FakeTelegram, body: &Bytes, unseen: bool) -> Result {
    let form = std::str::from_utf8(body).map_err(|_| Refusal::bad_request("the stand-in takes text files only"))?;
    let parts = parts(form);
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    let chat_id = part("chat_id").map(|part| ChatIdParam::Text(part.content.to_owned()));
    let chat_id = chat_id.ok_or_else(|| Refusal::bad_request("chat_id is empty"))?;
    let document = part("document").filter(|part| part.file_name.is_some() && !part.content.is_empty());
    let document = document.ok_or_else(|| Refusal::bad_request("there is no document in the request"))?;
    let (result, sent) = {
        let mut state = telegram.lock();
        chat(&mut state, &chat_id)?.check_bot_may_write(None)?;
        let content = Bytes::copy_from_slice(document.content.as_bytes());
        let size = content.len() as u64;
        let (file_id, file_unique_id) = state.add_file("json", content, size);
        let file = json!({"file_id": file_id, "file_unique_id": file_unique_id, "file_size": size,
            "file_name": document.file_name, "mime_type": "application/json"});
        let body = Map::from_iter([("document".to_owned(), file)]);
        let chat_id = chat_id.number().unwrap_or_default();
        posted(telegram, &mut state, chat_id, body, unseen)?
    };
    telegram.announce_sent(&sent);
    Ok(result)
}

fn parts(form: &str) -> Vec<Part<'_>> {
    let Some(boundary) = form.split("\r\n").next().filter(|line| line.starts_with("--")) else { return Vec::new() };
    let sections = form.split(boundary).map(|section| section.trim_start_matches("\r\n"));
    sections
        .filter_map(|section| {
            let (head, content) = section.split_once("\r\n\r\n")?;
            let value = |key: &str| head.split(&format!("{key}=\"")).nth(1)?.split('"').next();
            let content = content.strip_suffix("\r\n").unwrap_or(content);
            Some(Part { name: value("; name")?, file_name: value("filename"), content })
        })
        .collect()
}

impl FakeTelegram {
    /// What stands in the file of a message, whoever sent it.
    pub fn file_of(&self, message: MessageRef) -> Option<Bytes> {
        let state = self.lock();
        let stored = state.chats.get(&message.chat.0)?.messages.get(&message.id.0)?;
        let id = stored.json["document"]["file_id"].as_str().map(str::to_owned)?;
        state.files.get(&id).map(|file| file.content.clone())
    }
}
