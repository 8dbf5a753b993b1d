//! Claims about the whole module.

mod client;
mod incoming;
mod peek;
mod webhook;

use super::Me;
use crate::domain::UserId;

/// Updates of 26 kinds (Bot API 10.3 and older), one a line, with invented names and ids.
const SAMPLES: &str = include_str!("../../../tests/fixtures/updates/samples.jsonl");

fn me() -> Me {
    Me {
        id: UserId(999),
        username: "invented_bot".into(),
        first_name: "Гряг".into(),
        can_read_all_group_messages: true,
    }
}
