//! A bot that keeps nothing safe, in a process of its own: what this machine gives at most. It answers 200 at once, holds
//! each chat's last 80 messages in memory, and asks and sends over the same libraries as ours.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, routing};
use serde_json::{Value, json};

/// Set, to where the stand-ins listen, for the process that is this bot.
pub(crate) const STAND_INS: &str = "BENCH_FORGETFUL_BOT";
const REMEMBERED: usize = 80;

struct Bot {
    client: reqwest::Client,
    stand_ins: String,
    chats: Mutex<HashMap<i64, VecDeque<String>>>,
}

/// Is this bot, if this process is to be it: then it never returns.
pub(crate) async fn serve() {
    let Ok(stand_ins) = std::env::var(STAND_INS) else { return };
    let bot = Arc::new(Bot { client: reqwest::Client::new(), stand_ins, chats: Mutex::default() });
    let router = Router::new().route("/telegram/webhook", routing::post(receive)).with_state(bot);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("{}", listener.local_addr().expect("the port"));
    axum::serve(listener, router).await.expect("it serves until it is killed");
}

async fn receive(State(bot): State<Arc<Bot>>, body: Bytes) -> &'static str {
    tokio::spawn(async move { bot.answer(&body).await });
    ""
}

impl Bot {
    async fn answer(&self, body: &[u8]) -> Option<()> {
        let update: Value = serde_json::from_slice(body).ok()?;
        let message = &update["message"];
        let chat = message["chat"]["id"].as_i64()?;
        let turns = self.remember(chat, "user", message["text"].as_str()?);
        let url = format!("http://{}/v1beta/models/gemini:generateContent", self.stand_ins);
        let answer = self.call(&url, format!("{{\"contents\":[{turns}]}}")).await?;
        let text = answer["candidates"][0]["content"]["parts"][0]["text"].as_str()?;
        self.remember(chat, "model", text);
        let says = json!({"chat_id": chat, "text": text, "reply_parameters": {"message_id": message["message_id"]}});
        self.call(&format!("http://{}/bot42:x/sendMessage", self.stand_ins), says.to_string()).await.map(drop)
    }

    /// The chat's messages as turns, ready to be asked with.
    fn remember(&self, chat: i64, role: &str, text: &str) -> String {
        let mut chats = self.chats.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = chats.entry(chat).or_default();
        if turns.len() == REMEMBERED {
            turns.pop_front();
        }
        turns.push_back(json!({"role": role, "parts": [{"text": text}]}).to_string());
        turns.iter().map(String::as_str).collect::<Vec<_>>().join(",")
    }

    async fn call(&self, url: &str, body: String) -> Option<Value> {
        let sent = self.client.post(url).header("content-type", "application/json").body(body).send();
        serde_json::from_slice(&sent.await.ok()?.bytes().await.ok()?).ok()
    }
}
