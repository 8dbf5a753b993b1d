//! The dashboard as a browser meets it.

mod groups;
mod login;
mod pages;
mod stream;
mod trends;

use axum::{
    Router,
    body::{Body, BodyDataStream},
};
use futures_util::StreamExt as _;
use gryag::domain::UserId;
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::harness::{Setup, TestBot};

/// A bot with an admin who has opened its chat.
pub(super) struct Watched {
    pub(super) bot: TestBot,
    pub(super) admin: UserId,
}

impl Watched {
    pub(super) async fn start() -> Self {
        Self::start_with(Setup::new()).await
    }

    pub(super) async fn start_with(setup: Setup) -> Self {
        let admin = setup.world.person("Господар");
        setup.world.private(admin);
        let bot = setup.set("ADMIN_ID", admin.0.to_string()).unpaced().start().await;
        Self { bot, admin }
    }

    /// The token of a new link, as the admin's private chat gets it.
    pub(super) async fn token(&self) -> String {
        let office = self.bot.world().private(self.admin);
        self.bot.world().say(office, self.admin, "/dashboard");
        self.bot.settle().await;
        let sent = self.bot.world().sent_to(office);
        token_in(&sent.last().expect("an answer").text)
    }

    /// A browser that has not come in.
    pub(super) fn stranger(&self) -> Browser {
        Browser { router: self.bot.app.router.clone(), cookies: Vec::new() }
    }

    /// A browser that has.
    pub(super) async fn browser(&self) -> Browser {
        let mut browser = self.stranger();
        let token = self.token().await;
        assert_eq!(browser.log_in(&token).await.status, 303);
        browser
    }
}

pub(super) fn token_in(link: &str) -> String {
    link.split_once("http://bot.test/dashboard/login?token=").expect("a link").1.trim().to_owned()
}

/// Keeps cookies and says where its forms come from, as browsers do.
#[derive(Clone)]
pub(super) struct Browser {
    pub(super) router: Router,
    pub(super) cookies: Vec<(String, String)>,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Browser {
    pub(super) async fn log_in(&mut self, token: &str) -> Answer {
        self.post("/dashboard/login", &format!("token={token}")).await
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), "").await
    }

    pub(super) async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send(Request::post(path).header("origin", "http://bot.test"), form).await
    }

    pub(super) async fn send(&mut self, request: http::request::Builder, form: &str) -> Answer {
        let response = self.ask(request, form).await;
        let (head, body) = response.into_parts();
        for cookie in head.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("a cookie").split(';').next().unwrap_or_default();
            let (name, value) = cookie.split_once('=').expect("a cookie");
            self.cookies.retain(|(kept, _)| kept != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        let text = body.collect().await.expect("a body").to_bytes();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8_lossy(&text).into_owned(),
        }
    }

    async fn ask(&self, request: http::request::Builder, form: &str) -> http::Response<Body> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request
            .header("host", "bot.test")
            .header("cookie", cookies.join("; "))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .expect("a request");
        self.router.clone().oneshot(request).await.expect("an answer")
    }

    /// Opens the stream of a page's events.
    pub(super) async fn listen(&self, tab: &str) -> Stream {
        let response = self.ask(Request::get(format!("/dashboard/events?tab={tab}")), "").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream { frames: response.into_body().into_data_stream() }
    }
}

/// A stream of events.
pub(super) struct Stream {
    frames: BodyDataStream,
}

impl Stream {
    /// What comes next; none when the stream has ended.
    pub(super) async fn next(&mut self) -> Option<String> {
        let frame = self.frames.next().await?;
        Some(String::from_utf8_lossy(&frame.expect("a frame")).into_owned())
    }

    /// Waits until something comes that says this.
    pub(super) async fn until(&mut self, words: &str) {
        while !self.next().await.expect("the stream goes on").contains(words) {}
    }
}
