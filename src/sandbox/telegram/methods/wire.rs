//! Parameters of the methods, by Telegram's names. Those that have no effect here are taken and not looked at.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::sandbox::telegram::entities::NamedEntity;

/// A chat's id: a number, or a number in a string. Public @names do not exist here.
#[derive(Deserialize, Debug)]
#[serde(untagged)]
pub(super) enum ChatIdParam {
    Number(i64),
    Text(String),
}

impl ChatIdParam {
    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(id) => Some(*id),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct SendMessage {
    pub(super) chat_id: ChatIdParam,
    pub(super) message_thread_id: Option<i64>,
    #[serde(default)]
    pub(super) text: String,
    pub(super) parse_mode: Option<String>,
    #[serde(default)]
    pub(super) entities: Vec<NamedEntity>,
    pub(super) reply_parameters: Option<ReplyParameters>,
    pub(super) reply_markup: Option<Value>,
    #[serde(rename = "link_preview_options")]
    _link_preview_options: Option<LinkPreviewOptions>,
    #[serde(rename = "disable_notification")]
    _disable_notification: Option<bool>,
    #[serde(rename = "protect_content")]
    _protect_content: Option<bool>,
    #[serde(rename = "allow_paid_broadcast")]
    _allow_paid_broadcast: Option<bool>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyParameters {
    pub(super) message_id: i64,
    pub(super) chat_id: Option<ChatIdParam>,
    #[serde(default)]
    pub(super) allow_sending_without_reply: bool,
    pub(super) quote: Option<String>,
    #[serde(rename = "quote_entities")]
    _quote_entities: Option<IgnoredAny>,
    #[serde(rename = "quote_parse_mode")]
    _quote_parse_mode: Option<String>,
    #[serde(rename = "quote_position")]
    _quote_position: Option<i64>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkPreviewOptions {
    #[serde(rename = "is_disabled")]
    _is_disabled: Option<bool>,
    #[serde(rename = "url")]
    _url: Option<String>,
    #[serde(rename = "prefer_small_media")]
    _prefer_small_media: Option<bool>,
    #[serde(rename = "prefer_large_media")]
    _prefer_large_media: Option<bool>,
    #[serde(rename = "show_above_text")]
    _show_above_text: Option<bool>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct SendChatAction {
    pub(super) chat_id: ChatIdParam,
    pub(super) message_thread_id: Option<i64>,
    pub(super) action: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct EditMessageText {
    pub(super) chat_id: ChatIdParam,
    pub(super) message_id: i64,
    #[serde(default)]
    pub(super) text: String,
    pub(super) parse_mode: Option<String>,
    #[serde(default)]
    pub(super) entities: Vec<NamedEntity>,
    pub(super) reply_markup: Option<Value>,
    #[serde(rename = "link_preview_options")]
    _link_preview_options: Option<LinkPreviewOptions>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct EditMessageReplyMarkup {
    pub(super) chat_id: ChatIdParam,
    pub(super) message_id: i64,
    pub(super) reply_markup: Option<Value>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteMessage {
    pub(super) chat_id: ChatIdParam,
    pub(super) message_id: i64,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct SetMessageReaction {
    pub(super) chat_id: ChatIdParam,
    pub(super) message_id: i64,
    #[serde(default)]
    pub(super) reaction: Vec<Reaction>,
    #[serde(rename = "is_big")]
    _is_big: Option<bool>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Reaction {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) emoji: Option<String>,
    #[serde(rename = "custom_emoji_id")]
    _custom_emoji_id: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerCallbackQuery {
    pub(super) callback_query_id: String,
    pub(super) text: Option<String>,
    #[serde(rename = "show_alert")]
    _show_alert: Option<bool>,
    #[serde(rename = "url")]
    _url: Option<String>,
    #[serde(rename = "cache_time")]
    _cache_time: Option<i64>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct SetMyCommands {
    pub(super) commands: Vec<BotCommand>,
    pub(super) scope: Option<Scope>,
    pub(super) language_code: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct BotCommand {
    pub(super) command: String,
    pub(super) description: String,
}

#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandsOf {
    pub(super) scope: Option<Scope>,
    pub(super) language_code: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Scope {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) chat_id: Option<ChatIdParam>,
    pub(super) user_id: Option<i64>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct GetFile {
    pub(super) file_id: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct OfChat {
    pub(super) chat_id: ChatIdParam,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct GetChatAdministrators {
    pub(super) chat_id: ChatIdParam,
    #[serde(rename = "return_bots")]
    _return_bots: Option<bool>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct GetChatMember {
    pub(super) chat_id: ChatIdParam,
    pub(super) user_id: i64,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct SetWebhook {
    #[serde(default)]
    pub(super) url: String,
    pub(super) ip_address: Option<String>,
    pub(super) max_connections: Option<usize>,
    pub(super) allowed_updates: Option<Vec<String>>,
    #[serde(default)]
    pub(super) drop_pending_updates: bool,
    pub(super) secret_token: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteWebhook {
    #[serde(default)]
    pub(super) drop_pending_updates: bool,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct GetUpdates {
    pub(super) offset: Option<i64>,
    pub(super) limit: Option<usize>,
    pub(super) timeout: Option<u64>,
    pub(super) allowed_updates: Option<Vec<String>>,
}
