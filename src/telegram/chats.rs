//! What the bot asks about a chat and its members, and the commands that it shows there.

use frankenstein::{
    methods::{GetChatAdministratorsParams, GetChatMemberParams, LeaveChatParams, SetMyCommandsParams},
    types::BotCommand,
};

use super::{Telegram, TelegramError, bodies, client::done, json::Object, kind::bounded_name};
use crate::domain::{ChatId, UserId};

/// How somebody stands in a chat. An unknown word of a later version reads as a plain member.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Standing {
    /// Made it; may do everything.
    Creator,
    /// An admin.
    Administrator,
    /// In it, and no more.
    Member,
    /// In it with fewer rights, or out of it with the same.
    Restricted,
    /// Out.
    Left,
    /// Thrown out.
    Kicked,
}

impl Standing {
    /// From Telegram's word.
    pub fn from_word(word: &str) -> Self {
        match word {
            "creator" => Self::Creator,
            "administrator" => Self::Administrator,
            "restricted" => Self::Restricted,
            "left" => Self::Left,
            "kicked" => Self::Kicked,
            _ => Self::Member,
        }
    }

    /// An admin or the creator.
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Creator | Self::Administrator)
    }
}

/// For whom a list of commands is shown; the narrowest wins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are Telegram's own")]
pub enum CommandScope {
    Default,
    AllPrivateChats,
    AllGroupChats,
    AllChatAdministrators,
    Chat(ChatId),
    ChatAdministrators(ChatId),
}

impl Telegram {
    /// How somebody stands in a chat.
    ///
    /// # Errors
    ///
    /// [`TelegramError`]; a person whom Telegram does not know there is refused.
    pub async fn get_chat_member(&self, chat: ChatId, user: UserId) -> Result<Standing, TelegramError> {
        let Ok(user_id) = u64::try_from(user.0) else {
            // A chat that writes as itself is nobody's member.
            return Ok(Standing::Left);
        };
        let body = GetChatMemberParams::builder().chat_id(chat.0).user_id(user_id).build();
        self.call("getChatMember", &body, |answer| Some(standing(&answer.object("result")?))).await
    }

    /// The admins of a group, other bots aside.
    ///
    /// # Errors
    ///
    /// [`TelegramError`]; a private chat has none and is refused.
    pub async fn get_chat_administrators(&self, chat: ChatId) -> Result<Vec<UserId>, TelegramError> {
        let body = GetChatAdministratorsParams::builder().chat_id(chat.0).build();
        self.call("getChatAdministrators", &body, |answer| {
            let id = |member: &Object<'_>| member.object("user")?.integer("id").map(UserId);
            answer.has("result").then(|| answer.objects("result").iter().filter_map(id).collect())
        })
        .await
    }

    /// Leaves a group or a channel.
    ///
    /// # Errors
    ///
    /// [`TelegramError`]; [`TelegramError::ChatGone`] if it is not in it.
    pub async fn leave_chat(&self, chat: ChatId) -> Result<(), TelegramError> {
        let body = LeaveChatParams::builder().chat_id(chat.0).build();
        self.call("leaveChat", &body, done).await
    }

    /// Sets the commands (name without slash, description) that Telegram suggests in `scope`, to people whose
    /// Telegram speaks `language` (two letters), or to everybody for whom no list of their own is set.
    ///
    /// # Errors
    ///
    /// [`TelegramError`].
    pub async fn set_my_commands(
        &self,
        scope: CommandScope,
        language: Option<&str>,
        commands: &[(&str, &str)],
    ) -> Result<(), TelegramError> {
        let command =
            |(name, description): &(&str, &str)| BotCommand::builder().command(*name).description(*description).build();
        let body = SetMyCommandsParams::builder()
            .commands(commands.iter().map(command).collect())
            .scope(bodies::scope(scope))
            .maybe_language_code(language)
            .build();
        self.call("setMyCommands", &body, done).await
    }
}

fn standing(member: &Object<'_>) -> Standing {
    let word = member.text("status").map(|status| bounded_name(&status)).unwrap_or_default();
    match Standing::from_word(&word) {
        Standing::Restricted if !member.flag("is_member") => Standing::Left,
        standing => standing,
    }
}
