//! What calls of the model cost, by day, and the answers that need not be bought twice.

use std::time::Duration;

use async_trait::async_trait;

use super::{ModelCall, NewOutgoing, StorageError};
use crate::domain::{ChatId, Day, Spent, Tally, Timestamp, UserId};

/// How long an answer may be given again.
pub const ANSWER_KEPT: Duration = Duration::from_secs(3_600);
/// Longer answers are not kept, in bytes of UTF-8: some two thousand Ukrainian characters.
pub const ANSWER_BYTES_MAX: usize = 4_096;
/// Kept answers of a chat, and so at most 200 KiB.
pub const CHAT_ANSWERS_MAX: u32 = 50;
/// Kept answers of all chats, and so at most 8 MiB.
pub const ANSWERS_MAX: u32 = 2_000;

/// Whose spending it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Spender {
    /// The whole bot's.
    Bot,
    /// A chat's.
    Chat(ChatId),
    /// A person's, in all chats.
    Person(UserId),
}

/// Names a question that stands alone: a digest of the persona's version, the language and the normalised words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct QuestionKey(pub [u8; 32]);

/// An answer that may be given again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptAnswer {
    /// As the model wrote it.
    pub text: String,
    /// Which model.
    pub model: String,
}

/// An answer to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewKeptAnswer {
    /// For this chat only.
    pub chat: ChatId,
    /// What it answers.
    pub question: QuestionKey,
    /// The answer.
    pub answer: KeptAnswer,
    /// Who asked: it goes when they are forgotten.
    pub asked_by: UserId,
}

/// A line that tells somebody that today's budget is spent: said once a day.
#[derive(Clone, Debug)]
pub struct LimitLine {
    /// Whom it is for.
    pub person: UserId,
    /// What is said.
    pub says: NewOutgoing,
}

/// What a model was used for since some moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModelFigures {
    /// The model.
    pub model: String,
    /// Its calls, failed ones included.
    pub calls: u64,
    /// Their tokens.
    pub prompt: u64,
    /// Of the prompts' tokens, those that were cached.
    pub cached: u64,
    /// Tokens of thoughts.
    pub thoughts: u64,
    /// Tokens of answers.
    pub answer: u64,
    /// What those whose price is known cost, in nano-dollars.
    pub nano_usd: i64,
    /// Calls whose price is not known.
    pub unpriced: u64,
}

/// Spending and kept answers.
#[async_trait]
pub trait SpendStore: Send + Sync {
    /// What was spent on that day by the whole bot, by a chat and by these people, in their order, and who of them is
    /// vouched for.
    async fn spent(&self, day: Day, chat: ChatId, people: Vec<UserId>) -> Result<Spent, StorageError>;

    /// Its spending by day, from that day on, newest first; days without any are left out.
    async fn spending(&self, spender: Spender, from: Day) -> Result<Vec<(Day, Tally)>, StorageError>;

    /// What each model was used for since then, the most used first.
    async fn model_figures(&self, since: Timestamp) -> Result<Vec<ModelFigures>, StorageError>;

    /// How often a model was called since then: for who asked, and for what nobody asked.
    async fn calls_of(&self, model: &str, since: Timestamp) -> Result<(u64, u64), StorageError>;

    /// Keeps calls that belong to no turn that could be finished: they are paid for all the same.
    async fn keep_calls(&self, calls: Vec<ModelCall>) -> Result<(), StorageError>;

    /// The answer that was given to this question in this chat within the last hour.
    async fn kept_answer(
        &self,
        chat: ChatId,
        question: QuestionKey,
        now: Timestamp,
    ) -> Result<Option<KeptAnswer>, StorageError>;
}
