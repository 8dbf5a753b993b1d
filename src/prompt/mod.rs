//! What the model is shown: pure. The stable part comes first (persona, then old messages), the changing part last,
//! because equal prefixes are cached upstream and cost a fraction.

mod continuation;
mod imitation;
mod label;
mod tokens;

pub use continuation::{go_on, joined};
pub use imitation::strip_label;
pub use label::is_blank;
pub use tokens::estimate_tokens;

use std::{rc::Rc, sync::Arc};

use bytes::Bytes;

use self::{
    label::{Labels, begins_like_a_label, indented, tame},
    tokens::media_tokens,
};
use crate::{
    domain::{
        Author, AuthorKind, ChatKind, Language, Media, MediaKind, Message, MessageId, Prompt, PromptMedia, PromptTurn,
        Role, Timestamp,
    },
    locale::{self, say},
    memory::Gathered,
    persona::Persona,
};

/// A replied-to line's excerpt, in characters.
const EXCERPT: usize = 120;
/// When the token budget is exceeded, this many old messages go at a time: one by one would change the prefix with
/// every message.
const DROP: usize = 8;

/// What to assemble from.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// Who the bot is.
    pub persona: &'a Persona,
    /// What was said.
    pub gathered: &'a Gathered,
    /// What the model is shown of what they carry, in order.
    pub seen: &'a [Seen],
    /// The messages to answer.
    pub answer: &'a [MessageId],
    /// Why the model is asked.
    pub occasion: Occasion,
    /// Something grave is talked about: the answer is to be plain and kind.
    pub grave: bool,
    /// The present moment.
    pub now: Timestamp,
    /// The chat's language.
    pub language: Language,
    /// `BOT_MAX_CONTEXT_TOKENS`, by our own estimate.
    pub tokens_max: u32,
}

/// Why the model is asked to speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Occasion {
    /// Somebody speaks to the bot.
    Addressed,
    /// Nobody does, but the moment is opportune; the model may decline ([`Persona::declines`]).
    Unasked,
    /// The chat has gone quiet; the model may decline.
    Spontaneous,
}

/// A picture or a voice whose bytes are at hand.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Who sent it.
    pub author: Author,
    /// What it is.
    pub kind: MediaKind,
    /// What the bytes are.
    pub mime_type: &'static str,
    /// The file.
    pub data: Bytes,
}

/// The whole prompt. Its last turn is always the user's.
pub fn assemble(scene: Scene<'_>) -> Prompt {
    let window = &scene.gathered.window;
    let labels = &Labels::new(scene.persona, scene.language);
    let closing = closing(&scene, labels);
    let system = system(scene.persona, scene.language);
    let media: Vec<PromptMedia> = scene.seen.iter().map(|seen| shown(seen, labels)).collect();
    let shown: u32 = media.iter().map(|media| media_tokens(media) + estimate_tokens(&media.caption)).sum();
    let fixed = estimate_tokens(&system) + estimate_tokens(&closing) + shown;
    let lines: Vec<(Role, String)> = window.iter().map(|message| line(message, window, labels)).collect();
    let from = first_that_fits(&lines, scene.tokens_max.saturating_sub(fixed));
    let mut turns: Vec<PromptTurn> = Vec::new();
    for (role, text) in lines.into_iter().skip(from) {
        push(&mut turns, role, text);
    }
    push(&mut turns, Role::User, closing);
    Prompt { system, turns, media }
}

fn shown(seen: &Seen, labels: &Labels<'_>) -> PromptMedia {
    let (what, whose) = (media_word(seen.kind, labels.language), labels.of(&seen.author));
    let caption = say!(labels.language, "prompt-shown", what = &what, whose = &*whose);
    PromptMedia { caption, mime_type: seen.mime_type, data: seen.data.clone() }
}

/// Who it is, how the conversation is written down, and how it talks: equal for all prompts of a persona and language.
fn system(persona: &Persona, language: Language) -> String {
    let mut system = format!("{}\n\n{}", persona.system_prompt(), say!(language, "prompt-format"));
    if !persona.examples().is_empty() {
        system.push_str("\n\n");
        system.push_str(&say!(language, "prompt-examples"));
    }
    for example in persona.examples() {
        system.push_str(&format!("\n{}\n→ {}", example.said, example.answered));
    }
    system
}

fn push(turns: &mut Vec<PromptTurn>, role: Role, text: String) {
    match turns.last_mut() {
        Some(turn) if turn.role == role => {
            turn.text.push('\n');
            turn.text.push_str(&text);
        }
        _ => turns.push(PromptTurn { role, text }),
    }
}

/// Index of the first line such that the rest fits; the newest line always stays.
fn first_that_fits(lines: &[(Role, String)], tokens_max: u32) -> usize {
    let mut total: u32 = lines.iter().map(|(_, text)| estimate_tokens(text)).sum();
    let mut from = 0;
    while total > tokens_max && from + 1 < lines.len() {
        let to = (from + DROP).min(lines.len() - 1);
        total -= lines[from..to].iter().map(|(_, text)| estimate_tokens(text)).sum::<u32>();
        from = to;
    }
    from
}

/// One message as the model sees it: the bot's own words bare, everybody else's behind a label.
fn line(message: &Message, window: &[Arc<Message>], labels: &Labels<'_>) -> (Role, String) {
    if message.author.kind == AuthorKind::Own {
        return (Role::Model, own(message, labels));
    }
    let label = labels.of(&message.author);
    // As a rule nothing stands between them but a colon.
    let mut head = String::with_capacity(label.len() + message.text.len() + 8);
    head.push_str(&label);
    if let Some(reply) = &message.reply_to {
        head.push(' ');
        head.push_str(&reply_words(message, reply.message_id, window, labels));
    }
    if let Some(source) = &message.forwarded_from {
        head.push(' ');
        head.push_str(&say!(labels.language, "prompt-forwarded", source = &tame(&source.name, 32)));
    }
    (Role::User, said(head, message, labels))
}

/// What the bot itself said, without a label.
fn own(message: &Message, labels: &Labels<'_>) -> String {
    let text = indented(strip_label(&message.text, labels.persona));
    match &message.media {
        Some(media) if text.is_empty() => placeholder(media, labels),
        _ => text.into_owned(),
    }
}

/// Whom a message answers, and what of it.
fn reply_words(message: &Message, replied: MessageId, window: &[Arc<Message>], labels: &Labels<'_>) -> String {
    let language = labels.language;
    let along = message.reply_to.as_ref();
    let known = window.iter().find(|other| other.id == replied);
    let author = known.map(|other| &other.author).or_else(|| along.and_then(|reply| reply.author.as_ref()));
    let quote = message.quote.as_ref().map(|quote| quote.text.as_str());
    let text = quote.or_else(|| known.map(|other| other.text.as_str())).or_else(|| along?.text.as_deref());
    let whom = match author {
        Some(author) if author.kind == AuthorKind::Own => say!(language, "prompt-reply-you"),
        Some(author) => labels.of(author).to_string(),
        None => say!(language, "prompt-reply-old"),
    };
    if let Some(words) = text.map(|text| tame(text, EXCERPT)).filter(|words| !words.is_empty()) {
        return say!(language, "prompt-reply-to-words", whom = &whom, words = &words);
    }
    match known.and_then(|other| other.media.as_ref()) {
        Some(media) => {
            say!(language, "prompt-reply-to-media", whom = &whom, media = &placeholder(media, labels))
        }
        None => say!(language, "prompt-reply", whom = &whom),
    }
}

/// A head of our own making (label, notes, a placeholder for what cannot be shown), a colon, and the foreign words:
/// whatever stands behind the colon is theirs. Words that begin like a label get a line of their own, indented as
/// further lines are, so that a label stands only at the beginning of a line.
fn said(mut head: String, message: &Message, labels: &Labels<'_>) -> String {
    if let Some(media) = &message.media {
        head.push(' ');
        head.push_str(&placeholder(media, labels));
    }
    let text = indented(&message.text);
    if text.trim().is_empty() {
        return head;
    }
    head.push_str(if begins_like_a_label(&text) { ":\n    " } else { ": " });
    head.push_str(&text);
    head
}

/// What stands for media that is not shown.
fn placeholder(media: &Media, labels: &Labels<'_>) -> String {
    let what = media.label.as_deref().map(|words| tame(words, 60)).filter(|words| !words.is_empty());
    let what = what.map(|words| format!(" {words}")).unwrap_or_default();
    format!("<{}{what}>", media_word(media.kind, labels.language))
}

fn media_word(kind: MediaKind, language: Language) -> String {
    match kind {
        MediaKind::Photo => say!(language, "media-photo"),
        MediaKind::Sticker => say!(language, "media-sticker"),
        MediaKind::Voice => say!(language, "media-voice"),
        MediaKind::Video => say!(language, "media-video"),
        MediaKind::VideoNote => say!(language, "media-video-note"),
        MediaKind::Animation => say!(language, "media-animation"),
        MediaKind::Audio => say!(language, "media-audio"),
        MediaKind::Document => say!(language, "media-document"),
        MediaKind::Poll => say!(language, "media-poll"),
        MediaKind::Location => say!(language, "media-location"),
        MediaKind::Contact => say!(language, "media-contact"),
        MediaKind::Dice => say!(language, "media-dice"),
        MediaKind::Story => say!(language, "media-story"),
        MediaKind::Other => say!(language, "media-other"),
    }
}

/// The changing end of the prompt: old messages that are replied to, the time, the language, and whom to answer.
fn closing(scene: &Scene<'_>, labels: &Labels<'_>) -> String {
    let language = scene.language;
    let mut closing = String::new();
    for message in &scene.gathered.replied_to {
        closing.push_str(&say!(language, "prompt-earlier"));
        closing.push(' ');
        let head = match message.author.kind {
            AuthorKind::Own => say!(language, "prompt-you"),
            _ => labels.of(&message.author).to_string(),
        };
        closing.push_str(&said(head, message, labels));
        closing.push('\n');
    }
    closing.push_str(&say!(language, "prompt-now", moment = &locale::moment(language, scene.now)));
    closing.push(' ');
    closing.push_str(&say!(language, "prompt-language"));
    let private = scene.gathered.window.last().is_some_and(|message| message.chat.kind == ChatKind::Private);
    if !private && scene.occasion == Occasion::Addressed {
        let whom = whom(scene, labels);
        closing.push(' ');
        closing.push_str(&say!(language, "prompt-whom", count = whom.len(), whom = &whom.join(", ")));
    }
    let told = scene.persona.instructions();
    let instruction = match scene.occasion {
        Occasion::Addressed => None,
        Occasion::Unasked => Some(&told.unasked),
        Occasion::Spontaneous => Some(&told.spontaneous),
    };
    for instruction in instruction.into_iter().chain(scene.grave.then_some(&told.grave)) {
        closing.push_str(&format!("\n({instruction})"));
    }
    closing
}

/// The labels of those who are answered, each once.
fn whom(scene: &Scene<'_>, labels: &Labels<'_>) -> Vec<Rc<str>> {
    let mut whom: Vec<Rc<str>> = Vec::new();
    for message in scene.gathered.window.iter().filter(|message| scene.answer.contains(&message.id)) {
        let label = labels.of(&message.author);
        if !whom.contains(&label) {
            whom.push(label);
        }
    }
    whom
}

#[cfg(test)]
mod tests;
