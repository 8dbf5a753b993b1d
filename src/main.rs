//! The `gryag` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    gryag::cli::run()
}
