//! Who floods is ignored: silently, that person alone, until the flood ends. What they write is still remembered.

use std::{sync::Arc, time::Duration};

use crate::domain::{Message, UserId};

/// The time in which messages are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// Whether the author of `message` floods: wrote more than `threshold` messages in the minute that ends with it. 0 switches
/// this off.
pub fn floods(message: &Message, window: &[Arc<Message>], threshold: u32) -> bool {
    threshold > 0 && written_by(message.author.id, message, window) > threshold as usize
}

fn written_by(author: UserId, until: &Message, window: &[Arc<Message>]) -> usize {
    let in_the_minute = |other: &&Arc<Message>| {
        other.author.id == author
            && other.id <= until.id
            && until.sent_at.since(other.sent_at) < MINUTE
            // Pictures of an album are one message.
            && (other.album.is_none() || other.album != until.album || other.id == until.id)
    };
    window.iter().filter(in_the_minute).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Author, AuthorKind, Chat, ChatId, ChatKind, MessageId, Timestamp};

    fn said(id: i64, by: i64, second: i64) -> Message {
        Message {
            chat: Chat { id: ChatId(-1), kind: ChatKind::Group, title: None },
            topic: None,
            id: MessageId(id),
            author: Author { kind: AuthorKind::Person, id: UserId(by), name: "Оля".to_owned(), username: None },
            text: "гряг".to_owned(),
            media: None,
            reply_to: None,
            quote: None,
            forwarded_from: None,
            album: None,
            sent_at: Timestamp::from_seconds(second),
            edited_at: None,
        }
    }

    /// B9: in the original one spammer muted the whole chat.
    #[test]
    fn one_spammer_is_ignored_alone_and_until_they_calm_down() {
        let mut window: Vec<Arc<Message>> = (1..=12).map(|id| Arc::new(said(id, 5, id))).collect();
        window.push(Arc::new(said(13, 6, 13)));
        let ignored = |window: &[Arc<Message>], threshold| {
            window
                .iter()
                .filter(|message| floods(message, window, threshold))
                .map(|message| message.id.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(ignored(&window, 8), [9, 10, 11, 12], "the first eight and the other person are heard");
        assert!(ignored(&window, 0).is_empty(), "0 switches it off");
        window.push(Arc::new(said(14, 5, 80)));
        assert!(!floods(window.last().unwrap(), &window, 8), "the flood is over");
    }
}
