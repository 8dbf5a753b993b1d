//! Where sentences end.

/// What may stand between the last mark of a sentence and the space after it.
const CLOSERS: [char; 12] = [')', ']', '»', '"', '”', '’', '\'', '*', '_', '~', '|', '`'];

/// Whether a sentence ends with the last letter of this text; white space or nothing follows it.
pub(super) fn ends(text: &str) -> bool {
    let bare = text.trim_end_matches(CLOSERS);
    if bare.ends_with(['!', '?', '…']) {
        return true;
    }
    let Some(words) = bare.strip_suffix('.') else { return false };
    // `2.` at the start of a line numbers what follows.
    let before = words.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let line = before.trim_end_matches([' ', '\t', '>']);
    before.len() == words.len() || !(line.is_empty() || line.ends_with('\n'))
}

/// A text that the model did not finish, up to its last whole sentence, list item or line of code, if it has one.
pub fn end_at_sentence(text: &str) -> &str {
    let mut end = None;
    let mut fence: Option<&str> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        let last = start + content.len();
        let is_whole = content.len() < line.len();
        match (fence, fence_of(content)) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if mark.starts_with(open) && content.trim_start().len() == mark.len() => {
                fence = None;
                end = Some(last);
            }
            (Some(_), _) if is_whole => end = Some(last),
            (Some(_), _) => {}
            (None, None) if is_whole && is_item(content) => end = Some(last),
            (None, None) => end = last_sentence(content).map(|at| start + at).or(end),
        }
        start += line.len();
    }
    end.map_or(text, |end| &text[..end])
}

/// The mark of a code fence that the line is.
fn fence_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|first| matches!(first, '`' | '~'))?;
    let length = line.len() - line.trim_start_matches(mark).len();
    // An inline `code` of three backticks on one line is no fence.
    (length >= 3 && !line[length..].contains('`')).then(|| &line[..length])
}

/// A whole item of a list or row of a table: often without a full stop.
fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let number = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let is_numbered = number.len() < line.len() && number.starts_with([')', '.']);
    (is_numbered || line.starts_with(['•', '|']) || ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark)))
        && line.len() > 3
        && !line.ends_with([':', ','])
}

/// Where the last sentence of a line ends.
fn last_sentence(line: &str) -> Option<usize> {
    let mut end = None;
    // `привіт)`: a smile ends a sentence too; a bracket that closes does not.
    let mut brackets = 0;
    let mut smiled = false;
    for (at, letter) in line.char_indices().chain([(line.len(), ' ')]) {
        if letter.is_whitespace() && (smiled || ends(&line[..at])) {
            end = Some(at);
        }
        match letter {
            '(' => brackets += 1,
            ')' => brackets -= 1,
            _ => {}
        }
        smiled = letter == ')' && brackets < 0;
    }
    end
}
