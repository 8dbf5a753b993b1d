//! What a conversation costs: which model may still be asked for whom, the answers that need not be bought twice, and
//! what goes into the ledger.

use sha2::{Digest as _, Sha256};

use super::{
    Worker,
    lines::{Line, Lines, Place},
    turn::Turn,
};
use crate::{
    clock::kyiv_day,
    decision::{Allowance, has_spare_request, may_be_given_again, stands_alone},
    domain::{Answer, ChatId, Cost, OutgoingKind, PersonSpent, RichText, TokenUsage, UserId, Why},
    gemini::{CallRecord, Choice},
    memory::Gathered,
    persona::{Saying, names_in},
    storage::{ANSWER_BYTES_MAX, KeptAnswer, LimitLine, ModelCall, NewKeptAnswer, QuestionKey, StorageError},
    telemetry::metric,
};

/// Whom the budgets let be answered, and how.
pub(super) struct Means {
    /// Of the lines that are to be answered, those that may be.
    pub(super) answer: Vec<usize>,
    /// Those whose author, chat or bot has spent its budget.
    pub(super) refused: Vec<usize>,
    /// By which model.
    pub(super) choice: Choice,
}

/// A question that stands alone.
pub(super) struct Asked {
    key: QuestionKey,
    /// Whose it is.
    line: usize,
}

impl Turn<'_> {
    /// What the budgets leave of the lines that are to be answered. The last one's author pays for all.
    pub(super) async fn means(&self, lines: &[Line], answer: &[usize]) -> Result<Means, StorageError> {
        let (parts, options) = (&self.worker.parts, &self.worker.options);
        if options.budgets.are_off() {
            return Ok(Means { answer: answer.to_vec(), refused: Vec::new(), choice: Choice::USUAL });
        }
        let author = |index: &usize| lines[*index].message().author.id;
        let mut people: Vec<UserId> = answer.iter().map(author).collect();
        people.sort_unstable();
        people.dedup();
        let spent = parts.spend.spent(kyiv_day(parts.clock.now()), self.claim.lane.chat, people).await?;
        let allowance =
            |person: &PersonSpent| options.budgets.for_person(&spent, person, options.admins.contains(&person.user));
        let mut means = Means { answer: Vec::new(), refused: Vec::new(), choice: Choice::USUAL };
        for index in answer {
            let person = spent.people.iter().find(|person| person.user == author(index));
            let allowed = person.map_or(Allowance::Usual, allowance);
            self.count_allowed(allowed, "asked");
            match choice(allowed) {
                Some(choice) => {
                    means.answer.push(*index);
                    means.choice = choice;
                }
                None => means.refused.push(*index),
            }
        }
        Ok(means)
    }

    fn count_allowed(&self, allowed: Allowance, who: &str) {
        self.worker.count_allowed(allowed, who);
    }

    /// A line to each author of those lines that today's budget is spent; the store lets each hear it once a day.
    pub(super) fn limit_lines(&self, place: &Place, lines: &[Line], refused: &[usize]) -> Vec<LimitLine> {
        let mut told: Vec<LimitLine> = Vec::new();
        for line in refused.iter().map(|index| &lines[*index]) {
            let person = line.message().author.id;
            told.retain(|line| line.person != person);
            let words = place.persona.line(Saying::OverBudget, place.language, self.worker.parts.random.fraction());
            let says = self.outgoing(OutgoingKind::Notice, vec![RichText::plain(words)], &[line]);
            told.push(LimitLine { person, says });
        }
        told
    }

    /// The turn's question, if it asks nothing but one that stands alone. In a grave moment none does.
    pub(super) fn question(&self, read: &Lines, answer: &[usize], place: &Place, past: &Gathered) -> Option<Asked> {
        let now = self.worker.parts.clock.now();
        let [line] = *answer else { return None };
        let message = read.lines[line].message();
        let says_more = read.lines.iter().filter(|line| line.message().author.id == message.author.id).count() > 1;
        if says_more || place.standing.chat.grave_until.is_some_and(|until| until > now) {
            return None;
        }
        let username = &self.worker.parts.me.username;
        let is_called = |word: &str| names_in(&place.persona, word, &[]) || word.eq_ignore_ascii_case(username);
        let question = stands_alone(message, &past.window, &is_called)?;
        let mut digest = Sha256::new();
        for part in [place.persona.version(), place.language.code(), question.as_str()] {
            digest.update(part);
            digest.update([0]);
        }
        Some(Asked { key: QuestionKey(digest.finalize().into()), line })
    }

    /// The answer that the question got within the last hour.
    pub(super) async fn kept(&self, asked: Option<&Asked>) -> Result<Option<KeptAnswer>, StorageError> {
        let parts = &self.worker.parts;
        let Some(asked) = asked else { return Ok(None) };
        let kept = parts.spend.kept_answer(self.claim.lane.chat, asked.key, parts.clock.now()).await?;
        let result = if kept.is_some() { "hit" } else { "miss" };
        parts.metrics.increment(&metric::CACHE_REQUESTS, &[("cache", "answer"), ("result", result)]);
        Ok(kept)
    }

    /// What is kept of an answer, if whoever asks the same may have it too.
    pub(super) fn keeps(&self, asked: &Asked, answer: &Answer, read: &Lines, past: &Gathered) -> Option<NewKeptAnswer> {
        let message = read.lines[asked.line].message();
        let may = !answer.cut
            && answer.text.len() <= ANSWER_BYTES_MAX
            && may_be_given_again(&answer.text, message, &past.window);
        may.then(|| NewKeptAnswer {
            chat: self.claim.lane.chat,
            question: asked.key,
            answer: KeptAnswer { text: answer.text.clone(), model: answer.model.clone() },
            asked_by: message.author.id,
        })
    }
}

impl Worker {
    /// Which model may be asked for a word in this chat that nobody asked for, if one may.
    pub(super) async fn unasked_means(&self, chat: ChatId) -> Result<Option<Choice>, StorageError> {
        let spent = self.parts.spend.spent(kyiv_day(self.parts.clock.now()), chat, Vec::new()).await?;
        let next = self.parts.gemini.typical_cost(Choice::USUAL);
        let allowed = self.options.budgets.for_unasked(&spent, next);
        self.count_allowed(allowed, "unasked");
        let Some(choice) = choice(allowed).map(Choice::unasked) else { return Ok(None) };
        // The minute's slots are shared out where they are kept; the day's are known once they ran out.
        let Some(quota) = self.parts.gemini.day_quota(choice) else { return Ok(Some(choice)) };
        let (asked, unasked) = self.parts.spend.calls_of(&quota.model, quota.since).await?;
        Ok(has_spare_request(quota.requests, asked, unasked).then_some(choice))
    }

    fn count_allowed(&self, allowed: Allowance, who: &str) {
        let labels = [("allowed", allowed.as_str()), ("who", who)];
        self.parts.metrics.increment(&metric::BUDGET_DECISIONS, &labels);
    }
}

/// The calls of one question as they stand in the ledger; nobody pays for what nobody asked for.
pub(super) fn ledger(
    calls: Vec<CallRecord>,
    chat: ChatId,
    purpose: &'static str,
    payer: Option<UserId>,
) -> Vec<ModelCall> {
    let calls = calls.into_iter().map(|call| ModelCall {
        at: call.at,
        chat,
        user: payer,
        purpose,
        model: call.model,
        outcome: call.outcome,
        took: call.took,
        usage: call.usage,
        cost: call.cost,
        is_unasked: payer.is_none(),
    });
    calls.collect()
}

fn choice(allowed: Allowance) -> Option<Choice> {
    match allowed {
        Allowance::Usual => Some(Choice::USUAL),
        Allowance::Cheaper => Some(Choice::CHEAPER),
        Allowance::Spent(_) => None,
    }
}

/// Why an answer is said: what drew it and what it cost.
pub(super) fn why(line: &Line, model: &str, calls: &[ModelCall], is_cached: bool) -> Why {
    let add = |sum: TokenUsage, call: &ModelCall| TokenUsage {
        prompt: sum.prompt.saturating_add(call.usage.prompt),
        cached: sum.cached.saturating_add(call.usage.cached),
        thoughts: sum.thoughts.saturating_add(call.usage.thoughts),
        answer: sum.answer.saturating_add(call.usage.answer),
    };
    Why {
        trigger: line.trigger.map_or("unasked", |trigger| trigger.as_str()).to_owned(),
        score: None,
        model: Some(model.to_owned()),
        usage: calls.iter().fold(TokenUsage::default(), add),
        cost_nano_usd: calls.iter().fold(Cost::NOTHING, |sum, call| sum.plus(call.cost)).nano_usd,
        is_cached,
    }
}
