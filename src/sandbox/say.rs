//! One line into the default group, and the answer to it: for a terminal and a smoke test.

use std::time::Duration;

use super::{
    Stage,
    telegram::{Delivery, FakeTelegram, MessageRef},
};
use crate::errors::{Class, Classify};

/// Why no answer came.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SayError {
    /// The stage has nobody to say it.
    #[error("the stage is empty: there is nobody to say it")]
    NobodyThere,
    /// The bot's webhook did not take the message.
    #[error("the bot did not take the message within {} s: {why}", waited.as_secs())]
    NotTaken {
        /// How long it was given.
        waited: Duration,
        /// What the webhook last did.
        why: String,
    },
    /// The bot took the message and said nothing.
    #[error("the bot took the message and said nothing within {} s; does it address the bot?", waited.as_secs())]
    Silent {
        /// How long it was given.
        waited: Duration,
    },
}

impl Classify for SayError {
    fn class(&self) -> Class {
        match self {
            Self::NobodyThere => Class::Bug,
            Self::NotTaken { .. } | Self::Silent { .. } => Class::Permanent,
        }
    }
}

/// Says `text` as the stage's first person in its group, and returns the bot's first answer: a reply to it, or a
/// message without a reply after it.
///
/// # Errors
///
/// If no answer comes `within` the given time.
pub async fn say(stage: &Stage, text: &str, within: Duration) -> Result<String, SayError> {
    let person = *stage.people.first().ok_or(SayError::NobodyThere)?;
    let said = stage.telegram.say(stage.group, person, text);
    match stage.telegram.wait_for(within, |telegram| answer_to(telegram, said)).await {
        Some(answer) => Ok(answer),
        None => Err(explain(&stage.telegram, said, within)),
    }
}

/// How many of the last messages are looked at; nobody else writes meanwhile.
const LOOKED_AT: usize = 20;

fn answer_to(telegram: &FakeTelegram, said: MessageRef) -> Option<String> {
    let messages = telegram.messages(said.chat, LOOKED_AT);
    let is_answer = |json: &serde_json::Value| {
        json.get("reply_to_message").is_none_or(|replied| replied["message_id"] == said.id.0)
    };
    let answer =
        messages.iter().find(|message| message.own && message.message.id > said.id && is_answer(&message.json))?;
    answer.json["text"].as_str().map(str::to_owned)
}

fn explain(telegram: &FakeTelegram, said: MessageRef, waited: Duration) -> SayError {
    match telegram.message(said).map(|message| message.delivery) {
        Some(Delivery::Delivered { .. }) => SayError::Silent { waited },
        Some(Delivery::Waiting { last_failure: Some(why), .. }) => SayError::NotTaken { waited, why },
        _ => SayError::NotTaken { waited, why: String::from("no webhook is registered, or it asks for no messages") },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http::Request;
    use serde_json::json;

    use super::*;
    use crate::{
        clock::TokioClock,
        domain::Timestamp,
        random::Seeded,
        sandbox::telegram::{TOKEN, TelegramOptions},
        transport,
    };

    fn stage() -> Stage {
        let clock = Arc::new(TokioClock::starting_at(Timestamp(1_790_000_000_000)));
        Stage::set(&FakeTelegram::new(TelegramOptions::new(clock, Arc::new(Seeded::new(1)))))
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_is_returned_and_older_messages_are_not() {
        let stage = stage();
        let send = async |text: &str, reply_to: Option<i64>| {
            let mut body = json!({"chat_id": stage.group.0, "text": text});
            if let Some(id) = reply_to {
                body["reply_parameters"] = json!({"message_id": id});
            }
            let request = Request::post(format!("http://telegram/bot{TOKEN}/sendMessage"));
            let request = request.body(Bytes::from(body.to_string())).unwrap();
            transport::call(&stage.telegram.transport(), request).await.unwrap();
        };
        send("раніше", None).await;
        let (answer, ()) = tokio::join!(say(&stage, "Гряг, привіт", Duration::from_secs(30)), async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let asked = stage.telegram.messages(stage.group, 1)[0].message.id.0;
            send("вітаю", Some(asked)).await;
        });
        assert_eq!(answer.unwrap(), "вітаю");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_a_missing_bot_are_told_apart() {
        let stage = stage();
        let error = say(&stage, "Гряг?", Duration::from_secs(5)).await.unwrap_err();
        assert!(matches!(error, SayError::NotTaken { .. }), "{error}");
    }
}
