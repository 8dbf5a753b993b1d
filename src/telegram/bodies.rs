//! The bodies of requests: from our types to the Bot API's.

use frankenstein::{
    methods::{EditMessageTextParams, SendMessageParams},
    types::{
        BotCommandScope, BotCommandScopeChat, BotCommandScopeChatAdministrators, InlineKeyboardButton,
        InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity, MessageEntityType, ReplyMarkup, ReplyParameters,
    },
};
use serde::Serialize;

use super::{CommandScope, EditedText, OutgoingText};
use crate::domain::{Buttons, Entity, EntityKind, RichText};

/// frankenstein's own list of kinds is closed, so these two have bodies of our own.
#[derive(Serialize)]
pub(super) struct SetWebhook<'a> {
    pub(super) url: &'a str,
    pub(super) secret_token: &'a str,
    pub(super) allowed_updates: &'a [&'a str],
    pub(super) max_connections: u32,
}

#[derive(Serialize)]
pub(super) struct GetUpdates<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<i64>,
    pub(super) timeout: u32,
    pub(super) limit: u32,
    pub(super) allowed_updates: &'a [&'a str],
}

#[derive(Serialize)]
pub(super) struct Nothing {}

/// The body of `sendMessage`.
pub(super) fn send_message(message: &OutgoingText<'_>) -> SendMessageParams {
    let reply = id(message.reply_to.map(|id| id.0))
        .map(|id| ReplyParameters::builder().message_id(id).allow_sending_without_reply(true).build());
    SendMessageParams::builder()
        .chat_id(message.chat.0)
        .maybe_message_thread_id(id(message.topic.map(|topic| topic.0)))
        .text(message.text.text.as_str())
        .maybe_entities(entities(message.text))
        .maybe_link_preview_options(message.no_preview.then_some(LinkPreviewOptions::DISABLED))
        .maybe_disable_notification(message.silent.then_some(true))
        .maybe_reply_parameters(reply)
        .maybe_reply_markup(keyboard(message.buttons).map(ReplyMarkup::InlineKeyboardMarkup))
        .build()
}

/// The body of `editMessageText`.
pub(super) fn edit_message_text(edit: &EditedText<'_>) -> EditMessageTextParams {
    EditMessageTextParams::builder()
        .chat_id(edit.chat.0)
        .maybe_message_id(id(Some(edit.message.0)))
        .text(edit.text.text.as_str())
        .maybe_entities(entities(edit.text))
        .maybe_link_preview_options(edit.no_preview.then_some(LinkPreviewOptions::DISABLED))
        .maybe_reply_markup(keyboard(edit.buttons))
        .build()
}

fn keyboard(buttons: &Buttons) -> Option<InlineKeyboardMarkup> {
    let button = |button: &crate::domain::Button| {
        InlineKeyboardButton::builder().text(&button.text).callback_data(&button.data).build()
    };
    let rows: Vec<Vec<_>> = buttons.iter().map(|row| row.iter().map(button).collect()).collect();
    (!rows.is_empty()).then(|| InlineKeyboardMarkup::builder().inline_keyboard(rows).build())
}

fn entities(of: &RichText) -> Option<Vec<MessageEntity>> {
    let entities: Vec<MessageEntity> = of.entities.iter().filter_map(entity).collect();
    (!entities.is_empty()).then_some(entities)
}

/// Ids of messages and topics are 32 bits on the wire; a larger one was never Telegram's and is left out.
pub(super) fn id(of: Option<i64>) -> Option<i32> {
    of.and_then(|id| i32::try_from(id).ok())
}

/// A text has at most 4096 units, so 16 bits are enough; a stretch beyond them would only be refused.
fn entity(of: &Entity) -> Option<MessageEntity> {
    let (kind, url, language) = match &of.kind {
        EntityKind::Bold => (MessageEntityType::Bold, None, None),
        EntityKind::Italic => (MessageEntityType::Italic, None, None),
        EntityKind::Underline => (MessageEntityType::Underline, None, None),
        EntityKind::Strikethrough => (MessageEntityType::Strikethrough, None, None),
        EntityKind::Spoiler => (MessageEntityType::Spoiler, None, None),
        EntityKind::Code => (MessageEntityType::Code, None, None),
        EntityKind::Pre { language } => (MessageEntityType::Pre, None, language.clone()),
        EntityKind::TextLink { url } => (MessageEntityType::TextLink, Some(url.clone()), None),
        EntityKind::Blockquote => (MessageEntityType::Blockquote, None, None),
    };
    let entity = MessageEntity::builder()
        .type_field(kind)
        .offset(u16::try_from(of.offset).ok()?)
        .length(u16::try_from(of.length).ok()?)
        .maybe_url(url)
        .maybe_language(language)
        .build();
    Some(entity)
}

/// The scope of a list of commands.
pub(super) fn scope(of: CommandScope) -> BotCommandScope {
    match of {
        CommandScope::Default => BotCommandScope::Default,
        CommandScope::AllPrivateChats => BotCommandScope::AllPrivateChats,
        CommandScope::AllGroupChats => BotCommandScope::AllGroupChats,
        CommandScope::AllChatAdministrators => BotCommandScope::AllChatAdministrators,
        CommandScope::Chat(chat) => BotCommandScope::Chat(BotCommandScopeChat::builder().chat_id(chat.0).build()),
        CommandScope::ChatAdministrators(chat) => {
            BotCommandScope::ChatAdministrators(BotCommandScopeChatAdministrators::builder().chat_id(chat.0).build())
        }
    }
}
