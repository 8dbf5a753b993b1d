//! What a person who runs the bot is called for.

use super::Timestamp;

macro_rules! alarms {
    ($($(#[doc = $doc:literal])+ $alarm:ident $name:literal;)+) => {
        /// What a person who runs the bot is called for. Each has an entry in `deploy/runbook.md` under its name.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum Alarm {
            $($(#[doc = $doc])+ $alarm,)+
        }

        impl Alarm {
            /// All, the gravest first.
            pub const ALL: &'static [Self] = &[$(Self::$alarm),+];

            /// Its name: in the store, in the runbook, in `gryag_alarms_firing{alarm}`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$alarm => $name,)+
                }
            }
        }
    };
}

alarms! {
    /// The database takes no writes; its number is 1 if it is damaged.
    StoreReadOnly "GryagStoreReadOnly";
    /// Telegram delivers the updates elsewhere, or nowhere; its number is 1 if it polls and a webhook stands in its way.
    WebhookElsewhere "GryagWebhookElsewhere";
    /// Another program takes the updates; its number has no meaning.
    TwoBots "GryagTwoBots";
    /// Telegram cannot deliver; its number is how many updates wait there.
    WebhookFailing "GryagWebhookFailing";
    /// The clock is off; its number is by how many seconds it is ahead of Telegram's.
    ClockOff "GryagClockOff";
    /// The oldest update has waited for too long; its number is for how many seconds.
    QueueOld "GryagQueueOld";
    /// An answer has waited for its send for too long; its number is for how many seconds.
    OutboxOld "GryagOutboxOld";
    /// A replica fell silent and no other came; its number is how many.
    ReplicaMissing "GryagReplicaMissing";
    /// The disk is nearly full; its number is how many megabytes are free.
    DiskLow "GryagDiskLow";
    /// Too many of those who spoke to the bot got no proper answer; its number is how many in ten thousand.
    ErrorRate "GryagErrorRate";
    /// A model has been failing for minutes; its number is how many models.
    BreakerOpen "GryagBreakerOpen";
    /// The last backup failed (its number is 0) or is older than it should be (its number is by how many hours).
    BackupFailed "GryagBackupFailed";
    /// The write-ahead log is large; its number is how many megabytes.
    WalLarge "GryagWalLarge";
    /// A configured model ends or has ended; its number has no meaning.
    ModelEnding "GryagModelEnding";
    /// Updates that could not be handled were put aside; its number is how many.
    DeadLetters "GryagDeadLetters";
    /// Nobody knows whether some messages were sent; its number is how many lately.
    UnknownSends "GryagUnknownSends";
    /// Today's money is spent; its number is how much of it, in percent.
    BudgetSpent "GryagBudgetSpent";
    /// Something happened that the program does not expect; its number is how often lately.
    Bug "GryagBug";
    /// Errors of one place and class come one after the other; its number is how many lately.
    ErrorsMany "GryagErrorsMany";
}

impl Alarm {
    /// The alarm behind a name; none for one that this version does not know.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|alarm| alarm.as_str() == name)
    }
}

/// How an alarm stands, and what was told of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlarmState {
    /// Which.
    pub alarm: Alarm,
    /// Whether its condition holds now. It fires when that has lasted, and ends when the opposite has.
    pub holds: bool,
    /// Since when the condition holds, or no longer does.
    pub turned_at: Timestamp,
    /// A person is needed.
    pub fires: bool,
    /// Since when it fires, or no longer does; none if it never fired.
    pub since: Option<Timestamp>,
    /// When it began to fire last.
    pub began_at: Option<Timestamp>,
    /// What the admins were told last: that it fires, or that this is over; and when.
    pub told: Option<(bool, Timestamp)>,
    /// How often they were told anything of it.
    pub times_told: u32,
    /// How much; what that means is the alarm's own.
    pub number: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_alarm() {
        for alarm in Alarm::ALL {
            assert_eq!(Alarm::from_stored(alarm.as_str()), Some(*alarm));
        }
        assert_eq!(Alarm::from_stored("GryagNothing"), None);
    }
}
