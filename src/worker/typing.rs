//! The typing sign, shown to who addressed the bot while it thinks.

use std::time::Duration;

use crate::{
    domain::{ChatId, TopicId},
    telegram::Telegram,
};

/// A quick answer needs no sign.
const DELAY: Duration = Duration::from_millis(400);
/// Telegram shows the sign for five seconds (telegram_api.md section 8).
const AGAIN: Duration = Duration::from_millis(4500);

/// Runs `thinking` and shows the typing sign meanwhile. The sign is a courtesy: its failures change nothing.
pub(super) async fn while_typing<T>(
    telegram: &Telegram,
    chat: ChatId,
    topic: Option<TopicId>,
    thinking: impl Future<Output = T>,
) -> T {
    let sign = async {
        tokio::time::sleep(DELAY).await;
        loop {
            if let Err(error) = telegram.send_typing(chat, topic).await {
                tracing::debug!(%error, "no typing sign");
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    tokio::select! {
        biased;
        thought = thinking => thought,
        () = sign => unreachable!("the sign is shown until the thinking ends"),
    }
}
