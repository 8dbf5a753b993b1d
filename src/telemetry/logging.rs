//! The log: for people in a terminal, JSON otherwise. `RUST_LOG` is honoured.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Installs the process's log. Outside a terminal each line is one JSON object with its span's fields (the request
/// id among them).
pub fn init_logging() {
    // hyper and reqwest print addresses and headers at their finest levels, and a Bot API address holds the token;
    // refinery tells at every start that there is nothing to do.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = ["hyper=info", "hyper_util=info", "reqwest=info", "h2=info", "rustls=info", "refinery_core=warn"]
        .into_iter()
        .fold(filter, |filter, directive| {
            filter.add_directive(directive.parse().expect("the directives are constants"))
        });
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.with_target(false).init();
    } else {
        log.json().flatten_event(true).with_current_span(true).with_span_list(false).init();
    }
    // The standard message may quote the value that a panic stumbled over; the place says enough.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic");
    }));
}
