//! `gryag sandbox`.

use clap::Args;

use super::CliError;
use crate::config::Config;

#[derive(Args, Debug)]
pub(super) struct SandboxArgs {
    /// Say one thing, print the answer, and end.
    #[arg(long, value_name = "TEXT")]
    say: Option<String>,
}

pub(super) async fn sandbox(_config: Config, args: SandboxArgs) -> Result<(), CliError> {
    Err(CliError::Failed(format!("{args:?}")))
}
