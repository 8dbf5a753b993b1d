//! sendMessage and sendChatAction.

use serde_json::{Map, Value};

use super::{Result, chat, wire};
use crate::{
    domain::{ChatId, MessageId, Timestamp, TopicId},
    sandbox::telegram::{
        Change, FakeTelegram, MessageRef, Sent,
        chat::{Chat, Post},
        entities::{self, NamedEntity},
        limits,
        refusal::Refusal,
        state::State,
    },
};

/// A message's longest text, in UTF-16 units, after entities are parsed.
const TEXT_MAX_UNITS: usize = 4096;
/// The longest raw text, in bytes.
const TEXT_MAX_BYTES: usize = 32_768;
/// How long typing is shown.
const TYPING_MS: i64 = 5000;

pub(super) fn send_message(telegram: &FakeTelegram, call: wire::SendMessage, unseen: bool) -> Result {
    let (result, sent) = {
        let mut state = telegram.lock();
        accept(telegram, &mut state, call, unseen)?
    };
    telegram.announce_sent(&sent);
    Ok(result)
}

impl FakeTelegram {
    /// Tells everybody who looks on that the bot has sent something.
    pub(super) fn announce_sent(&self, sent: &Sent) {
        self.tell(Change::Message(sent.message));
        if let Some(answered) = sent.reply_to {
            self.tell(Change::Message(MessageRef { chat: sent.message.chat, id: answered }));
        }
        self.tell(Change::Typing { chat: sent.message.chat, topic: sent.topic });
        if let Some(hook) = self.inner.on_sent.get() {
            hook(sent);
        }
    }
}

/// The bot's message of this content, without reply or topic, as it stands in the chat now.
pub(super) fn posted(
    telegram: &FakeTelegram,
    state: &mut State,
    chat_id: i64,
    body: Map<String, Value>,
    unseen: bool,
) -> Result<(Value, Sent)> {
    let now = telegram.now();
    take_slot(telegram, state, chat_id, now)?;
    let (author, from) = (state.bot.id, state.bot.as_json());
    let post = Post { author, own: true, from, topic: None, reply_to: None, bot_to_bot: false, body };
    let id = state.post(chat_id, post, now).ok_or_else(|| Refusal::bad_request("chat not found"))?;
    let message = MessageRef { chat: ChatId(chat_id), id: MessageId(id) };
    let (text, entities) = (String::new(), Vec::new());
    let sent = Sent { at: now, message, topic: None, text, entities, reply_to: None, unseen };
    let result = settle(state, chat_id, id, None);
    if state.sent.is_on() {
        state.sent.push(sent.clone());
    }
    Ok((result, sent))
}

fn accept(telegram: &FakeTelegram, state: &mut State, call: wire::SendMessage, unseen: bool) -> Result<(Value, Sent)> {
    let now = telegram.now();
    let text = checked_text(&call.text, call.parse_mode.as_deref())?;
    let chat = chat(state, &call.chat_id)?;
    chat.check_bot_may_write(call.message_thread_id)?;
    let reply_to = call.reply_parameters.as_ref().map(|reply| find_reply(chat, reply)).transpose()?.flatten();
    let chat_id = chat.id;
    let body = body(text, &call.entities, call.reply_markup.as_ref())?;
    take_slot(telegram, state, chat_id, now)?;
    let (author, from) = (state.bot.id, state.bot.as_json());
    let entities = body.get("entities").and_then(Value::as_array).cloned().unwrap_or_default();
    let post = Post { author, own: true, bot_to_bot: false, from, topic: call.message_thread_id, reply_to, body };
    let id = state.post(chat_id, post, now).ok_or_else(|| Refusal::bad_request("chat not found"))?;
    let sent = Sent {
        at: now,
        message: MessageRef { chat: ChatId(chat_id), id: MessageId(id) },
        topic: call.message_thread_id.map(TopicId),
        text: text.to_owned(),
        entities,
        reply_to: reply_to.map(MessageId),
        unseen,
    };
    let result = settle(state, chat_id, id, reply_to);
    if state.sent.is_on() {
        state.sent.push(sent.clone());
    }
    Ok((result, sent))
}

/// Ends the typing, notes what was answered, and returns the message as it stands.
fn settle(state: &mut State, chat_id: i64, id: i64, reply_to: Option<i64>) -> Value {
    let Some(chat) = state.chats.get_mut(&chat_id) else { return Value::Null };
    chat.typing = None;
    let answered = match reply_to {
        Some(reply_to) => chat.messages.get_mut(&reply_to),
        // In a private chat the bot need not reply to be understood.
        None if !chat.is_group() => chat.messages.values_mut().rev().find(|message| !message.own),
        None => None,
    };
    if let Some(answered) = answered {
        answered.answered_by.get_or_insert(id);
    }
    chat.messages.get(&id).map(|message| message.json.clone()).unwrap_or_default()
}

/// The text as Telegram takes it: trimmed, not empty, not too long.
pub(super) fn checked_text<'a>(text: &'a str, parse_mode: Option<&str>) -> Result<&'a str> {
    if let Some(mode) = parse_mode.filter(|mode| !mode.is_empty()) {
        if !["html", "markdownv2", "markdown"].contains(&mode.to_ascii_lowercase().as_str()) {
            return Err(Refusal::bad_request("unsupported parse_mode"));
        }
        return Err(Refusal::bad_request("can't parse entities: the stand-in parses no markup, send entities"));
    }
    if text.trim().is_empty() {
        return Err(Refusal::bad_request("message text is empty"));
    }
    if text.len() > TEXT_MAX_BYTES {
        return Err(Refusal::bad_request("text is too long"));
    }
    if text.encode_utf16().count() > TEXT_MAX_UNITS {
        return Err(Refusal::bad_request("message is too long"));
    }
    Ok(text)
}

/// Text, entities (the sender's own, and what Telegram finds where there are none) and buttons.
pub(super) fn body(text: &str, named: &[NamedEntity], markup: Option<&Value>) -> Result<Map<String, Value>> {
    let mut kept = entities::check(text, named)?;
    if kept.is_empty() {
        kept = entities::detect(text);
    }
    let mut body = Map::new();
    body.insert("text".into(), text.into());
    if !kept.is_empty() {
        body.insert("entities".into(), kept.into());
    }
    if let Some(markup) = markup.map(checked_markup).transpose()?.flatten() {
        body.insert("reply_markup".into(), markup);
    }
    Ok(body)
}

/// Inline buttons are kept with the message; other keyboards are shown once and not kept.
pub(super) fn checked_markup(markup: &Value) -> Result<Option<Value>> {
    let Some(rows) = markup.get("inline_keyboard") else { return Ok(None) };
    let rows = rows.as_array().ok_or_else(|| Refusal::bad_request("can't parse inline keyboard"))?;
    for button in rows.iter().flat_map(|row| row.as_array().into_iter().flatten()) {
        let text = button["text"].as_str().unwrap_or_default();
        if text.is_empty() {
            return Err(Refusal::bad_request("can't parse inline keyboard button: text must be non-empty"));
        }
        match (button.get("callback_data"), button.get("url")) {
            (Some(data), None) if data.as_str().is_some_and(|data| (1..=64).contains(&data.len())) => {}
            (None, Some(_)) => {}
            (Some(_), None) => return Err(Refusal::bad_request("BUTTON_DATA_INVALID")),
            _ => return Err(Refusal::bad_request("can't parse inline keyboard button: exactly one action is needed")),
        }
    }
    Ok((!rows.is_empty()).then(|| markup.clone()))
}

fn find_reply(chat: &Chat, reply: &wire::ReplyParameters) -> Result<Option<i64>> {
    let elsewhere = reply.chat_id.as_ref().is_some_and(|id| id.number() != Some(chat.id));
    let target = chat.messages.get(&reply.message_id).filter(|_| !elsewhere);
    let Some(target) = target else {
        if reply.allow_sending_without_reply {
            return Ok(None);
        }
        return Err(Refusal::bad_request("message to be replied not found"));
    };
    if let Some(quote) = &reply.quote {
        let text = target.json["text"].as_str().or_else(|| target.json["caption"].as_str()).unwrap_or_default();
        if !text.contains(quote.as_str()) {
            return Err(Refusal::bad_request("QUOTE_TEXT_INVALID"));
        }
    }
    Ok(Some(reply.message_id))
}

fn take_slot(telegram: &FakeTelegram, state: &mut State, chat_id: i64, now: Timestamp) -> Result<()> {
    let Some(limits) = telegram.options().limits else { return Ok(()) };
    let State { chats, overall, .. } = state;
    let Some(chat) = chats.get_mut(&chat_id) else { return Ok(()) };
    let is_group = chat.is_group();
    limits::take(limits, overall, &mut chat.gate, is_group, now).map_err(Refusal::too_many)
}

pub(super) fn send_chat_action(telegram: &FakeTelegram, call: &wire::SendChatAction) -> Result {
    const ACTIONS: [&str; 11] = [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    ];
    if !ACTIONS.contains(&call.action.as_str()) {
        return Err(Refusal::bad_request("wrong parameter action in request"));
    }
    let now = telegram.now();
    let chat = {
        let mut state = telegram.lock();
        let chat = chat(&mut state, &call.chat_id)?;
        chat.check_bot_may_write(call.message_thread_id)?;
        chat.typing = Some((call.message_thread_id, Timestamp(now.0 + TYPING_MS)));
        ChatId(chat.id)
    };
    telegram.tell(Change::Typing { chat, topic: call.message_thread_id.map(TopicId) });
    Ok(Value::Bool(true))
}
