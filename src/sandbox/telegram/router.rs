//! The Bot API's door: paths, tokens, faults, and the journal.

use std::sync::atomic::Ordering;

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Limited};

use super::{
    Call, CallOutcome, FakeTelegram,
    fault::{self, Planned},
    methods,
    refusal::{self, Refusal},
};
use crate::{sandbox::connection, transport::Transport};

/// Telegram takes uploads of up to 50 MB; methods that the stand-in knows stay far below.
const BODY_MAX_BYTES: usize = 50 * 1024 * 1024;

impl FakeTelegram {
    /// The Bot API: `/bot<token>/<method>` and `/file/bot<token>/<path>`.
    pub fn router(&self) -> Router {
        let telegram = self.clone();
        Router::new().fallback(move |request: Request<Body>| {
            let telegram = telegram.clone();
            async move {
                let mut response = telegram.serve(request).await;
                response.headers_mut().insert(header::DATE, telegram.date());
                response
            }
        })
    }

    /// The Bot API in process: planned cuts become transport errors.
    pub fn transport(&self) -> Transport {
        connection::in_process(self.router())
    }

    fn date(&self) -> http::HeaderValue {
        let now = self.now().0 + 1000 * self.inner.clock_ahead_s.load(Ordering::Relaxed);
        let date = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date);
        date.ok().and_then(|date| date.parse().ok()).unwrap_or(http::HeaderValue::from_static(""))
    }

    async fn serve(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        if let Some(path) = path.strip_prefix("/file/bot") {
            return self.serve_file(path).await;
        }
        let Some((token, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
            return Refusal::not_found().response();
        };
        let body = match Limited::new(request.into_body(), BODY_MAX_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => {
                return Refusal { code: 413, description: "Request Entity Too Large".into(), parameters: None }
                    .response();
            }
        };
        if let Err(refusal) = self.check_token(token) {
            return refusal.response();
        }
        let planned = self.planned_fault(method);
        if let Some(Planned::Instead(fault)) = planned {
            self.note(method, body, CallOutcome::Failed);
            return fault::instead(fault).await;
        }
        let unseen = matches!(&planned, Some(Planned::After(fault::Fault::AcceptThenCut)));
        let response = self.run(method, body, unseen).await;
        match planned {
            Some(Planned::After(fault)) => fault::after(fault, response).await,
            _ => response,
        }
    }

    async fn run(&self, method: &str, body: Bytes, unseen: bool) -> Response<Body> {
        let outcome = methods::run(self, method, &body, unseen).await;
        let (noted, response) = match outcome {
            Ok(result) if unseen => (CallOutcome::AcceptedUnseen, refusal::accepted(&result)),
            Ok(result) => (CallOutcome::Accepted, refusal::accepted(&result)),
            Err(refusal) => {
                let response = refusal.response();
                (CallOutcome::Refused { code: refusal.code, description: refusal.description }, response)
            }
        };
        self.note(method, body, noted);
        response
    }

    fn note(&self, method: &str, body: Bytes, outcome: CallOutcome) {
        let at = self.now();
        let mut state = self.lock();
        if state.calls.is_on() {
            state.calls.push(Call { at, method: method.to_owned(), body, outcome });
        }
    }

    /// A token of the wrong form has no such path; one of the right form is nobody's.
    fn check_token(&self, token: &str) -> Result<(), Refusal> {
        if token == self.options().token {
            return Ok(());
        }
        let well_formed = token.split_once(':').is_some_and(|(id, secret)| {
            !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && secret.len() == 35
        });
        Err(if well_formed { Refusal::unauthorized() } else { Refusal::not_found() })
    }

    async fn serve_file(&self, path: &str) -> Response<Body> {
        let Some((token, path)) = path.split_once('/') else { return Refusal::not_found().response() };
        if let Err(refusal) = self.check_token(token) {
            return refusal.response();
        }
        match self.planned_fault("file") {
            Some(Planned::Instead(fault)) => return fault::instead(fault).await,
            Some(Planned::After(fault)) => return fault::after(fault, self.file(path)).await,
            None => {}
        }
        self.file(path)
    }

    fn file(&self, path: &str) -> Response<Body> {
        let state = self.lock();
        let Some(file) = state.files.values().find(|file| file.path == path) else {
            return Refusal::not_found().response();
        };
        let mut response = Response::new(Body::from(file.content.clone()));
        let binary = http::HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, binary);
        response
    }
}
