//! Questions to whoever sits at the terminal, or to a pipe with a line for each answer.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::cli::CliError;

/// Asks for a line.
///
/// # Errors
///
/// If the input has ended.
pub(super) fn ask(question: &str) -> Result<String, CliError> {
    let mut out = io::stdout();
    write!(out, "{question}: ")?;
    out.flush()?;
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Err(CliError::Failed(format!("no answer to «{question}»: the input has ended")));
    }
    Ok(line.trim().to_owned())
}

/// The same, unseen where it is typed.
pub(super) fn ask_secret(question: &str) -> Result<String, CliError> {
    let unseen = io::stdin().is_terminal().then(Unseen::begin).transpose()?;
    let answer = ask(question)?;
    if unseen.is_some() {
        writeln!(io::stdout())?;
    }
    Ok(answer)
}

/// Yes, no, or nothing for `default`.
pub(super) fn ask_whether(question: &str, default: bool) -> Result<bool, CliError> {
    let answer = ask(&format!("{question} [{}]", if default { "Y/n" } else { "y/N" }))?;
    Ok(match answer.chars().next() {
        None => default,
        Some(first) => matches!(first, 'y' | 'Y' | 'т' | 'Т'),
    })
}

/// While it lives, the terminal does not show what is typed.
struct Unseen(Termios);

impl Unseen {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
