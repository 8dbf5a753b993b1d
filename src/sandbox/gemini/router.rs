//! Gemini's door: paths, keys, faults, and the record of requests.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{HeaderMap, Method, Request as HttpRequest, Response, header};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Value, json};

use super::{
    FakeGemini, RecordedRequest, Reply, RequestView, answer, checks, models,
    models::Model,
    refusal::{Refusal, json_response},
    request::Request,
};
use crate::{
    sandbox::connection::{self, Broken},
    transport::Transport,
};

/// Requests may have 100 MB (gemini_api.md section 7).
const BODY_MAX_BYTES: usize = 100 * 1024 * 1024;

impl FakeGemini {
    /// `{prefix}/v1beta/models/{m}:generateContent`, `:countTokens` and the list of models.
    pub fn router(&self) -> Router {
        let gemini = self.clone();
        Router::new().fallback(move |request: HttpRequest<Body>| {
            let gemini = gemini.clone();
            async move { gemini.serve(request).await }
        })
    }

    /// The same in process: planned cuts become transport errors.
    pub fn transport(&self) -> Transport {
        connection::in_process(self.router())
    }

    async fn serve(&self, request: HttpRequest<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = match Limited::new(body, BODY_MAX_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return Refusal::invalid("Request payload size exceeds the limit: 104857600 bytes.").response(),
        };
        let Some((_, path)) = head.uri.path().split_once("/v1beta/models") else {
            return Refusal::new(404, "NOT_FOUND", "Requested entity was not found.").response();
        };
        if let Err(refusal) = self.check_key(&head.headers, head.uri.query().unwrap_or_default()) {
            return refusal.response();
        }
        let path = path.trim_start_matches('/');
        match (head.method, path.split_once(':')) {
            (Method::POST, Some((model, "generateContent"))) => self.generate(model, body).await,
            (Method::POST, Some((model, "countTokens"))) => respond(self.count_tokens(model, &body)),
            (Method::GET, None) if path.is_empty() => json_response(200, &self.list()),
            (Method::GET, None) => respond(self.model(path, "getModel").map(Model::as_json)),
            (_, verb) => respond(Err(Refusal::no_such_model(path, verb.map_or("this method", |(_, verb)| verb)))),
        }
    }

    fn check_key(&self, headers: &HeaderMap, query: &str) -> Result<(), Refusal> {
        let in_header = headers.get("x-goog-api-key").and_then(|key| key.to_str().ok());
        let in_query = query.split('&').find_map(|pair| pair.strip_prefix("key="));
        let others = usize::from(in_query.is_some()) + usize::from(headers.contains_key(header::AUTHORIZATION));
        if in_header.is_some() && others > 0 {
            return Err(Refusal::invalid("Multiple authentication credentials received. Please pass only one."));
        }
        let key = in_header.or(in_query).unwrap_or_default();
        if key == self.inner.options.api_key { Ok(()) } else { Err(Refusal::bad_key()) }
    }

    fn model(&self, id: &str, verb: &str) -> Result<&'static Model, Refusal> {
        let retired = self.lock().retired.iter().any(|retired| retired == id);
        models::find(id).filter(|_| !retired).ok_or_else(|| Refusal::no_such_model(id, verb))
    }

    fn list(&self) -> Value {
        let retired = self.lock().retired.clone();
        let there = models::all().filter(|model| !retired.iter().any(|id| id == model.id));
        json!({"models": there.map(Model::as_json).collect::<Vec<_>>()})
    }

    fn count_tokens(&self, model: &str, body: &Bytes) -> Result<Value, Refusal> {
        self.model(model, "countTokens")?;
        let request = Request::read(body)?;
        Ok(json!({"totalTokens": answer::prompt_tokens(&request)}))
    }

    async fn generate(&self, model: &str, body: Bytes) -> Response<Body> {
        let response = self.generate_or_fail(model, &body).await;
        let broken = response.extensions().get::<Broken>().is_some();
        let status = if broken { 0 } else { response.status().as_u16() };
        if status == 200 {
            self.inner.answered.fetch_add(1, Ordering::Relaxed);
        }
        let at = self.inner.options.clock.now();
        let mut state = self.lock();
        if state.requests.is_on() {
            state.requests.push(RecordedRequest { at, model: model.to_owned(), body, status });
        }
        response
    }

    async fn generate_or_fail(&self, model: &str, body: &Bytes) -> Response<Body> {
        let fault = self.lock().faults.draw(model, &*self.inner.options.random);
        let ordered = match fault {
            Some(fault) => match fault.strike(model).await {
                Ok(reply) => reply,
                Err(response) => return response,
            },
            None => None,
        };
        let latency_ms = self.inner.latency_ms.load(Ordering::Relaxed);
        if latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(latency_ms)).await;
        }
        respond(self.answer(model, body, ordered))
    }

    fn answer(&self, id: &str, body: &Bytes, ordered: Option<Reply>) -> Result<Value, Refusal> {
        let model = self.model(id, "generateContent")?;
        if model.is_embedding {
            return Err(Refusal::no_such_model(id, "generateContent"));
        }
        let request = Request::read(body)?;
        let prompt = answer::prompt_tokens(&request);
        checks::check(model, &request, prompt)?;
        let reply = ordered.unwrap_or_else(|| self.speak(id, &request));
        let number = self.inner.answered.load(Ordering::Relaxed);
        Ok(answer::body(reply, &request, prompt, id, number))
    }

    fn speak(&self, model: &str, request: &Request<'_>) -> Reply {
        let voice = {
            let mut state = self.lock();
            if let Some(reply) = state.script.pop_front() {
                return reply;
            }
            Arc::clone(&state.voice)
        };
        voice.answer(&RequestView { model, request })
    }
}

fn respond(result: Result<Value, Refusal>) -> Response<Body> {
    match result {
        Ok(body) => json_response(200, &body),
        Err(refusal) => refusal.response(),
    }
}
