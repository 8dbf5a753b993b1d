//! The public address, as the world meets it: the webhook answers, the rest is not let out.

use bytes::Bytes;
use http::{Method, Request, Response, Uri};

use super::Finding;
use crate::{
    config::{Config, Intake},
    transport::{Transport, TransportError, call},
};

const CHECK: &str = "public address";
const PROXY: &str = "proxy";

pub(in crate::cli) async fn address(config: &Config, transport: &Transport) -> Vec<Finding> {
    let url = match (config.essential.intake, &config.essential.webhook_url) {
        (Intake::Poll, _) => return vec![Finding::good(CHECK, "not needed, for BOT_INTAKE is poll")],
        (Intake::Webhook, None) => return vec![Finding::unknown(CHECK, "TELEGRAM_WEBHOOK_URL is not set")],
        (Intake::Webhook, Some(url)) => url,
    };
    let mut findings = vec![webhook(&ask(transport, Method::POST, url).await)];
    // A Bot API server of one's own calls the bot itself, with no proxy between.
    if !findings[0].is_trouble() && !is_direct(config, url) {
        findings.push(inside(transport, url).await);
    }
    findings
}

async fn ask(transport: &Transport, method: Method, url: &str) -> Result<Response<Bytes>, TransportError> {
    let request = Request::builder().method(method).uri(url).body(Bytes::from_static(b"{}"));
    let request = request.map_err(|error| TransportError::NotSent { detail: error.to_string() })?;
    call(transport, request).await
}

/// A stranger who posts to the webhook is refused, by the bot (401) or before it.
fn webhook(answer: &Result<Response<Bytes>, TransportError>) -> Finding {
    let status = match answer {
        Ok(answer) => answer.status().as_u16(),
        Err(error) => {
            let remedy = "is the proxy or the tunnel up, does the name lead here, are ports 80 and 443 open?";
            return Finding::trouble(CHECK, format!("it does not answer from here: {error}"), remedy);
        }
    };
    match status {
        401 => Finding::good(CHECK, "the bot answers there, and refuses who does not know the secret"),
        // The shipped Caddyfile lets only Telegram's addresses in.
        403 | 404 => Finding::good(CHECK, format!("it answers, and keeps strangers out before the bot ({status})")),
        300..=399 => Finding::trouble(
            CHECK,
            format!("it redirects ({status}), which Telegram does not follow"),
            "set TELEGRAM_WEBHOOK_URL to where it leads",
        ),
        500.. => Finding::trouble(
            CHECK,
            format!("it answers {status}: the proxy is there, but no bot behind it takes updates"),
            "start the bot; then see its log, and GRYAG_UPSTREAMS of the Caddyfile",
        ),
        _ => Finding::trouble(
            CHECK,
            format!("something else than the bot answers there ({status})"),
            "let the proxy pass /telegram/webhook to BOT_HTTP_ADDR",
        ),
    }
}

/// What is meant for the inside is not let out.
async fn inside(transport: &Transport, url: &str) -> Finding {
    let Some(probe) = sibling(url) else { return Finding::unknown(PROXY, "TELEGRAM_WEBHOOK_URL has no host") };
    match ask(transport, Method::GET, &probe).await {
        Ok(answer) if answer.status().is_success() => Finding::trouble(
            PROXY,
            "it lets /livez out, and so /metrics too",
            "let it pass /telegram/webhook and /dashboard only, as the shipped Caddyfile does",
        ),
        Ok(answer) => {
            Finding::good(PROXY, format!("what is meant for the inside is not let out ({})", answer.status().as_u16()))
        }
        Err(error) => Finding::unknown(PROXY, format!("/livez does not answer: {error}")),
    }
}

fn sibling(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    Some(format!("{}://{}/livez", uri.scheme_str()?, uri.authority()?))
}

fn is_direct(config: &Config, url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    uri.scheme_str() == Some("http") && uri.port_u16() == Some(config.advanced.http_addr.port())
}
