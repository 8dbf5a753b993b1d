//! Who speaks when nothing is scripted.

use super::{Reply, RequestView};

/// Makes answers out of requests.
pub trait Voice: Send + Sync + 'static {
    /// The answer.
    fn answer(&self, request: &RequestView<'_>) -> Reply;
}

impl<F: Fn(&RequestView<'_>) -> Reply + Send + Sync + 'static> Voice for F {
    fn answer(&self, request: &RequestView<'_>) -> Reply {
        self(request)
    }
}

/// For benches and for tests that do not care: a short line that names the request's last line, so that answers
/// differ where questions do.
#[derive(Clone, Copy, Debug)]
pub struct CannedVoice;

/// So much of the last line is repeated.
const REPEATED_CHARS: usize = 60;

impl Voice for CannedVoice {
    fn answer(&self, request: &RequestView<'_>) -> Reply {
        let text = request.last_user_text();
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        // Without the speaker's label, which a real model would not repeat.
        let said = last.rsplit_once("] ").map_or(last, |(_, said)| said);
        Reply::say(format!("чую: {}", said.chars().take(REPEATED_CHARS).collect::<String>()))
    }
}
