//! An answer that the model's token limit has cut: what to ask to get the rest, and how the pieces become one.

use super::strip_label;
use crate::{
    domain::{Language, Prompt, PromptTurn, Role},
    locale::say,
    persona::Persona,
};

/// A repetition at the seam is looked for up to this length, in characters.
const SEAM_MAX: usize = 200;
/// A shorter one may be chance: «і», «так».
const SEAM_MIN: usize = 8;

/// The prompt that asks for the rest of an answer that was cut after `so_far`.
pub fn go_on(prompt: &Prompt, so_far: &str, language: Language) -> Prompt {
    let mut further = prompt.clone();
    further.turns.push(PromptTurn { role: Role::Model, text: whole_words(so_far).trim_end().to_owned() });
    // A request may not end with the model's turn (gemini_api.md section 5).
    further.turns.push(PromptTurn { role: Role::User, text: say!(language, "prompt-go-on") });
    further
}

/// One text of an answer that was cut and of what the model said when it was asked to go on.
pub fn joined(so_far: &str, further: &str, persona: &Persona) -> String {
    let kept = whole_words(so_far);
    let further = strip_label(further, persona);
    let further = if is_in_code(kept) {
        without_begun_line(kept, without_fence(further))
    } else {
        further.trim_start_matches(['…', '.']).trim_start()
    };
    let further = without_repetition(kept.trim_end(), further);
    format!("{kept}{further}")
}

/// Up to and with the last white space: the word behind it may be half a word, and is said anew.
fn whole_words(text: &str) -> &str {
    let last = text.char_indices().rev().find(|(_, letter)| letter.is_whitespace());
    last.map_or(text, |(at, letter)| &text[..at + letter.len_utf8()])
}

/// Whether a block of code is open at the end of a text.
fn is_in_code(text: &str) -> bool {
    text.lines().filter(|line| is_fence(line)).count() % 2 == 1
}

fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("```")
}

/// Without the fence with which the model opens a block of code that is open already. A bare fence closes the block.
fn without_fence(further: &str) -> &str {
    let (first, rest) = further.split_once('\n').unwrap_or((further, ""));
    if is_fence(first) && first.trim().len() > 3 { rest } else { further }
}

/// Without the part of a line that stands there already: code is gone on with line by line.
fn without_begun_line<'a>(kept: &str, further: &'a str) -> &'a str {
    let begun = kept.rsplit('\n').next().unwrap_or_default();
    further.strip_prefix(begun).unwrap_or(further)
}

/// Without the end of `kept` where the model has begun with it once more.
fn without_repetition<'a>(kept: &str, further: &'a str) -> &'a str {
    let ends = further.char_indices().map(|(at, letter)| at + letter.len_utf8()).take(SEAM_MAX);
    let seam = ends.skip(SEAM_MIN - 1).filter(|end| kept.ends_with(&further[..*end])).last();
    seam.map_or(further, |end| further[end..].trim_start())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(so_far: &str, further: &str) -> String {
        joined(so_far, further, &Persona::built_in())
    }

    #[test]
    fn the_pieces_become_one_text() {
        for (so_far, further, whole) in [
            ("Раз два тр", "три чотири.", "Раз два три чотири."),
            ("Раз два три ", "чотири.", "Раз два три чотири."),
            ("Перший абзац.\n\nДру", "Другий абзац.", "Перший абзац.\n\nДругий абзац."),
            ("Раз два тр", "…три чотири.", "Раз два три чотири."),
            ("Раз два тр", "[Гряг|1]: три чотири.", "Раз два три чотири."),
            (
                "Довга розповідь про кота, який ум",
                "розповідь про кота, який умів рахувати.",
                "Довга розповідь про кота, який умів рахувати.",
            ),
            ("```rust\nlet a = 1;\nlet b", "```rust\nlet b = 2;\n```", "```rust\nlet a = 1;\nlet b = 2;\n```"),
            ("```\nодин\nдв", "два\n```\nКінець.", "```\nодин\nдва\n```\nКінець."),
        ] {
            assert_eq!(one(so_far, further), whole);
        }
    }

    #[test]
    fn the_rest_is_asked_for_in_a_turn_of_the_users() {
        let prompt = Prompt {
            system: "хто ти".to_owned(),
            turns: vec![PromptTurn { role: Role::User, text: "розкажи".to_owned() }],
            media: Vec::new(),
        };
        let further = go_on(&prompt, "Жив собі ді", Language::Ukrainian);
        let roles: Vec<Role> = further.turns.iter().map(|turn| turn.role).collect();
        assert_eq!(roles, [Role::User, Role::Model, Role::User]);
        assert_eq!(further.turns[1].text, "Жив собі");
        assert_eq!((further.system, &further.turns[0]), (prompt.system, &prompt.turns[0]), "the prefix is the same");
    }

    proptest! {
        #[test]
        fn a_text_that_was_cut_anywhere_is_whole_again(words in prop::collection::vec("[а-я]{1,9}", 2..40), at in any::<prop::sample::Index>()) {
            let whole = words.join(" ");
            let ends: Vec<usize> = whole.char_indices().map(|(at, _)| at).skip(1).collect();
            let so_far = &whole[..ends[at.index(ends.len())]];
            // What the model has still to say, from its last whole word on.
            let rest = &whole[whole_words(so_far).len()..];
            prop_assume!(so_far.contains(' '));
            prop_assert_eq!(one(so_far, rest), whole);
        }
    }
}
