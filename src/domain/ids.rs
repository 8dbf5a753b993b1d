//! Identifiers. In a private chat the chat id equals the user id, so only the compiler notices a swap.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

id!(
    /// A chat of Telegram: positive for a private chat, negative for groups and channels (up to 52 bits).
    ChatId
);
id!(
    /// A person, a bot or (for `sender_chat`) a channel that writes.
    UserId
);
id!(
    /// A message inside one chat. It is unique only together with its [`ChatId`].
    MessageId
);
id!(
    /// A forum topic inside a chat (`message_thread_id` of a topic message).
    TopicId
);
id!(
    /// What makes an update unique in the inbox: Telegram's `update_id`, or a negative digest of the body where the
    /// body has no usable one.
    UpdateKey
);
id!(
    /// A row of the outbox.
    OutgoingId
);

/// Follows one message from the POST that brought it to the send that answered it; stands in logs and rows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RequestId(pub String);

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
