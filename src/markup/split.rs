//! Cutting a long text where a reader would.

/// Parts of at most `max` UTF-16 units, cut between paragraphs, else lines, else sentences, else words. Only white
/// space at the cuts is lost.
pub(super) fn split(text: &str, max: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (part, after) = rest.split_at(cut(rest, max));
        parts.push(part.trim_end());
        rest = after.trim_start();
    }
    parts
}

/// Where the first part ends, in bytes.
fn cut(text: &str, max: usize) -> usize {
    let mut units = 0;
    let mut limit = text.len();
    for (at, letter) in text.char_indices() {
        units += letter.len_utf16();
        if units > max {
            limit = at;
            break;
        }
    }
    if limit == text.len() {
        return limit;
    }
    let head = &text[..limit];
    // A cut in the first half would leave an odd little part.
    let late_enough = |at: &usize| *at > limit / 2;
    let after = |pattern: &str| head.rfind(pattern).map(|at| at + pattern.len()).filter(late_enough);
    after("\n\n")
        .or_else(|| after("\n"))
        .or_else(|| [". ", "! ", "? ", "… "].into_iter().filter_map(after).max())
        .or_else(|| after(" "))
        .unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::split;

    proptest! {
        #[test]
        fn every_part_fits_and_no_word_is_lost(text in "[а-яa-z😀 \n.!?]{0,400}", max in 2usize..60) {
            let parts = split(&text, max);
            for part in &parts {
                prop_assert!(part.encode_utf16().count() <= max);
                prop_assert!(!part.is_empty());
            }
            let without_space = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(without_space(&parts.concat()), without_space(&text));
        }
    }

    #[test]
    fn paragraphs_stay_whole_where_they_can() {
        assert_eq!(split("перший абзац\n\nдругий абзац", 20), ["перший абзац", "другий абзац"]);
        assert_eq!(split("Одне речення. Друге речення.", 20), ["Одне речення.", "Друге речення."]);
    }
}
