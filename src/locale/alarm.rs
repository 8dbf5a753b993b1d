//! What an alarm is about, in words.

use super::say;
use crate::domain::{Alarm, AlarmState, Language};

/// «Модель відмовляє вже кілька хвилин»: what the alarm says, without when and what to do.
pub fn alarm(language: Language, state: &AlarmState) -> String {
    let number = state.number;
    match state.alarm {
        Alarm::StoreReadOnly => say!(language, "alarm-store", number = number),
        Alarm::WebhookElsewhere => say!(language, "alarm-webhook-elsewhere", number = number),
        Alarm::TwoBots => say!(language, "alarm-two-bots"),
        Alarm::WebhookFailing => say!(language, "alarm-webhook-failing", number = number),
        Alarm::ClockOff if number > 0 => say!(language, "alarm-clock-ahead", seconds = number),
        Alarm::ClockOff => say!(language, "alarm-clock-behind", seconds = -number),
        Alarm::DiskLow => say!(language, "alarm-disk", megabytes = number),
        Alarm::BackupFailed => say!(language, "alarm-backup", hours = number),
        Alarm::WalLarge => say!(language, "alarm-wal", megabytes = number),
        Alarm::ModelEnding => say!(language, "alarm-model-ending"),
        Alarm::QueueOld => say!(language, "alarm-queue-old", minutes = number / 60),
        Alarm::OutboxOld => say!(language, "alarm-outbox-old", minutes = number / 60),
        Alarm::ReplicaMissing => say!(language, "alarm-replica", number = number),
        Alarm::ErrorRate => {
            // In ten thousand; what people read are percent with one digit.
            let percent = format!("{}.{}", number / 100, number % 100 / 10);
            say!(language, "alarm-error-rate", percent = &percent)
        }
        Alarm::BreakerOpen => say!(language, "alarm-breaker", number = number),
        Alarm::DeadLetters => say!(language, "alarm-dead", number = number),
        Alarm::UnknownSends => say!(language, "alarm-unknown", number = number),
        Alarm::BudgetSpent => say!(language, "alarm-budget"),
        Alarm::Bug => say!(language, "alarm-bug", number = number),
        Alarm::ErrorsMany => say!(language, "alarm-errors", number = number),
    }
}
