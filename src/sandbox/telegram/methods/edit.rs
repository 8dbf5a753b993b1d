//! What changes a message that is already there, and answers to button presses.

use serde_json::Value;

use super::{Result, chat, send, wire};
use crate::{
    domain::{ChatId, MessageId, UserId},
    sandbox::telegram::{
        Change, FakeTelegram, MessageRef,
        chat::{Standing, StoredMessage},
        refusal::Refusal,
        state::State,
    },
    telegram::ALLOWED_REACTIONS,
};

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly the \
                            same as a current content and reply markup of the message";
const CALLBACK_TEXT_MAX_CHARS: usize = 200;

pub(super) fn edit_message_text(telegram: &FakeTelegram, call: wire::EditMessageText) -> Result {
    let now = telegram.now();
    let text = send::checked_text(&call.text, call.parse_mode.as_deref())?;
    let body = send::body(text, &call.entities, call.reply_markup.as_ref())?;
    let (message, result) = {
        let mut state = telegram.lock();
        let (message, stored) = own_message(&mut state, &call.chat_id, call.message_id)?;
        let same = ["text", "entities", "reply_markup"].iter().all(|key| stored.json.get(*key) == body.get(*key));
        if same {
            return Err(Refusal::bad_request(NOT_MODIFIED));
        }
        if let Some(json) = stored.json.as_object_mut() {
            for key in ["entities", "reply_markup"] {
                json.remove(key);
            }
            json.extend(body);
            json.insert("edit_date".into(), now.0.div_euclid(1000).into());
        }
        (message, stored.json.clone())
    };
    telegram.tell(Change::Message(message));
    Ok(result)
}

pub(super) fn edit_message_reply_markup(telegram: &FakeTelegram, call: wire::EditMessageReplyMarkup) -> Result {
    let markup = call.reply_markup.as_ref().map(send::checked_markup).transpose()?.flatten();
    let (message, result) = {
        let mut state = telegram.lock();
        let (message, stored) = own_message(&mut state, &call.chat_id, call.message_id)?;
        if stored.json.get("reply_markup") == markup.as_ref() {
            return Err(Refusal::bad_request(NOT_MODIFIED));
        }
        if let Some(json) = stored.json.as_object_mut() {
            match markup {
                Some(markup) => json.insert("reply_markup".into(), markup),
                None => json.remove("reply_markup"),
            };
        }
        (message, stored.json.clone())
    };
    telegram.tell(Change::Message(message));
    Ok(result)
}

fn own_message<'a>(
    state: &'a mut State,
    chat_id: &wire::ChatIdParam,
    message_id: i64,
) -> Result<(MessageRef, &'a mut StoredMessage)> {
    let chat = chat(state, chat_id)?;
    chat.check_bot_is_in()?;
    let message = MessageRef { chat: ChatId(chat.id), id: MessageId(message_id) };
    let stored = chat.messages.get_mut(&message_id);
    let stored = stored.ok_or_else(|| Refusal::bad_request("message to edit not found"))?;
    if !stored.own {
        return Err(Refusal::bad_request("message can't be edited"));
    }
    Ok((message, stored))
}

pub(super) fn delete_message(telegram: &FakeTelegram, call: &wire::DeleteMessage) -> Result {
    let message = {
        let mut state = telegram.lock();
        let chat = chat(&mut state, &call.chat_id)?;
        chat.check_bot_is_in()?;
        let stored = chat.messages.get(&call.message_id);
        let stored = stored.ok_or_else(|| Refusal::bad_request("message to delete not found"))?;
        if !stored.own && chat.is_group() && chat.standing != Standing::Admin {
            return Err(Refusal::bad_request("message can't be deleted"));
        }
        chat.messages.remove(&call.message_id);
        MessageRef { chat: ChatId(chat.id), id: MessageId(call.message_id) }
    };
    telegram.tell(Change::Removed(message));
    Ok(Value::Bool(true))
}

pub(super) fn set_message_reaction(telegram: &FakeTelegram, call: &wire::SetMessageReaction) -> Result {
    if call.reaction.len() > 1 {
        return Err(Refusal::bad_request("REACTIONS_TOO_MANY"));
    }
    let is_known = |reaction: &wire::Reaction| {
        reaction.kind == "emoji" && reaction.emoji.as_deref().is_some_and(|emoji| ALLOWED_REACTIONS.contains(&emoji))
    };
    if !call.reaction.iter().all(is_known) {
        return Err(Refusal::bad_request("REACTION_INVALID"));
    }
    let message = {
        let mut state = telegram.lock();
        let bot = state.bot.id;
        let chat = chat(&mut state, &call.chat_id)?;
        chat.check_bot_is_in()?;
        let message = MessageRef { chat: ChatId(chat.id), id: MessageId(call.message_id) };
        let stored = chat.messages.get_mut(&call.message_id);
        let stored = stored.ok_or_else(|| Refusal::bad_request("message to react not found"))?;
        let emoji = call.reaction.iter().filter_map(|reaction| reaction.emoji.clone()).collect();
        stored.reactions.insert(bot, emoji);
        message
    };
    telegram.tell(Change::Message(message));
    Ok(Value::Bool(true))
}

pub(super) fn answer_callback_query(telegram: &FakeTelegram, call: wire::AnswerCallbackQuery) -> Result {
    if call.text.as_ref().is_some_and(|text| text.chars().count() > CALLBACK_TEXT_MAX_CHARS) {
        return Err(Refusal::bad_request("MESSAGE_TOO_LONG"));
    }
    let id = call.callback_query_id.parse::<i64>().ok();
    let person = id
        .and_then(|id| telegram.lock().callbacks.remove(&id))
        .ok_or_else(|| Refusal::bad_request("query is too old and response timeout expired or query ID is invalid"))?;
    telegram.tell(Change::CallbackAnswered { person: UserId(person), text: call.text });
    Ok(Value::Bool(true))
}
