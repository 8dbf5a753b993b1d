//! `gryag dead`: look at the dead letters, try them again, or let them go.

use std::sync::Arc;

use clap::Subcommand;

use super::{CliError, say, tools::open_store};
use crate::{
    clock::{Clock as _, SystemClock},
    config::Config,
    domain::{Timestamp, UpdateKey},
    storage::{DeadLetter, InboxStore},
};

/// Dead letters that `list` shows.
const LIST_MAX: usize = 1000;

#[derive(Subcommand, Debug)]
pub(super) enum DeadAction {
    /// The dead letters, newest first.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// One dead letter with its body.
    Show {
        /// The key from the list.
        #[arg(allow_negative_numbers = true)]
        key: i64,
    },
    /// Put one (or all) back in the queue.
    Retry {
        /// The key from the list, or `all`.
        #[arg(allow_negative_numbers = true)]
        key: String,
    },
    /// Forget one (or all).
    Drop {
        /// The key from the list, or `all`.
        #[arg(allow_negative_numbers = true)]
        key: String,
    },
}

pub(super) async fn dead(config: &Config, action: DeadAction) -> Result<(), CliError> {
    let store: Arc<dyn InboxStore> = Arc::new(open_store(config).await?);
    let now = SystemClock.now();
    match action {
        DeadAction::List { json } => list(&store.dead_letters(LIST_MAX).await?, json),
        DeadAction::Show { key } => match store.dead_letter(UpdateKey(key)).await? {
            Some((letter, body)) => {
                say(line(&letter))?;
                say(String::from_utf8_lossy(&body))
            }
            None => Err(unknown(key)),
        },
        DeadAction::Retry { key } => {
            for key in keys(&*store, &key).await? {
                if !store.retry_dead(key, now).await? {
                    return Err(unknown(key.0));
                }
                say(format!("{key} waits for its turn again"))?;
            }
            Ok(())
        }
        DeadAction::Drop { key } => {
            for key in keys(&*store, &key).await? {
                if !store.drop_dead(key, now).await? {
                    return Err(unknown(key.0));
                }
                say(format!("{key} is forgotten"))?;
            }
            Ok(())
        }
    }
}

async fn keys(store: &dyn InboxStore, which: &str) -> Result<Vec<UpdateKey>, CliError> {
    if which == "all" {
        return Ok(store.dead_letters(LIST_MAX).await?.iter().map(|letter| letter.key).collect());
    }
    let key = which.parse().map_err(|_| CliError::Usage(format!("«{which}» is neither a key nor `all`")))?;
    Ok(vec![UpdateKey(key)])
}

fn unknown(key: i64) -> CliError {
    CliError::Usage(format!("there is no dead letter {key} with a body; `gryag dead list` shows them"))
}

fn list(letters: &[DeadLetter], json: bool) -> Result<(), CliError> {
    if json {
        let rows: Vec<_> = letters
            .iter()
            .map(|letter| {
                serde_json::json!({
                    "key": letter.key.0, "kind": letter.kind, "chat_id": letter.chat.0, "problem": letter.problem,
                    "attempts": letter.attempts, "received_at": letter.received_at.0, "died_at": letter.died_at.0,
                    "body_bytes": letter.body_bytes,
                })
            })
            .collect();
        return say(serde_json::Value::Array(rows));
    }
    if letters.is_empty() {
        return say("no dead letters");
    }
    letters.iter().try_for_each(|letter| say(line(letter)))
}

fn line(letter: &DeadLetter) -> String {
    let moment = |at: Timestamp| {
        jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| format!("{at:.0}"))
    };
    format!(
        "{}  {}  chat {}  {} tries  came {}  died {}  {} bytes  {}",
        letter.key,
        letter.kind,
        letter.chat,
        letter.attempts,
        moment(letter.received_at),
        moment(letter.died_at),
        letter.body_bytes,
        letter.problem
    )
}
