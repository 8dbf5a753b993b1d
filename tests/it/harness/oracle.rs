//! Which messages of the world speak to the bot, judged without any of the bot's code.

use std::collections::HashSet;

use gryag::{
    domain::ChatId,
    sandbox::telegram::{Delivery, FakeTelegram, MessageView},
};
use serde_json::Value;

/// How many messages that the bot has taken speak to it; an album counts once.
pub(super) fn addressed(world: &FakeTelegram) -> usize {
    let bot = world.bot().id.0;
    let mut albums: HashSet<(ChatId, String)> = HashSet::new();
    let speaks = |view: &MessageView| speaks_to(view, bot);
    let messages = world.every_message();
    messages
        .iter()
        .filter(|view| speaks(view))
        .filter(|view| match view.json["media_group_id"].as_str() {
            Some(album) => albums.insert((view.message.chat, album.to_owned())),
            None => true,
        })
        .count()
}

fn speaks_to(view: &MessageView, bot: i64) -> bool {
    let json = &view.json;
    if view.own || !matches!(view.delivery, Delivery::Delivered { .. }) || is_bots(json) {
        return false;
    }
    let text = json["text"].as_str().or_else(|| json["caption"].as_str()).unwrap_or_default().to_lowercase();
    if text.starts_with('/') {
        return false;
    }
    let media = ["photo", "sticker", "voice", "video", "video_note", "animation", "audio", "document"];
    let has_content = !text.is_empty() || media.iter().any(|kind| json.get(*kind).is_some());
    if json["chat"]["type"] == "private" {
        return has_content;
    }
    let entities = json["entities"].as_array().cloned().unwrap_or_default();
    let is_reply = json["reply_to_message"]["from"]["id"] == bot;
    let mentioned = text.contains("@gryag_bot") || entities.iter().any(|entity| entity["user"]["id"] == bot);
    let named = ["гряг", "гряж", "gryag", "hryag"].iter().any(|name| text.contains(name));
    json.get("forward_origin").is_none() && (is_reply || mentioned || named)
}

/// Anonymous admins and channels write behind a bot's account.
fn is_bots(json: &Value) -> bool {
    json["from"]["is_bot"] == true && json.get("sender_chat").is_none()
}
