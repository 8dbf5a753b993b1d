//! What a button says when it is pressed. It is untrusted: whoever presses is judged anew, whatever the data says.

use super::Around;
use crate::{
    domain::{Button, Chat, ChatId, Language, QuietHours, TalkLevel, UpdateKey, UserId},
    storage::ChatSetting,
    telegram::Callback,
};

/// Telegram's limit.
const DATA_MAX: usize = 64;

/// A press whose meaning is still to be judged.
#[derive(Clone, Copy)]
pub(super) struct Pressed<'a> {
    pub(super) callback: &'a Callback,
    pub(super) chat: &'a Chat,
    pub(super) around: Around<'a>,
}

/// What a press means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Press {
    /// An admin lets a chat in, or does not.
    Access { chat: ChatId, allow: bool },
    /// This person means it, or does not.
    Forget { person: UserId, sure: bool },
    /// A setting of the chat in which the button stands.
    Set(ChatSetting),
    /// A dead letter is tried again or dropped.
    Dead { key: UpdateKey, retry: bool },
}

impl Press {
    pub(super) fn data(&self) -> String {
        match self {
            Self::Access { chat, allow } => format!("a:{}:{chat}", u8::from(*allow)),
            Self::Forget { person, sure } => format!("f:{}:{person}", u8::from(*sure)),
            Self::Dead { key, retry } => format!("d:{}:{key}", u8::from(*retry)),
            Self::Set(ChatSetting::TalkLevel(level)) => format!("t:{}", level.map_or("", TalkLevel::as_str)),
            Self::Set(ChatSetting::QuietHours(hours)) => {
                format!("q:{}", hours.map(|hours| format!("{}-{}", hours.from, hours.to)).unwrap_or_default())
            }
            Self::Set(ChatSetting::Persona(persona)) => format!("p:{}", persona.as_deref().unwrap_or_default()),
            Self::Set(ChatSetting::Language(language)) => format!("l:{}", language.map_or("", Language::code)),
            Self::Set(ChatSetting::Reactions(on)) => {
                format!("r:{}", on.map(|on| u8::from(on).to_string()).unwrap_or_default())
            }
        }
    }

    pub(super) fn read(data: &str) -> Option<Self> {
        let (what, value) = data.split_once(':')?;
        let flagged = || {
            let (flag, id) = value.split_once(':')?;
            let flag = match flag {
                "0" => false,
                "1" => true,
                _ => return None,
            };
            Some((flag, id.parse::<i64>().ok()?))
        };
        Some(match what {
            "a" => flagged().map(|(allow, chat)| Self::Access { chat: ChatId(chat), allow })?,
            "f" => flagged().map(|(sure, person)| Self::Forget { person: UserId(person), sure })?,
            "d" => flagged().map(|(retry, key)| Self::Dead { key: UpdateKey(key), retry })?,
            "t" => Self::Set(ChatSetting::TalkLevel(Some(TalkLevel::from_stored(value)?))),
            "q" => Self::Set(ChatSetting::QuietHours(Some(hours(value)?))),
            "p" => Self::Set(ChatSetting::Persona(Some(value.to_owned()).filter(|name| !name.is_empty()))),
            "l" => Self::Set(ChatSetting::Language(Some(Language::from_code(value)?))),
            "r" => Self::Set(ChatSetting::Reactions(Some(value == "1"))),
            _ => return None,
        })
    }

    /// The button that says this; none if there is too much to say.
    pub(super) fn button(&self, text: impl Into<String>) -> Option<Button> {
        let data = self.data();
        (data.len() <= DATA_MAX).then(|| Button { text: text.into(), data })
    }
}

fn hours(value: &str) -> Option<QuietHours> {
    let (from, to) = value.split_once('-')?;
    let hour = |hour: &str| hour.parse::<u8>().ok().filter(|hour| *hour < 24);
    Some(QuietHours { from: hour(from)?, to: hour(to)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_button_says_is_understood_when_it_is_pressed() {
        let presses = [
            Press::Access { chat: ChatId(-1_001_234_567_890_123), allow: true },
            Press::Forget { person: UserId(4_503_599_627_370_495), sure: false },
            Press::Dead { key: UpdateKey(-4_611_686_018_427_387_904), retry: true },
            Press::Set(ChatSetting::TalkLevel(Some(TalkLevel::Chatty))),
            Press::Set(ChatSetting::QuietHours(Some(QuietHours::NIGHT))),
            Press::Set(ChatSetting::Persona(Some("зузя".to_owned()))),
            Press::Set(ChatSetting::Language(Some(Language::English))),
            Press::Set(ChatSetting::Reactions(Some(false))),
        ];
        for press in presses {
            let button = press.button("x").expect("it fits");
            assert_eq!(Press::read(&button.data), Some(press));
        }
    }

    #[test]
    fn what_no_button_says_means_nothing() {
        for data in ["", "a", "a:1", "a:2:5", "a:1:x", "f::", "t:loud", "q:25-3", "q:9", "l:ru", "x:1:2", "d:1:"] {
            assert_eq!(Press::read(data), None, "{data}");
        }
        assert!(Press::Set(ChatSetting::Persona(Some("ж".repeat(40)))).button("x").is_none(), "too long for Telegram");
    }
}
