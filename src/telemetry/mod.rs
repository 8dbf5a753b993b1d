//! What the program tells about itself: logs, and every metric by name. It never sees message text, names, prompts
//! or secrets.

mod logging;
pub mod metric;
mod metrics;

pub use logging::init_logging;
pub use metrics::Metrics;
