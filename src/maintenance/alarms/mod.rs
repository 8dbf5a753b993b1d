//! Alarms: one replica at a time looks how things stand, and calls the admins when a person is needed.
//!
//! How each alarm stands is kept in the store, so whichever replica looks next goes on from there; what is told goes
//! through the outbox in the same transaction, so that it is told by one of them, and told whatever dies in between.

mod ledger;
mod rules;
mod words;

use std::{collections::BTreeSet, time::Duration};

use tokio::time::MissedTickBehavior;

use super::{Maintenance, heartbeat::Company};
use crate::{
    clock::kyiv_day,
    domain::{Alarm, AlarmState, Chat, ChatId, ChatKind, OutgoingKind, RequestId, RichText},
    shutdown::Shutdown,
    storage::{ALARMS_LEASE, NewOutgoing, StorageError},
    telemetry::metric,
};

use self::{ledger::News, rules::Seen};

/// From one look to the next.
const LOOK: Duration = Duration::from_secs(30);
/// Outlives a look that is late, not a replica that died.
const LEASE_TIME: Duration = Duration::from_secs(90);
/// Doubtful sends of so long are recent.
const DOUBTFUL: Duration = Duration::from_secs(15 * 60);
/// An alarm that nobody could be told for so long is of no use any more.
const EXPIRES: Duration = Duration::from_secs(30 * 86_400);
/// Where the runbook is.
const RUNBOOK: &str = "deploy/runbook.md";

impl Maintenance {
    /// Looks every half minute until the soft stop.
    pub(super) async fn watch(&self, shutdown: &Shutdown) {
        let mut timer = tokio::time::interval(LOOK);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.soft.cancelled() => break,
                _ = timer.tick() => {}
            }
            if let Err(error) = self.look().await {
                self.parts.errors.handle("alarms", &error);
            }
        }
        // So that the other replica need not wait for its end.
        let _ = self.parts.store.end_lease(ALARMS_LEASE, &self.parts.owner).await;
    }

    async fn look(&self) -> Result<(), StorageError> {
        let parts = &self.parts;
        let known = parts.store.alarms().await?;
        self.show(&known);
        if !parts.store.lease(ALARMS_LEASE, &parts.owner, LEASE_TIME).await? {
            return Ok(());
        }
        // Read again under the lease: another replica may just have told something.
        let known = parts.store.alarms().await?;
        let now = parts.clock.now();
        let sends = parts.store.alarm_sends(now - DOUBTFUL).await?;
        let seen = self.seen(sends.doubtful).await?;
        let judged = ledger::judge(&known, &rules::signs(&seen), sends.unsent > 0, now);
        if judged.changed.is_empty() {
            return Ok(());
        }
        for (state, new) in &judged.news {
            tracing::warn!(alarm = state.alarm.as_str(), number = state.number, "an alarm: {new:?}");
        }
        let says = self.messages(&judged.news);
        parts.store.keep_alarms(&parts.owner, judged.changed, says, now).await?;
        Ok(())
    }

    async fn seen(&self, doubtful: u64) -> Result<Seen, StorageError> {
        let parts = &self.parts;
        let now = parts.clock.now();
        let inbox = parts.store.inbox_depth().await?;
        // No chat has this id: the whole bot's sum is wanted.
        let spent = parts.store.spent(kyiv_day(now), ChatId(0), Vec::new()).await?;
        Ok(Seen {
            now,
            health: parts.store.health(),
            company: Company::read(&parts.store.heartbeats().await?, now),
            oldest_update: inbox.oldest,
            oldest_send: parts.store.outbox_depth().await?.oldest,
            dead: inbox.dead,
            doubtful,
            budget_used: parts.budgets.bot_used(&spent.bot),
        })
    }

    /// One message to each admin.
    fn messages(&self, news: &[(AlarmState, News)]) -> Vec<NewOutgoing> {
        let parts = &self.parts;
        if news.is_empty() {
            return Vec::new();
        }
        let now = parts.clock.now();
        let words = words::message(parts.language, RUNBOOK, news);
        let to_admin = |admin: &crate::domain::UserId| {
            let chat = Chat { id: ChatId(admin.0), kind: ChatKind::Private, title: None };
            let (text, request) = (vec![RichText::plain(&words)], RequestId(format!("alarm-{}", now.0)));
            NewOutgoing::new(OutgoingKind::Alarm, chat, text, now + EXPIRES, request)
        };
        parts.admins.iter().map(to_admin).collect()
    }

    fn show(&self, known: &[AlarmState]) {
        let firing: BTreeSet<Alarm> = known.iter().filter(|state| state.fires).map(|state| state.alarm).collect();
        for alarm in Alarm::ALL {
            let fires = f64::from(u8::from(firing.contains(alarm)));
            self.parts.metrics.set(&metric::ALARMS_FIRING, &[("alarm", alarm.as_str())], fires);
        }
    }
}
