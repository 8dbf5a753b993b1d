//! The kinds of update, by name.

/// What an update is about: its one key beside `update_id` (telegram_api.md section 4, Bot API 10.4).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the names are Telegram's own")]
pub enum Kind {
    Message,
    EditedMessage,
    ChannelPost,
    EditedChannelPost,
    BusinessConnection,
    BusinessMessage,
    EditedBusinessMessage,
    DeletedBusinessMessages,
    GuestMessage,
    MessageReaction,
    MessageReactionCount,
    InlineQuery,
    ChosenInlineResult,
    CallbackQuery,
    ShippingQuery,
    PreCheckoutQuery,
    PurchasedPaidMedia,
    Poll,
    PollAnswer,
    MyChatMember,
    ChatMember,
    ChatJoinRequest,
    ChatBoost,
    RemovedChatBoost,
    ManagedBot,
    Subscription,
    StoppedMessageGeneration,
    WidgetQuery,
    SharedWidgetQuery,
    /// A kind newer than this program: its name, cut to 32 characters of `a-z0-9_`; empty where there is none.
    Unknown(String),
}

/// Longest name of an unknown kind that is kept; Telegram's longest is 26.
const NAME_MAX: usize = 32;

impl Kind {
    const KNOWN: [(Self, &'static str); 29] = [
        (Self::Message, "message"),
        (Self::EditedMessage, "edited_message"),
        (Self::ChannelPost, "channel_post"),
        (Self::EditedChannelPost, "edited_channel_post"),
        (Self::BusinessConnection, "business_connection"),
        (Self::BusinessMessage, "business_message"),
        (Self::EditedBusinessMessage, "edited_business_message"),
        (Self::DeletedBusinessMessages, "deleted_business_messages"),
        (Self::GuestMessage, "guest_message"),
        (Self::MessageReaction, "message_reaction"),
        (Self::MessageReactionCount, "message_reaction_count"),
        (Self::InlineQuery, "inline_query"),
        (Self::ChosenInlineResult, "chosen_inline_result"),
        (Self::CallbackQuery, "callback_query"),
        (Self::ShippingQuery, "shipping_query"),
        (Self::PreCheckoutQuery, "pre_checkout_query"),
        (Self::PurchasedPaidMedia, "purchased_paid_media"),
        (Self::Poll, "poll"),
        (Self::PollAnswer, "poll_answer"),
        (Self::MyChatMember, "my_chat_member"),
        (Self::ChatMember, "chat_member"),
        (Self::ChatJoinRequest, "chat_join_request"),
        (Self::ChatBoost, "chat_boost"),
        (Self::RemovedChatBoost, "removed_chat_boost"),
        (Self::ManagedBot, "managed_bot"),
        (Self::Subscription, "subscription"),
        (Self::StoppedMessageGeneration, "stopped_message_generation"),
        (Self::WidgetQuery, "widget_query"),
        (Self::SharedWidgetQuery, "shared_widget_query"),
    ];

    /// The kind with Telegram's name `name`.
    pub fn from_name(name: &str) -> Self {
        let known = Self::KNOWN.iter().find(|(_, known)| *known == name);
        known.map_or_else(|| Self::Unknown(bounded_name(name)), |(kind, _)| kind.clone())
    }

    /// The label's value in `gryag_updates_total{kind}`: Telegram's name, or `unknown`.
    pub fn as_str(&self) -> &'static str {
        Self::KNOWN.iter().find(|(known, _)| known == self).map_or("unknown", |(_, name)| *name)
    }

    /// Telegram's name, of an unknown kind too.
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown(name) => name,
            known => known.as_str(),
        }
    }
}

/// `name` as far as it may stand in a label: whoever knows the webhook's secret chooses it.
pub(super) fn bounded_name(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_').take(NAME_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_kind_is_read_back_by_its_name() {
        for (kind, name) in Kind::KNOWN {
            assert_eq!(Kind::from_name(name), kind);
            assert_eq!(kind.as_str(), name);
        }
    }

    #[test]
    fn an_unknown_kind_keeps_a_bounded_harmless_name() {
        let kind = Kind::from_name("hologram\n{evil=\"1\"}_query");
        assert_eq!(kind, Kind::Unknown("hologramevil1_query".into()));
        assert_eq!(kind.as_str(), "unknown");
        assert_eq!(Kind::from_name(&"x".repeat(1000)).name().len(), NAME_MAX);
    }
}
