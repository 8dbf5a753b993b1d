//! The methods of the Bot API that the stand-in knows. Any other is `Not Found`, and a parameter that a method does
//! not have is refused: Telegram ignores those, but a bot that sends one has a mistake.

mod chats;
mod document;
mod edit;
mod send;
mod webhook;
mod wire;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{FakeTelegram, chat::Chat, refusal::Refusal, state::State};

type Result<T = Value> = std::result::Result<T, Refusal>;

/// Runs one method. `unseen` notes that the bot will not learn the outcome.
pub(super) async fn run(telegram: &FakeTelegram, method: &str, body: &Bytes, unseen: bool) -> Result {
    if method == "getUpdates" {
        return webhook::get_updates(telegram, parse(body)?).await;
    }
    run_at_once(telegram, method, body, unseen)
}

fn run_at_once(telegram: &FakeTelegram, method: &str, body: &Bytes, unseen: bool) -> Result {
    match method {
        "getMe" => chats::get_me(telegram),
        "setWebhook" => webhook::set_webhook(telegram, parse(body)?),
        "deleteWebhook" => webhook::delete_webhook(telegram, &parse(body)?),
        "getWebhookInfo" => Ok(webhook::info(telegram)),
        "sendMessage" => send::send_message(telegram, parse(body)?, unseen),
        "sendDocument" => document::send_document(telegram, body, unseen),
        "sendChatAction" => send::send_chat_action(telegram, &parse(body)?),
        "editMessageText" => edit::edit_message_text(telegram, parse(body)?),
        "editMessageReplyMarkup" => edit::edit_message_reply_markup(telegram, parse(body)?),
        "deleteMessage" => edit::delete_message(telegram, &parse(body)?),
        "setMessageReaction" => edit::set_message_reaction(telegram, &parse(body)?),
        "answerCallbackQuery" => edit::answer_callback_query(telegram, parse(body)?),
        "setMyCommands" => chats::set_my_commands(telegram, parse(body)?),
        "getMyCommands" => chats::get_my_commands(telegram, &parse(body)?),
        "deleteMyCommands" => chats::delete_my_commands(telegram, &parse(body)?),
        "getFile" => chats::get_file(telegram, &parse(body)?),
        "getChat" => chats::get_chat(telegram, &parse(body)?),
        "getChatMember" => chats::get_chat_member(telegram, &parse(body)?),
        "getChatAdministrators" => chats::get_chat_administrators(telegram, &parse(body)?),
        "leaveChat" => chats::leave_chat(telegram, &parse(body)?),
        _ => Err(Refusal::not_found()),
    }
}

/// Runs the method that the bot put into its answer to the webhook. Nobody learns its outcome.
pub(super) fn run_webhook_answer(telegram: &FakeTelegram, answer: &[u8]) {
    let Ok(Value::Object(mut call)) = serde_json::from_slice(answer) else { return };
    let Some(Value::String(method)) = call.remove("method") else { return };
    let ignored = method.starts_with("get") || method.ends_with("Webhook");
    if !ignored {
        let body = Bytes::from(Value::Object(call).to_string());
        let _ = run_at_once(telegram, &method, &body, true);
    }
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T> {
    let body = if body.is_empty() { b"{}" } else { &body[..] };
    serde_json::from_slice(body).map_err(|error| Refusal::bad_request(format!("can't parse the request: {error}")))
}

/// The chat of a call.
fn chat<'a>(state: &'a mut State, id: &wire::ChatIdParam) -> Result<&'a mut Chat> {
    let id = id.number().ok_or_else(|| Refusal::bad_request("chat not found"))?;
    if !state.chats.contains_key(&id) && state.people.contains_key(&id) {
        return Err(Refusal::forbidden("bot can't initiate conversation with a user"));
    }
    state.chats.get_mut(&id).ok_or_else(|| Refusal::bad_request("chat not found"))
}
