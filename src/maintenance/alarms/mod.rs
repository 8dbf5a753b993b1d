//! Alarms: one replica at a time looks how things stand, and calls the admins when a person is needed.
//!
//! How each alarm stands is kept in the store, so whichever replica looks next goes on from there; what is told goes
//! through the outbox in the same transaction, so that it is told by one of them, and told whatever dies in between.

mod delivery;
mod direct;
mod ledger;
mod rules;
mod words;

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use self::{
    delivery::{Asking, Delivery},
    direct::Direct,
    ledger::News,
    rules::{Backups, Seen},
};
use super::{
    BACKUP_COMMAND_FAILED_AT, BACKUP_FAILED_AT, BACKUP_OK_AT, Maintenance, heartbeat::Company, models::MODEL_TROUBLE,
};
use crate::{
    clock::kyiv_day,
    domain::{Alarm, AlarmState, Chat, ChatId, ChatKind, OutgoingKind, RequestId, RichText, Timestamp, UserId},
    shutdown::Shutdown,
    storage::{ALARMS_LEASE, NewOutgoing, POLL_CONFLICT_AT, StorageError},
    telemetry::metric,
};

/// From one look to the next.
const LOOK: Duration = Duration::from_secs(30);
/// Outlives a look that is late, not a replica that died. It is prolonged at every second look, when half of it is over.
const LEASE_TIME: Duration = Duration::from_secs(90);
/// Doubtful sends of so long are recent.
const DOUBTFUL: Duration = Duration::from_secs(15 * 60);
/// An alarm that nobody could be told for so long is of no use any more.
const EXPIRES: Duration = Duration::from_secs(30 * 86_400);

impl Maintenance {
    /// Looks every half minute until the soft stop.
    pub(super) async fn watch(&self, shutdown: &Shutdown) {
        let (mut asking, mut direct) = (Asking::new(), Direct::default());
        let mut leased_at = None;
        let mut timer = tokio::time::interval(LOOK);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.soft.cancelled() => break,
                _ = timer.tick() => {}
            }
            let looked = tokio::select! {
                looked = self.look_for_alarms(&mut asking, &mut leased_at) => looked,
                // What it wanted to write is written whole or not at all.
                () = shutdown.soft.cancelled() => break,
            };
            if let Err(error) = looked {
                self.parts.errors.handle("alarms", &error);
            }
            tokio::select! {
                () = self.watch_store(&mut direct) => {}
                () = shutdown.soft.cancelled() => break,
            }
            // Reading goes on where writing does not.
            if let Ok(known) = self.parts.store.alarms().await {
                self.show(&known, &direct);
            }
        }
        // So that the other replica need not wait for its end.
        let _ = self.parts.store.end_lease(ALARMS_LEASE, &self.parts.owner).await;
    }

    async fn look_for_alarms(&self, asking: &mut Asking, leased_at: &mut Option<Instant>) -> Result<(), StorageError> {
        let parts = &self.parts;
        if leased_at.is_none_or(|at| at.elapsed() >= LEASE_TIME / 2) {
            let asked_at = Instant::now();
            *leased_at = parts.store.lease(ALARMS_LEASE, &parts.owner, LEASE_TIME).await?.then_some(asked_at);
        }
        if leased_at.is_none() {
            return Ok(());
        }
        let known = parts.store.alarms().await?;
        let delivery = self.delivery(asking).await;
        let now = parts.clock.now();
        let sends = parts.store.alarm_sends(now - DOUBTFUL).await?;
        let seen = self.seen(sends.doubtful, delivery).await?;
        let judged = ledger::judge(&known, &rules::signs(&seen), sends.unsent > 0, now);
        if judged.changed.is_empty() {
            return Ok(());
        }
        let says = self.messages(&judged.news);
        // The store judges by its own clock whether the lease still holds.
        if parts.store.keep_alarms(&parts.owner, judged.changed, says, now).await? {
            for (state, new) in &judged.news {
                tracing::warn!(alarm = state.alarm.as_str(), number = state.number, "an alarm: {new:?}");
            }
        } else {
            *leased_at = None;
        }
        Ok(())
    }

    async fn seen(&self, doubtful: u64, delivery: Option<Delivery>) -> Result<Seen, StorageError> {
        let parts = &self.parts;
        let now = parts.clock.now();
        let inbox = parts.store.inbox_depth().await?;
        // No chat has this id: the whole bot's sum is wanted.
        let spent = parts.store.spent(kyiv_day(now), ChatId(0), Vec::new()).await?;
        Ok(Seen {
            now,
            company: Company::read(&parts.store.heartbeats().await?),
            delivery,
            poll_conflict_at: self.time(POLL_CONFLICT_AT).await?,
            oldest_update: inbox.oldest,
            oldest_send: parts.store.outbox_depth().await?.oldest,
            dead: inbox.dead,
            doubtful,
            budget_used: parts.budgets.bot_used(&spent.bot),
            space: parts.store.space().await?,
            disk_low: parts.disk_low,
            backups: Backups {
                ok_at: self.time(BACKUP_OK_AT).await?,
                failed_at: self.time(BACKUP_FAILED_AT).await?.max(self.time(BACKUP_COMMAND_FAILED_AT).await?),
            },
            has_model_trouble: parts.store.fact(MODEL_TROUBLE).await?.is_some_and(|trouble| !trouble.is_empty()),
        })
    }

    /// A fact that is a time.
    async fn time(&self, name: &'static str) -> Result<Option<Timestamp>, StorageError> {
        Ok(self.parts.store.fact(name).await?.and_then(|ms| ms.parse().ok()).map(Timestamp))
    }

    /// One message to each admin.
    fn messages(&self, news: &[(AlarmState, News)]) -> Vec<NewOutgoing> {
        let parts = &self.parts;
        if news.is_empty() {
            return Vec::new();
        }
        let now = parts.clock.now();
        let words = words::message(parts.language, &parts.runbook, news);
        let to_admin = |admin: &UserId| {
            let chat = Chat { id: ChatId(admin.0), kind: ChatKind::Private, title: None };
            let (text, request) = (vec![RichText::plain(&words)], RequestId(format!("alarm-{}", now.0)));
            NewOutgoing::new(OutgoingKind::Alarm, chat, text, now + EXPIRES, request)
        };
        parts.admins.iter().map(to_admin).collect()
    }

    fn show(&self, known: &[AlarmState], direct: &Direct) {
        for alarm in Alarm::ALL {
            let fires = known.iter().any(|state| state.alarm == *alarm && state.fires)
                || (*alarm == Alarm::StoreReadOnly && direct.fires());
            self.parts.metrics.set(&metric::ALARMS_FIRING, &[("alarm", alarm.as_str())], f64::from(u8::from(fires)));
        }
    }
}
