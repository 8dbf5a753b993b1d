//! Server-sent events: what changes in the world, as it changes.

use std::convert::Infallible;

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, broadcast, broadcast::error::RecvError};

use super::{SharedPage, view};
use crate::sandbox::telegram::{Change, FakeTelegram};

/// One browser's subscription.
struct Listener {
    page: SharedPage,
    changes: broadcast::Receiver<Change>,
    _permit: OwnedSemaphorePermit,
}

pub(super) async fn stream(State(page): State<SharedPage>) -> Response {
    let Ok(permit) = page.listeners.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "Забагато відкритих сторінок.").into_response();
    };
    let changes = page.stage.telegram.changes();
    let until = page.options.until.clone();
    let events = stream::unfold(Listener { page, changes, _permit: permit }, next_event);
    let events = events.take_until(until.cancelled_owned());
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

async fn next_event(mut listener: Listener) -> Option<(Result<Event, Infallible>, Listener)> {
    loop {
        let told = match listener.changes.recv().await {
            Ok(change) => tell(&listener.page.stage.telegram, change),
            // The page reads everything anew.
            Err(RecvError::Lagged(_)) => Some(("resync", Value::Null)),
            Err(RecvError::Closed) => return None,
        };
        if let Some((name, data)) = told {
            return Some((Ok(Event::default().event(name).data(data.to_string())), listener));
        }
    }
}

fn tell(telegram: &FakeTelegram, change: Change) -> Option<(&'static str, Value)> {
    match change {
        Change::Message(message) => {
            let shown = view::message(&telegram.message(message)?)?;
            Some(("message", serde_json::to_value(shown).ok()?))
        }
        Change::Removed(message) => Some(("removed", json!({"chat": message.chat.0, "id": message.id.0}))),
        Change::Typing { chat, topic } => {
            let typing = telegram.typing(chat);
            let left_ms = typing.map_or(0, |(_, until)| until.0 - telegram.options().clock.now().0);
            let topic = typing.map_or(topic, |(topic, _)| topic).map(|topic| topic.0);
            Some(("typing", json!({"chat": chat.0, "topic": topic, "left_ms": left_ms.max(0)})))
        }
        Change::Rooms => Some(("resync", Value::Null)),
        Change::CallbackAnswered { person, text } => Some(("toast", json!({"person": person.0, "text": text?}))),
    }
}
