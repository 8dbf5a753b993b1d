//! What nobody asked for: the bot joins in, or reacts with an emoji.
//!
//! The draw comes first, then the talk budget, then the gate over the last messages, and only then the model, which may
//! decline. All of it happens after the turn has ended, so that whoever addresses the bot meanwhile never waits for it; what
//! comes of it is said only if the budget still allows it. If the model fails, nobody hears of it.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Worker,
    lines::{Line, Lines, Place},
    spend::ledger,
    talk::words,
    turn::Turn,
};
use crate::{
    analysis::read,
    decision::{
        budget::{TalkRules, may_consider, may_say},
        gate::{Gauge, Moment, gauge},
        reactions::{reaction, reaction_to_words},
        recent::{Recent, reading_of},
        veto::quarrels,
    },
    domain::{
        Chat, ChatKind, ChatState, Language, OutgoingKind, ReplyTarget, RequestId, TalkAllowance, TalkLog, Timestamp,
        TopicId, UnaskedKind, Why,
    },
    gemini::Choice,
    memory::Gathered,
    persona::Persona,
    prompt::{Occasion, Scene, assemble},
    storage::{ModelCall, NewOutgoing, NewUnasked, StorageError, TalkNotes},
    telemetry::metric,
};

/// Nobody waits for an unasked line, so the model gets less time for it than for an answer.
const DEADLINE: Duration = Duration::from_secs(15);
/// A joke that comes later is none.
const EXPIRES: Duration = Duration::from_secs(120);
/// A moment that is older has passed: after downtime nothing is said to what was.
const FRESH: Duration = Duration::from_secs(120);
/// A longer line is a speech, in characters.
const LETTERS_MAX: usize = 400;
/// Lines that are thought about at the same time; a further moment is let pass.
pub(super) const AT_ONCE: usize = 4;

/// How talkative the operator lets the bot be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TalkOptions {
    /// What the operator allows at all.
    pub rules: TalkRules,
    /// `BOT_SMART_REPLY_CHANCE`.
    pub smart_chance: f64,
    /// `BOT_RANDOM_REPLY_CHANCE`.
    pub random_chance: f64,
    /// `BOT_REACTION_CHANCE`.
    pub reaction_chance: f64,
    /// `BOT_VETO_HOURS`.
    pub veto: Duration,
    /// `BOT_SPAM_THRESHOLD`.
    pub spam_threshold: u32,
}

/// A chat in which the bot may say something that nobody asked for.
#[derive(Clone)]
pub(super) struct Overheard {
    pub(super) chat: Chat,
    pub(super) topic: Option<TopicId>,
    pub(super) state: ChatState,
    pub(super) persona: Arc<Persona>,
    pub(super) language: Language,
    pub(super) request_id: RequestId,
    /// The draw says that it may speak: at any moment, or only at an opportune one.
    line: Option<Draw>,
    /// The draw says that it may react.
    reacts: bool,
}

impl Overheard {
    /// Of a chat that has gone quiet.
    pub(super) const fn in_silence(
        chat: Chat,
        state: ChatState,
        persona: Arc<Persona>,
        language: Language,
        request_id: RequestId,
    ) -> Self {
        Self { chat, topic: None, state, persona, language, request_id, line: None, reacts: false }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Draw {
    AnyMoment,
    OpportuneMoment,
}

/// What the bot joins in at: a moment that is opportune, or any moment, by chance.
#[derive(Clone, Copy)]
struct Occurrence {
    gauge: Gauge,
    by_chance: bool,
}

impl Turn<'_> {
    /// What was overheard, if the draw lets the bot say something about it. Counts what is let pass.
    pub(super) fn overhear(&self, read: &Lines, place: &Place, is_grave: bool) -> Option<Overheard> {
        let now = self.worker.parts.clock.now();
        let people: Vec<&Line> = read.lines.iter().filter(|line| is_overheard(line)).collect();
        let newest = people.last()?;
        let let_pass = |outcome: &str| self.worker.count_unaddressed(outcome, 1);
        self.worker.count_unaddressed("not_drawn", people.len() as u64 - 1);
        if is_grave {
            let_pass("grave");
            return None;
        }
        if now.since(newest.message().sent_at) > FRESH {
            let_pass("too_old");
            return None;
        }
        let rules = &self.worker.options.talk.rules;
        if let Err(refusal) = may_consider(UnaskedKind::Line, &place.standing.chat, rules, now) {
            let_pass(refusal.as_str());
            return None;
        }
        let (line, reacts) = self.draw();
        if line.is_none() && !reacts {
            let_pass("not_drawn");
            return None;
        }
        let message = newest.message();
        Some(Overheard {
            chat: Chat { id: message.chat.id, kind: message.chat.kind, title: None },
            topic: message.topic,
            state: place.standing.chat.clone(),
            persona: Arc::clone(&place.persona),
            language: place.language,
            request_id: newest.request_id.clone(),
            line,
            reacts,
        })
    }

    fn draw(&self) -> (Option<Draw>, bool) {
        let (random, talk) = (&self.worker.parts.random, &self.worker.options.talk);
        let (words, emoji) = (random.fraction(), random.fraction());
        let line = if words < talk.random_chance {
            Some(Draw::AnyMoment)
        } else {
            (words < talk.smart_chance).then_some(Draw::OpportuneMoment)
        };
        (line, emoji < talk.reaction_chance)
    }

    /// Now and then the bot reacts to what is said to it, besides the words.
    pub(super) async fn react_besides(
        &self,
        to: &Line,
        place: &Place,
        notes: &mut TalkNotes,
    ) -> Result<(), StorageError> {
        let (parts, options) = (&self.worker.parts, &self.worker.options);
        let message = to.message();
        let drawn = parts.random.fraction() < options.talk.reaction_chance;
        if !drawn || message.chat.kind != ChatKind::Group || self.is_grave(place, notes) {
            return Ok(());
        }
        let Some(emoji) = reaction_to_words(&reading_of(message), parts.random.fraction()) else { return Ok(()) };
        let (now, state) = (parts.clock.now(), &place.standing.chat);
        if may_consider(UnaskedKind::Reaction, state, &options.talk.rules, now).is_err() {
            return Ok(());
        }
        let log = parts.talk.talk_log(message.chat.id, now).await?;
        if let Ok(allowance) = may_say(UnaskedKind::Reaction, state, &log, &options.talk.rules, now) {
            let chat = Chat { title: None, ..message.chat.clone() };
            let reaction = NewOutgoing::reaction(chat, message.id, emoji, now + EXPIRES, to.request_id.clone());
            let says = NewOutgoing { why: Some(Why::unbought("reaction", None)), ..reaction };
            notes.unasked.push(NewUnasked { kind: UnaskedKind::Reaction, allowance, says: Some(says) });
        }
        Ok(())
    }
}

/// Whether a line is talk of a person in a group that is not for the bot.
fn is_overheard(line: &Line) -> bool {
    let message = line.message();
    line.trigger.is_none()
        && !line.is_edit
        && !line.is_album_rest
        && line.incoming.service.is_none()
        && line.command().is_none()
        && line.is_persons()
        && message.chat.kind == ChatKind::Group
}

impl Worker {
    pub(super) fn count_unaddressed(&self, outcome: &str, messages: u64) {
        if messages > 0 {
            self.parts.metrics.add(&metric::UNADDRESSED, &[("outcome", outcome)], messages);
        }
    }

    /// Thinks about what was overheard, beside the turns. At the soft stop it is dropped: nobody waits for it.
    pub(super) fn consider(&self, overheard: Overheard) {
        let Ok(slot) = Arc::clone(&self.unasked).try_acquire_owned() else {
            self.count_unaddressed("busy", 1);
            return;
        };
        self.note_thinking();
        let worker = self.clone();
        self.shutdown.spawn(async move {
            let soft = worker.shutdown.soft.clone();
            let outcome = tokio::select! {
                outcome = worker.join_in(&overheard) => outcome,
                () = soft.cancelled() => Ok("stopped"),
            };
            drop(slot);
            worker.note_thinking();
            match outcome {
                Ok(outcome) => worker.count_unaddressed(outcome, 1),
                Err(error) => {
                    worker.count_unaddressed("failed", 1);
                    worker.parts.errors.handle("unasked", &error);
                }
            }
        });
    }

    fn note_thinking(&self) {
        let thinking = AT_ONCE - self.unasked.available_permits().min(AT_ONCE);
        #[expect(clippy::cast_precision_loss, reason = "at most a few")]
        self.parts.metrics.set(&metric::UNASKED_THINKING, &[], thinking as f64);
    }

    /// Joins in or reacts, or finds that it had better not; returns the outcome's word.
    async fn join_in(&self, overheard: &Overheard) -> Result<&'static str, StorageError> {
        let (now, chat) = (self.parts.clock.now(), overheard.chat.id);
        let rules = &self.options.talk.rules;
        let log = self.parts.talk.talk_log(chat, now).await?;
        let may = |kind| may_say(kind, &overheard.state, &log, rules, now);
        let line = overheard.line.map(|draw| (draw, may(UnaskedKind::Line)));
        let reaction = may(UnaskedKind::Reaction).ok().filter(|_| overheard.reacts);
        let refused = match &line {
            Some((_, Err(refusal))) => refusal.as_str(),
            _ => "shut",
        };
        if reaction.is_none() && !matches!(line, Some((_, Ok(_)))) {
            return Ok(refused);
        }
        let gathered = self.parts.memory.gather(chat, overheard.topic).await?;
        let recent = Recent::of(&gathered.window);
        if quarrels(&recent) {
            return Ok("grave");
        }
        if recent.newest().is_none_or(|newest| !newest.is_persons()) {
            return Ok("shut");
        }
        let gauge = gauge(&recent);
        match line {
            Some((draw, Ok(allowance))) if draw == Draw::AnyMoment || gauge.is_opportune() => {
                let by_chance = draw == Draw::AnyMoment && !gauge.is_opportune();
                self.say_line(overheard, &gathered, Occurrence { gauge, by_chance }, allowance).await
            }
            _ => match reaction {
                Some(allowance) => self.react(overheard, &recent, gauge, allowance).await,
                None => Ok(refused),
            },
        }
    }

    async fn react(
        &self,
        overheard: &Overheard,
        recent: &Recent<'_>,
        gauge: Gauge,
        allowance: TalkAllowance,
    ) -> Result<&'static str, StorageError> {
        let Some(newest) = recent.newest() else { return Ok("shut") };
        let Some(emoji) = reaction(gauge.moment, &newest.reading, self.parts.random.fraction()) else {
            return Ok("shut");
        };
        let now = self.parts.clock.now();
        let (chat, request_id) = (overheard.chat.clone(), overheard.request_id.clone());
        let reaction = NewOutgoing::reaction(chat, newest.message.id, emoji, now + EXPIRES, request_id);
        let says = NewOutgoing { why: Some(Why::unbought("reaction", Some(gauge.score))), ..reaction };
        let unasked = NewUnasked { kind: UnaskedKind::Reaction, allowance, says: Some(says) };
        let said = self.parts.talk.say_unasked(overheard.chat.id, unasked, Vec::new(), now).await?;
        Ok(if said { "reaction" } else { "dropped" })
    }

    async fn say_line(
        &self,
        overheard: &Overheard,
        gathered: &Gathered,
        occurrence: Occurrence,
        allowance: TalkAllowance,
    ) -> Result<&'static str, StorageError> {
        let Occurrence { gauge, by_chance } = occurrence;
        let Some(choice) = self.unasked_means(overheard.chat.id).await? else { return Ok("over_budget") };
        let thought = self.think_unasked(overheard, gathered, Occasion::Unasked, choice).await;
        let newest = gathered.window.last().map(|message| message.id);
        // A question is answered; into laughter one falls in.
        let replies = matches!(gauge.moment, Moment::OpenQuestion | Moment::Boredom | Moment::OwnTopic);
        let target = ReplyTarget { topic: overheard.topic, message_id: newest.filter(|_| replies) };
        let trigger = if by_chance { "random" } else { gauge.moment.as_str() };
        let speech = Speech { kind: UnaskedKind::Line, trigger, score: Some(gauge.score), target, allowance };
        self.speak(overheard, gathered, thought, speech).await
    }

    /// Asks the model for a line that nobody asked for.
    pub(super) async fn think_unasked(
        &self,
        overheard: &Overheard,
        gathered: &Gathered,
        occasion: Occasion,
        choice: Choice,
    ) -> crate::gemini::Outcome {
        let prompt = assemble(Scene {
            persona: &overheard.persona,
            gathered,
            seen: &[],
            answer: &[],
            occasion,
            grave: false,
            now: self.parts.clock.now(),
            language: overheard.language,
            tokens_max: self.options.context_tokens_max,
        });
        self.parts.gemini.answer(&prompt, Instant::now() + DEADLINE, choice).await
    }

    /// Says what the model thought of, if it thought of something and the budget still allows it.
    pub(super) async fn speak(
        &self,
        overheard: &Overheard,
        gathered: &Gathered,
        thought: crate::gemini::Outcome,
        speech: Speech,
    ) -> Result<&'static str, StorageError> {
        let now = self.parts.clock.now();
        let calls = ledger(thought.calls, overheard.chat.id, "unasked", None);
        let answer = match thought.result {
            Ok(answer) => answer,
            Err(error) => {
                self.parts.errors.handle("gemini", &error);
                self.decline(overheard, speech.allowance, calls, now).await?;
                return Ok("failed");
            }
        };
        let Some(text) = sayable(&answer.text, &overheard.persona, &Recent::of(&gathered.window)) else {
            self.decline(overheard, speech.allowance, calls, now).await?;
            return Ok("declined");
        };
        let why = Why {
            trigger: speech.trigger.to_owned(),
            score: speech.score,
            model: Some(answer.model.clone()),
            usage: answer.usage,
            cost_nano_usd: calls.iter().map(|call| call.cost.nano_usd).sum(),
            is_cached: false,
        };
        let Ok(parts) = words(&crate::domain::Answer { text, ..answer }, &overheard.persona) else {
            self.decline(overheard, speech.allowance, calls, now).await?;
            return Ok("declined");
        };
        let (chat, request_id) = (overheard.chat.clone(), overheard.request_id.clone());
        let says = NewOutgoing {
            target: speech.target,
            silent: true,
            no_preview: true,
            why: Some(why),
            ..NewOutgoing::new(OutgoingKind::Unasked, chat, parts, now + EXPIRES, request_id)
        };
        let unasked = NewUnasked { kind: speech.kind, allowance: speech.allowance, says: Some(says) };
        let said = self.parts.talk.say_unasked(overheard.chat.id, unasked, calls, now).await?;
        Ok(if said { speech.kind.as_str() } else { "dropped" })
    }

    /// The model was asked in vain: it is not asked again at once.
    async fn decline(
        &self,
        overheard: &Overheard,
        allowance: TalkAllowance,
        calls: Vec<ModelCall>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let unasked = NewUnasked { kind: UnaskedKind::Declined, allowance, says: None };
        self.parts.talk.say_unasked(overheard.chat.id, unasked, calls, now).await.map(drop)
    }

    /// What is known of a chat's talk.
    pub(super) async fn log_of(&self, chat: &Chat) -> Result<TalkLog, StorageError> {
        self.parts.talk.talk_log(chat.id, self.parts.clock.now()).await
    }
}

/// How something is to be said.
#[derive(Clone, Copy)]
pub(super) struct Speech {
    pub(super) kind: UnaskedKind,
    pub(super) trigger: &'static str,
    pub(super) score: Option<f64>,
    pub(super) target: ReplyTarget,
    pub(super) allowance: TalkAllowance,
}

/// The model's words as they may be said unasked: nothing if it declined, made a speech, or named what must not be named;
/// nobody is called who is not in the conversation.
fn sayable(answer: &str, persona: &Persona, recent: &Recent<'_>) -> Option<String> {
    let reading = read(answer);
    let is_fit = !persona.declines(answer)
        && answer.chars().count() <= LETTERS_MAX
        && !reading.names_a_place
        && reading.grave.is_none();
    is_fit.then(|| without_strangers(answer, recent))
}

/// Takes the @ from names of people who have not spoken of late: it would ring their phones.
fn without_strangers(text: &str, recent: &Recent<'_>) -> String {
    let speaks = |name: &str| {
        let usernames = recent.lines.iter().filter_map(|line| line.message.author.username.as_deref());
        usernames.into_iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let end = after.find(|letter| !is_of_name(letter)).unwrap_or(after.len());
        out.push_str(before);
        // Inside a word it is an address of mail.
        let is_a_call = end > 0 && !before.ends_with(char::is_alphanumeric);
        if !is_a_call || speaks(&after[..end]) {
            out.push('@');
        }
        out.push_str(&after[..end]);
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_be_said_unasked_is_not() {
        let persona = Persona::built_in();
        let said = |answer: &str| sayable(answer, &persona, &Recent::default());
        assert_eq!(said("Гарний вечір для вареників.").as_deref(), Some("Гарний вечір для вареників."));
        for (answer, why) in [
            ("[мовчу]", "the model declined"),
            ("Ігор же служить у 95-й бригаді", "where somebody serves"),
            ("у сусіда помер дід", "nothing grave"),
            (&"так ".repeat(LETTERS_MAX / 3 + 1), "no speech"),
        ] {
            assert_eq!(said(answer), None, "{why}");
        }
    }
}
