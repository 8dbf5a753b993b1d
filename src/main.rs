//! The `gryag` command.

fn main() {}
