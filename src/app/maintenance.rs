//! How maintenance is put together.

use std::sync::Arc;

use tokio::{sync::mpsc, task::JoinHandle};

use super::{Build, spawn_awaited};
use crate::{
    errors::ErrorRecord,
    maintenance::{Backups, Maintenance, MaintenanceParts, Watcher},
};

/// Where the runbook is, without `BOT_RUNBOOK_URL`.
const RUNBOOK: &str = "deploy/runbook.md";
/// The disk is nearly full at so many times the space at which updates are refused.
const DISK_LOW: u64 = 8;

impl Build {
    pub(super) fn start_maintenance(&self, found: mpsc::Receiver<ErrorRecord>) -> JoinHandle<()> {
        let limiter = Arc::clone(&self.limiter);
        let health = self.health();
        let errors = self.errors.clone();
        let store = self.store.clone();
        let (essential, advanced) = (&self.config.essential, &self.config.advanced);
        let watcher = advanced.heartbeat_url.clone().map(|url| {
            let transport = self.outside.elsewhere.clone();
            Watcher { transport, url }
        });
        let maintenance = Maintenance::new(MaintenanceParts {
            store: Arc::new(self.store.clone()),
            owner: self.owner.clone(),
            started_at: self.started_at,
            clock: self.outside.clock.clone(),
            errors: self.errors.clone(),
            metrics: self.metrics.clone(),
            personas: self.personas.clone(),
            budgets: self.budgets(),
            is_ready: Arc::new(move || health.problem().is_none()),
            breakers: self.gemini.breakers(),
            retention: advanced.retention,
            backups: Backups::new(Arc::new(self.store.clone()), self.outside.clock.clone(), &self.config),
            admins: essential.admins.clone(),
            language: self.config.behavior.language,
            runbook: advanced.runbook_url.clone().unwrap_or_else(|| RUNBOOK.to_owned()),
            gemini: Arc::clone(&self.gemini),
            telegram: self.telegram.clone(),
            intake: essential.intake,
            webhook_url: essential.webhook_url.clone(),
            disk_low: advanced.min_free_disk_mb * DISK_LOW * 1024 * 1024,
            watcher,
            sweeps: vec![
                Arc::new(move || limiter.sweep()),
                Arc::new(move || errors.tell_untold()),
                Arc::new(move || store.sweep()),
            ],
        });
        spawn_awaited(&self.shutdown, "maintenance", maintenance.run(found, self.shutdown.clone()))
    }
}
