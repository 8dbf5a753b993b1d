//! What holds for every text. `PROPTEST_CASES=100000 cargo test --release markup` is the long run.

use proptest::prelude::*;

use super::check;
use crate::{
    domain::{EntityKind, RichText},
    markup::{PART_MAX, end_at_sentence, render, render_within},
};

/// What a reader sees, and the languages of the code, in their order.
fn everything(parts: &[RichText]) -> String {
    let mut out = String::new();
    for part in parts {
        let units: Vec<u16> = part.text.encode_utf16().collect();
        let mut at = 0;
        for entity in &part.entities {
            if let EntityKind::Pre { language: Some(language) } = &entity.kind {
                let start = entity.offset as usize;
                out += &String::from_utf16_lossy(&units[at..start]);
                out += language;
                at = start;
            }
        }
        out += &String::from_utf16_lossy(&units[at..]);
    }
    out
}

fn letters(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphabetic()).collect()
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Pieces of Markdown in any order, well-formed or not.
fn fragments() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(vec![
        "слово",
        "Гряг",
        "a_b_c",
        "@some_bot",
        "2*3",
        "😀",
        "👨‍👩‍👧",
        "и\u{306}",
        " ",
        " ",
        "\n",
        "\n\n",
        "\n  ",
        "\n    ",
        "*",
        "**",
        "***",
        "_",
        "__",
        "~~",
        "~",
        "||",
        "`",
        "``",
        "```",
        "\n```\n",
        "\n```rust\n",
        "\n~~~\n",
        "[",
        "]",
        "[а](https://a.b)",
        "![б](https://a.b/c)",
        "<b>",
        "</b>",
        "<",
        ">",
        "&amp;",
        "\n> ",
        "\n> > ",
        "\n- ",
        "\n  - ",
        "\n1. ",
        "\n2) ",
        "\n# ",
        "\n### ",
        "\n---\n",
        "\n===\n",
        "- [x] ",
        "\\",
        "\\|",
        "\\*",
        ". ",
        "! ",
        "¯\\_(ツ)_/¯",
        "\t",
        "\r\n",
        "https://a.b/c_d_",
        "(",
        ")",
        ":",
        "\u{200b}",
        "\u{fdd0}",
    ]);
    prop::collection::vec(fragment, 0..60).prop_map(|fragments| fragments.concat())
}

/// Markdown with tables, in which letters may be repeated and reordered.
fn tables() -> impl Strategy<Value = String> {
    let cell = prop::sample::select(vec![
        "а",
        "довге слово тут",
        "**б**",
        "",
        " ",
        "`в`",
        "[г](https://a.b)",
        "\\|",
        "||",
        "😀",
    ]);
    let row = prop::collection::vec(cell, 1..6).prop_map(|cells| format!("|{}|", cells.join("|")));
    (row.clone(), 1usize..5, prop::collection::vec(row, 0..5), "[а-я ]{0,10}").prop_map(
        |(head, columns, rows, after)| format!("{head}\n{}|\n{}\n{after}", "|---".repeat(columns), rows.join("\n")),
    )
}

/// Well-formed Markdown, and the words that a reader must see in this order.
fn documents() -> impl Strategy<Value = (String, Vec<String>)> {
    let phrase = "[а-яґєії]{1,9}( [а-яґєії]{1,9}){0,5}";
    let styled = (phrase, 0..8usize).prop_map(|(phrase, style)| {
        let source = match style {
            0 => format!("**{phrase}**"),
            1 => format!("*{phrase}*"),
            2 => format!("~~{phrase}~~"),
            3 => format!("||{phrase}||"),
            4 => format!("`{phrase}`"),
            5 => format!("[{phrase}](https://example.org/x_y)"),
            6 => format!("[{phrase}](javascript:alert)"),
            _ => phrase.clone(),
        };
        (source, phrase)
    });
    let line = prop::collection::vec(styled, 1..5).prop_map(|parts| {
        let (sources, phrases): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        (sources.join(" "), phrases.join(" "))
    });
    let block = (line, 0..6usize).prop_map(|((source, seen), block)| match block {
        0 => (format!("# {source}"), seen),
        1 => (format!("- {source}\n- {source}"), format!("{seen} {seen}")),
        2 => (format!("> {source}\n> {source}"), format!("{seen} {seen}")),
        3 => (format!("```\n{seen}\n  {seen}\n```"), format!("{seen} {seen}")),
        _ => (source, seen),
    });
    prop::collection::vec(block, 1..12).prop_map(|blocks| {
        let (sources, seen): (Vec<_>, Vec<_>) = blocks.into_iter().unzip();
        (sources.join("\n\n"), words(&seen.join(" ")))
    })
}

fn all_valid(parts: &[RichText], max: usize) -> Result<(), TestCaseError> {
    for part in parts {
        check(part, max).map_err(|reason| TestCaseError::fail(format!("{reason}: {part:?}")))?;
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_becomes_valid_parts(text in any::<String>(), max in 8usize..60) {
        all_valid(&render(&text), PART_MAX)?;
        all_valid(&render_within(&text, max), max)?;
    }

    #[test]
    fn any_markdown_becomes_valid_parts(text in fragments(), max in 8usize..60) {
        all_valid(&render(&text), PART_MAX)?;
        all_valid(&render_within(&text, max), max)?;
    }

    #[test]
    fn any_table_becomes_valid_parts_and_keeps_its_letters(text in tables(), max in 8usize..60) {
        all_valid(&render_within(&text, max), max)?;
        let parts = render(&text);
        all_valid(&parts, PART_MAX)?;
        let seen = letters(&everything(&parts));
        let count = |text: &str, letter: char| text.chars().filter(|other| *other == letter).count();
        let source = letters(&text.replace("https://a.b", ""));
        for letter in source.chars() {
            prop_assert!(count(&seen, letter) >= count(&source, letter), "{} is lost in {:?}", letter, parts);
        }
    }

    #[test]
    fn no_letter_is_lost_and_none_is_added(text in fragments()) {
        // The address of a link is no text, and the cross of a task becomes a mark.
        let text = text.replace("(https://a.b)", "").replace("(https://a.b/c)", "").replace("[x]", "[ ]");
        // Nor is there any other link.
        let text = text.replace("](", "] (");
        prop_assert_eq!(letters(&everything(&render(&text))), letters(&text));
    }

    #[test]
    fn the_words_of_a_document_stay_in_order((source, seen) in documents(), max in 12usize..200) {
        let parts = render_within(&source, max);
        all_valid(&parts, max)?;
        let text: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
        prop_assert_eq!(words(&text.join(" ")), seen);
    }

    #[test]
    fn a_plain_text_stays_as_it_is(text in "[А-Яа-яA-Za-z,.!?😀]{1,9}([ \n][А-Яа-яA-Za-z,.!?😀]{1,9}){0,20}") {
        let parts = render(&text);
        prop_assert_eq!(&parts, &vec![RichText::plain(text.clone())]);
        prop_assert_eq!(render(&parts[0].text), parts);
    }

    #[test]
    fn cutting_loses_only_white_space(text in "[а-яa-z😀и\u{306} \n.!?]{0,400}", max in 2usize..60) {
        let without_space = |text: &str| text.split_whitespace().collect::<String>();
        let parts: String = render_within(&text, max).into_iter().map(|part| part.text).collect();
        prop_assert_eq!(without_space(&parts), without_space(&text));
    }

    #[test]
    fn an_unfinished_text_is_only_shortened(text in fragments()) {
        prop_assert!(text.starts_with(end_at_sentence(&text)));
    }
}
