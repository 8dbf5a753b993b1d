//! `gryag dashboard-link`.

use std::net::Ipv4Addr;

use super::{CliError, say, tools::open_store};
use crate::{
    clock::{Clock as _, SystemClock},
    commands::login_link,
    config::Config,
};

pub(super) async fn link(config: &Config) -> Result<(), CliError> {
    let store = open_store(config).await?;
    let address = config.essential.public_url.clone().unwrap_or_else(|| on_this_machine(config));
    say(login_link(&store, &address, None, SystemClock.now()).await?)
}

fn on_this_machine(config: &Config) -> String {
    let mut address = config.advanced.http_addr;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}")
}
