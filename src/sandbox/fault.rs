//! Which call fails how: planned faults of a stand-in, by scope (a method of the Bot API, a model of Gemini).

use std::collections::VecDeque;

use crate::random::Random;

/// A scope that covers every call.
pub(super) const ANY: &str = "*";

/// Faults to come. Queued ones go first, then the standing ones, then chance.
#[derive(Debug)]
pub(super) struct FaultPlan<F> {
    queued: VecDeque<(String, F)>,
    standing: Vec<(String, F)>,
    by_chance: Vec<(String, f64, F)>,
}

impl<F> Default for FaultPlan<F> {
    fn default() -> Self {
        Self { queued: VecDeque::new(), standing: Vec::new(), by_chance: Vec::new() }
    }
}

impl<F: Clone> FaultPlan<F> {
    /// The next call in `scope` fails so.
    pub(super) fn queue(&mut self, scope: &str, fault: F) {
        self.queued.push_back((scope.to_owned(), fault));
    }

    /// Every call in `scope` fails so, until [`FaultPlan::heal`].
    pub(super) fn stand(&mut self, scope: &str, fault: F) {
        self.standing.push((scope.to_owned(), fault));
    }

    /// This fraction of the calls in `scope` fails so, until [`FaultPlan::heal`].
    pub(super) fn chance(&mut self, scope: &str, fraction: f64, fault: F) {
        self.by_chance.push((scope.to_owned(), fraction, fault));
    }

    /// No more faults.
    pub(super) fn heal(&mut self) {
        *self = Self::default();
    }

    /// The fault of the call that is made now, if it is to have one.
    pub(super) fn draw(&mut self, scope: &str, random: &dyn Random) -> Option<F> {
        let covers = |planned: &str| planned == ANY || planned == scope;
        if let Some(position) = self.queued.iter().position(|(planned, _)| covers(planned)) {
            return self.queued.remove(position).map(|(_, fault)| fault);
        }
        if let Some((_, fault)) = self.standing.iter().find(|(planned, _)| covers(planned)) {
            return Some(fault.clone());
        }
        let mut chances = self.by_chance.iter().filter(|(planned, ..)| covers(planned));
        chances.find(|(_, fraction, _)| random.fraction() < *fraction).map(|(.., fault)| fault.clone())
    }
}
