//! What the bot asks about itself, chats, people and files, and the commands that it shows.

use serde_json::{Value, json};

use super::{Result, chat, wire};
use crate::{
    domain::UserId,
    sandbox::telegram::{Change, FakeTelegram, chat::Standing, members::member_json, refusal::Refusal},
};

/// The largest file that can be fetched from Telegram's own servers.
const FILE_MAX_BYTES: u64 = 20 * 1024 * 1024;

pub(super) fn get_me(telegram: &FakeTelegram) -> Result {
    let mut me = telegram.lock().bot.as_json();
    me["can_join_groups"] = true.into();
    me["can_read_all_group_messages"] = (!telegram.options().privacy_mode).into();
    for ability in [
        "supports_inline_queries",
        "can_connect_to_business",
        "has_main_web_app",
        "has_topics_enabled",
        "can_manage_bots",
    ] {
        me[ability] = false.into();
    }
    Ok(me)
}

pub(super) fn get_chat(telegram: &FakeTelegram, call: &wire::OfChat) -> Result {
    let mut state = telegram.lock();
    let id = chat(&mut state, &call.chat_id)?.id;
    let mut json = state.chat_json(id);
    json["accent_color_id"] = 0.into();
    json["max_reaction_count"] = 11.into();
    Ok(json)
}

pub(super) fn get_chat_member(telegram: &FakeTelegram, call: &wire::GetChatMember) -> Result {
    let mut state = telegram.lock();
    let chat = chat(&mut state, &call.chat_id)?;
    chat.check_bot_is_in()?;
    let chat = chat.id;
    let status = state.standing_of(chat, call.user_id);
    let user = state.user_json(call.user_id);
    if user.is_null() {
        return Err(Refusal::bad_request("PARTICIPANT_ID_INVALID"));
    }
    Ok(member_json(&user, status))
}

pub(super) fn get_chat_administrators(telegram: &FakeTelegram, call: &wire::GetChatAdministrators) -> Result {
    let mut state = telegram.lock();
    let chat = chat(&mut state, &call.chat_id)?;
    chat.check_bot_is_in()?;
    if !chat.is_group() {
        return Err(Refusal::bad_request("there are no administrators in the private chat"));
    }
    let (id, bot_is_admin) = (chat.id, chat.standing == Standing::Admin);
    let people = chat.members.clone();
    let mut admins: Vec<Value> = Vec::new();
    for person in people {
        let status = state.standing_of(id, person);
        if matches!(status, "creator" | "administrator") {
            admins.push(member_json(&state.user_json(person), status));
        }
    }
    if bot_is_admin {
        admins.push(member_json(&state.bot.as_json(), "administrator"));
    }
    Ok(admins.into())
}

pub(super) fn leave_chat(telegram: &FakeTelegram, call: &wire::OfChat) -> Result {
    let now = telegram.now();
    {
        let mut state = telegram.lock();
        let bot = state.bot.id;
        let chat = chat(&mut state, &call.chat_id)?;
        chat.check_bot_is_in()?;
        if !chat.is_group() {
            return Err(Refusal::bad_request("chat member status can't be changed in private chats"));
        }
        let id = chat.id;
        state.change_standing(id, Standing::Left, Some(bot), now);
    }
    telegram.tell(Change::Rooms);
    telegram.ring();
    Ok(Value::Bool(true))
}

pub(super) fn get_file(telegram: &FakeTelegram, call: &wire::GetFile) -> Result {
    let state = telegram.lock();
    let file = state.files.get(&call.file_id);
    let file = file.ok_or_else(|| Refusal::bad_request("wrong file_id or the file is temporarily unavailable"))?;
    if file.size_bytes > FILE_MAX_BYTES {
        return Err(Refusal::bad_request("file is too big"));
    }
    Ok(json!({"file_id": call.file_id, "file_unique_id": file.unique_id, "file_size": file.size_bytes,
        "file_path": file.path}))
}

pub(super) fn set_my_commands(telegram: &FakeTelegram, call: wire::SetMyCommands) -> Result {
    if call.commands.len() > 100 {
        return Err(Refusal::bad_request("BOT_COMMANDS_TOO_MUCH"));
    }
    for command in &call.commands {
        let well_formed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !(1..=32).contains(&command.command.len()) || !command.command.bytes().all(well_formed) {
            return Err(Refusal::bad_request("BOT_COMMAND_INVALID"));
        }
        if !(1..=256).contains(&command.description.chars().count()) {
            return Err(Refusal::bad_request("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    let key = key(call.scope.as_ref(), call.language_code.as_deref())?;
    let commands = call.commands.iter();
    let commands = commands.map(|command| json!({"command": command.command, "description": command.description}));
    telegram.lock().commands.insert(key, commands.collect());
    Ok(Value::Bool(true))
}

pub(super) fn get_my_commands(telegram: &FakeTelegram, call: &wire::CommandsOf) -> Result {
    let key = key(call.scope.as_ref(), call.language_code.as_deref())?;
    Ok(telegram.commands(&key).unwrap_or_else(|| json!([])))
}

pub(super) fn delete_my_commands(telegram: &FakeTelegram, call: &wire::CommandsOf) -> Result {
    let key = key(call.scope.as_ref(), call.language_code.as_deref())?;
    telegram.lock().commands.remove(&key);
    Ok(Value::Bool(true))
}

/// `default`, `chat -100…`, `chat_member -100… 5`, with the language behind it where there is one.
fn key(scope: Option<&wire::Scope>, language: Option<&str>) -> Result<String> {
    const KINDS: [&str; 7] = [
        "default",
        "all_private_chats",
        "all_group_chats",
        "all_chat_administrators",
        "chat",
        "chat_administrators",
        "chat_member",
    ];
    let mut key = scope.map_or_else(|| String::from("default"), |scope| scope.kind.clone());
    if !KINDS.contains(&key.as_str()) {
        return Err(Refusal::bad_request("can't parse BotCommandScope: unsupported type specified"));
    }
    let chat = scope.and_then(|scope| scope.chat_id.as_ref()).and_then(wire::ChatIdParam::number);
    let person = scope.and_then(|scope| scope.user_id).map(UserId);
    for part in [chat.map(|id| id.to_string()), person.map(|id| id.to_string()), language.map(str::to_owned)] {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            key.push(' ');
            key.push_str(&part);
        }
    }
    Ok(key)
}
