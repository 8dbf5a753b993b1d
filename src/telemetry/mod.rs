//! What the program tells about itself: logs, and every metric by name. It never sees message text, names, prompts
//! or secrets.

mod logging;
pub mod metric;
mod metrics;
mod readings;

pub use logging::{LogStyle, init_logging, keep_panics_quiet, log_subscriber};
pub use metrics::{CacheCounters, Metrics};
pub use readings::{Reading, Readings};
