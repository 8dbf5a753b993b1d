//! What the model is shown: pure. The stable part comes first (persona, then old messages), the changing part last,
//! because equal prefixes are cached upstream and cost a fraction.

mod label;
mod tokens;

pub use label::{is_blank, label, strip_label, tame};
pub use tokens::estimate_tokens;

use bytes::Bytes;

use self::tokens::media_tokens;
use crate::{
    domain::{
        Author, AuthorKind, ChatKind, Language, MediaKind, Message, MessageId, Prompt, PromptMedia, PromptTurn, Role,
        Timestamp,
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
    /// The present moment.
    pub now: Timestamp,
    /// The chat's language.
    pub language: Language,
    /// `BOT_MAX_CONTEXT_TOKENS`, by our own estimate.
    pub tokens_max: u32,
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
    let closing = closing(&scene);
    let system = scene.persona.system_prompt().to_owned();
    let media: Vec<PromptMedia> = scene.seen.iter().map(|seen| shown(seen, scene.language)).collect();
    let shown: u32 = media.iter().map(|media| media_tokens(media) + estimate_tokens(&media.caption)).sum();
    let fixed = estimate_tokens(&system) + estimate_tokens(&closing) + shown;
    let lines: Vec<(Role, String)> = window.iter().map(|message| line(message, window, scene.language)).collect();
    let from = first_that_fits(&lines, scene.tokens_max.saturating_sub(fixed));
    let mut turns: Vec<PromptTurn> = Vec::new();
    for (role, text) in &lines[from..] {
        push(&mut turns, *role, text);
    }
    push(&mut turns, Role::User, &closing);
    Prompt { system, turns, media }
}

fn shown(seen: &Seen, language: Language) -> PromptMedia {
    let (what, whose) = (media_word(seen.kind, language), author_words(&seen.author, language));
    let caption = say!(language, "prompt-shown", what = &what, whose = &whose);
    PromptMedia { caption, mime_type: seen.mime_type, data: seen.data.clone() }
}

fn push(turns: &mut Vec<PromptTurn>, role: Role, text: &str) {
    match turns.last_mut() {
        Some(turn) if turn.role == role => {
            turn.text.push('\n');
            turn.text.push_str(text);
        }
        _ => turns.push(PromptTurn { role, text: text.to_owned() }),
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
fn line(message: &Message, window: &[Message], language: Language) -> (Role, String) {
    let said = said(message, language);
    if message.author.kind == AuthorKind::Own {
        return (Role::Model, said);
    }
    let mut line = label(&message.author, language);
    if let Some(reply) = &message.reply_to {
        line.push(' ');
        line.push_str(&reply_words(message, reply.message_id, window, language));
    }
    if let Some(source) = &message.forwarded_from {
        line.push(' ');
        line.push_str(&say!(language, "prompt-forwarded", source = &tame(source, 32)));
    }
    line.push_str(": ");
    line.push_str(&said);
    (Role::User, line)
}

/// Whom a message answers, and what of it.
fn reply_words(message: &Message, replied: MessageId, window: &[Message], language: Language) -> String {
    let along = message.reply_to.as_ref();
    let known = window.iter().find(|other| other.id == replied);
    let author = known.map(|other| &other.author).or_else(|| along.and_then(|reply| reply.author.as_ref()));
    let quote = message.quote.as_ref().map(|quote| quote.text.as_str());
    let text = quote.or_else(|| known.map(|other| other.text.as_str())).or_else(|| along?.text.as_deref());
    let whom = match author {
        Some(author) if author.kind == AuthorKind::Own => say!(language, "prompt-reply-you"),
        Some(author) => label(author, language),
        None => say!(language, "prompt-reply-old"),
    };
    match text.map(|text| tame(text, EXCERPT)).filter(|text| !text.is_empty()) {
        Some(text) => say!(language, "prompt-reply-to-words", whom = &whom, words = &text),
        None => say!(language, "prompt-reply", whom = &whom),
    }
}

/// The words and a placeholder for what cannot be shown. Further lines are indented, so that no line of a text can
/// begin like a label.
fn said(message: &Message, language: Language) -> String {
    let text = label::without_invisible(&message.text).replace('\n', "\n    ");
    match &message.media {
        None => text,
        Some(media) => {
            let what = media.label.as_deref().map(|words| format!(" {}", tame(words, 60))).unwrap_or_default();
            let placeholder = format!("<{}{what}>", media_word(media.kind, language));
            if text.is_empty() { placeholder } else { format!("{placeholder} {text}") }
        }
    }
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
fn closing(scene: &Scene<'_>) -> String {
    let language = scene.language;
    let mut closing = String::new();
    for message in &scene.gathered.replied_to {
        closing.push_str(&say!(
            language,
            "prompt-earlier",
            who = &author_words(&message.author, language),
            words = &said(message, language),
        ));
        closing.push('\n');
    }
    closing.push_str(&say!(language, "prompt-now", moment = &locale::moment(language, scene.now)));
    closing.push(' ');
    closing.push_str(&say!(language, "prompt-language"));
    let private = scene.gathered.window.last().is_some_and(|message| message.chat.kind == ChatKind::Private);
    if !private {
        let whom = whom(scene);
        closing.push(' ');
        closing.push_str(&say!(language, "prompt-whom", count = whom.len(), whom = &whom.join(", ")));
    }
    closing
}

/// The labels of those who are answered, each once.
fn whom(scene: &Scene<'_>) -> Vec<String> {
    let mut whom: Vec<String> = Vec::new();
    for message in scene.gathered.window.iter().filter(|message| scene.answer.contains(&message.id)) {
        let label = label(&message.author, scene.language);
        if !whom.contains(&label) {
            whom.push(label);
        }
    }
    whom
}

fn author_words(author: &Author, language: Language) -> String {
    if author.kind == AuthorKind::Own { say!(language, "prompt-you") } else { label(author, language) }
}
