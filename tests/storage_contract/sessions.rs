//! Login links and sessions of the dashboard.

use std::time::Duration;

use gryag::{
    domain::UserId,
    storage::{LOGIN_VALID, PASSES_MAX, SESSION_VALID, SecretDigest, Session},
};

use crate::world::World;

const ADMIN: Option<UserId> = Some(UserId(5));
const MOMENT: Duration = Duration::from_millis(1);

fn digest(of: &str) -> SecretDigest {
    SecretDigest::of(of)
}

impl World {
    async fn link(&self, link: &str) {
        self.store.keep_login(digest(link), ADMIN, self.now()).await.unwrap();
    }

    async fn opens(&self, link: &str, session: &str) -> bool {
        self.store.open_session(digest(link), digest(session), self.now()).await.unwrap()
    }

    async fn holds(&self, session: &str) -> bool {
        self.store.session(digest(session), self.now()).await.unwrap().is_some()
    }
}

pub(crate) async fn a_link_opens_one_session(world: World) {
    world.link("link").await;
    assert!(!world.opens("another", "a").await && !world.holds("a").await);
    assert!(!world.holds("link").await, "a link is no session");
    assert!(world.opens("link", "a").await);
    assert!(!world.opens("link", "b").await && !world.holds("b").await, "it is spent");
    assert!(world.opens("link", "a").await, "asked again, it says the same");
    let session = world.store.session(digest("a"), world.now()).await.unwrap();
    assert_eq!(session, Some(Session { admin: ADMIN, until: world.now() + SESSION_VALID }));
    assert!(!world.opens("a", "c").await, "a session is no link");
    world.store.end_session(digest("a")).await.unwrap();
    assert!(!world.holds("a").await);
}

pub(crate) async fn of_many_that_spend_a_link_at_once_one_comes_in(world: World) {
    world.link("link").await;
    let names: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    let opened = futures_util::future::join_all(names.iter().map(|name| world.opens("link", name))).await;
    assert_eq!(opened.into_iter().filter(|opened| *opened).count(), 1);
}

pub(crate) async fn links_and_sessions_end_in_time(world: World) {
    world.link("late").await;
    world.link("early").await;
    world.advance(LOGIN_VALID - MOMENT);
    assert!(world.opens("early", "a").await);
    world.advance(MOMENT);
    assert!(!world.opens("late", "b").await);
    world.advance(SESSION_VALID - MOMENT - MOMENT);
    assert!(world.holds("a").await);
    world.advance(MOMENT);
    assert!(!world.holds("a").await);
}

pub(crate) async fn links_and_sessions_are_few(world: World) {
    for number in 0..=PASSES_MAX {
        world.link(&format!("link {number}")).await;
        world.advance(MOMENT);
    }
    assert!(!world.opens("link 0", "a").await, "the oldest has ended");
    for number in 1..=PASSES_MAX {
        assert!(world.opens(&format!("link {number}"), &format!("session {number}")).await);
        world.advance(MOMENT);
    }
    world.link("one more").await;
    assert!(world.holds("session 1").await, "links do not displace sessions");
    assert!(world.opens("one more", "last").await);
    assert!(!world.holds("session 1").await && world.holds("session 2").await && world.holds("last").await);
}
