//! Files of lines `KEY=value`, as Docker Compose and systemd read them.

/// The settings of such a file in its order, and the numbers of the lines that are none.
///
/// Empty lines and those that begin with `#` are left out, an `export` before a name too. A value may stand in quotes;
/// without them it ends before ` #`.
pub(super) fn parse_dotenv(text: &str) -> (Vec<(String, String)>, Vec<usize>) {
    let (mut settings, mut strange) = (Vec::new(), Vec::new());
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        match line.split_once('=') {
            Some((name, value)) if is_name(name.trim()) => {
                settings.push((name.trim().to_owned(), value_of(value.trim()).to_owned()));
            }
            _ => strange.push(index + 1),
        }
    }
    (settings, strange)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn value_of(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some((inside, rest)) = value.strip_prefix(quote).and_then(|value| value.split_once(quote))
            && (rest.trim().is_empty() || rest.trim_start().starts_with('#'))
        {
            return inside;
        }
    }
    if value.starts_with('#') { "" } else { value.split(" #").next().unwrap_or_default().trim_end() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_compose_and_systemd_read_them() {
        let text =
            "\u{feff}# a comment\n\nA=1\n export B = \"two words\" # why\nC='#x'\nD=a#b # c\nE=\nF= # off\nG=x=y\r\n";
        let (settings, strange) = parse_dotenv(text);
        let expected = [("A", "1"), ("B", "two words"), ("C", "#x"), ("D", "a#b"), ("E", ""), ("F", ""), ("G", "x=y")];
        assert_eq!(settings, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(strange, Vec::<usize>::new());
    }

    #[test]
    fn what_is_no_setting_is_told_by_its_line() {
        assert_eq!(parse_dotenv("A=1\nnonsense\n=2\nTWO WORDS=3\n"), (vec![("A".into(), "1".into())], vec![2, 3, 4]));
    }
}
