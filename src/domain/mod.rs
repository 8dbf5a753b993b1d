//! Plain types that every other module speaks in. No serde, no IO, no async: what a message, a chat, a turn and a
//! prompt are, and nothing about where they come from or go to.

mod alarm;
mod chat;
mod ids;
pub mod letter;
mod message;
mod prompt;
mod reply;
mod spend;
mod talk;
mod time;
mod turn;

pub use alarm::{Alarm, AlarmState};
pub use chat::{Chat, ChatAccess, ChatKind, ChatSettings, ChatState, Language, QuietHours, TalkLevel};
pub use ids::{ChatId, MessageId, OutgoingId, RequestId, TopicId, UpdateKey, UserId};
pub use message::{Author, AuthorKind, Forwarded, Media, MediaKind, Message, Quote, ReplyTo};
pub use prompt::{Answer, Prompt, PromptMedia, PromptTurn, Role, TokenUsage};
pub use reply::{Button, Buttons, Entity, EntityKind, ReplyTarget, RichText};
pub use spend::{Budgets, Cost, NANO_USD, PersonSpent, Spent, Tally};
pub use talk::{TalkAllowance, TalkLog, Unasked, UnaskedKind};
pub use time::{Day, Timestamp};
pub use turn::{AddressedOutcome, Lane, LaneKind, OutgoingAction, OutgoingKind, Why};
