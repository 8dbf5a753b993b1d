//! Telegram's sending limits (telegram_api.md section 9), by the injected clock.

use std::collections::VecDeque;

use crate::domain::Timestamp;

/// Telegram's sending limits. Zero switches one off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendLimits {
    /// Messages a second over all chats.
    pub overall_per_second: usize,
    /// Messages that one chat takes at once before the next must wait for a second each.
    pub chat_burst: usize,
    /// Messages in any minute in one group.
    pub group_per_minute: usize,
}

impl Default for SendLimits {
    fn default() -> Self {
        // The burst is a guess: Telegram says only that short bursts pass.
        Self { overall_per_second: 30, chat_burst: 4, group_per_minute: 20 }
    }
}

/// The sends of the last while, enough to judge the next one.
#[derive(Default, Debug)]
pub(super) struct Window(VecDeque<Timestamp>);

impl Window {
    /// How long until another send fits, if it does not fit now.
    fn wait_ms(&mut self, now: Timestamp, most: usize, span_ms: i64) -> Option<i64> {
        if most == 0 {
            return None;
        }
        while self.0.front().is_some_and(|first| first.0 + span_ms <= now.0) {
            self.0.pop_front();
        }
        let first = self.0.front().filter(|_| self.0.len() >= most)?;
        Some(first.0 + span_ms - now.0)
    }

    fn add(&mut self, now: Timestamp, most: usize) {
        if most > 0 {
            self.0.push_back(now);
        }
    }
}

/// What one chat has been sent lately.
#[derive(Default, Debug)]
pub(super) struct ChatGate {
    /// When the burst allowance will be full again.
    full_at_ms: i64,
    minute: Window,
}

/// Takes the send if it fits; otherwise says after how many seconds it would, and takes nothing.
pub(super) fn take(
    limits: SendLimits,
    overall: &mut Window,
    chat: &mut ChatGate,
    is_group: bool,
    now: Timestamp,
) -> Result<(), u32> {
    let group_most = if is_group { limits.group_per_minute } else { 0 };
    let burst = i64::try_from(limits.chat_burst).unwrap_or(i64::MAX);
    let full_at = chat.full_at_ms.max(now.0) + 1000;
    let burst_wait = (burst > 0).then(|| full_at - now.0 - burst * 1000).filter(|wait| *wait > 0);
    let waits = [
        burst_wait,
        chat.minute.wait_ms(now, group_most, 60_000),
        overall.wait_ms(now, limits.overall_per_second, 1000),
    ];
    if let Some(wait) = waits.into_iter().flatten().max() {
        return Err(u32::try_from(wait.div_euclid(1000) + i64::from(wait % 1000 != 0)).unwrap_or(u32::MAX).max(1));
    }
    chat.full_at_ms = full_at;
    chat.minute.add(now, group_most);
    overall.add(now, limits.overall_per_second);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1000)
    }

    #[test]
    fn the_twenty_first_message_of_a_minute_waits_for_the_first_to_leave_the_window() {
        let limits = SendLimits { overall_per_second: 0, chat_burst: 0, group_per_minute: 20 };
        let (mut overall, mut chat) = (Window::default(), ChatGate::default());
        for second in 0..20 {
            assert_eq!(take(limits, &mut overall, &mut chat, true, at(second)), Ok(()));
        }
        assert_eq!(take(limits, &mut overall, &mut chat, true, at(20)), Err(40));
        assert_eq!(take(limits, &mut overall, &mut chat, true, at(60)), Ok(()));
    }

    #[test]
    fn a_chat_takes_a_short_burst_and_then_one_a_second() {
        let limits = SendLimits { overall_per_second: 0, chat_burst: 3, group_per_minute: 0 };
        let (mut overall, mut chat) = (Window::default(), ChatGate::default());
        for _ in 0..3 {
            assert_eq!(take(limits, &mut overall, &mut chat, false, at(0)), Ok(()));
        }
        assert_eq!(take(limits, &mut overall, &mut chat, false, at(0)), Err(1));
        assert_eq!(take(limits, &mut overall, &mut chat, false, at(1)), Ok(()));
        assert_eq!(take(limits, &mut overall, &mut chat, false, at(1)), Err(1));
    }
}
