//! An update of which the process dies, again and again.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use gryag::{sandbox::gemini::Reply, worker::ATTEMPTS_MAX};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    bot::Setup,
    eventually, figure,
    oracle::{self, number},
    world::World,
};

/// Twice the time after which a send that a crash has cut is given up, and some.
const SOON: Duration = Duration::from_secs(60);
/// Chats whose turns are in hand when it happens.
const NEIGHBOURS: usize = 20;

/// The model stands for whatever in an update ends the process: it kills who asks it about the poison.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_ends_the_process_dies_alone() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    let (victim, deaths) = (Arc::new(Mutex::new(None::<Pid>)), Arc::new(AtomicU32::new(0)));
    let (its_pid, counted) = (Arc::clone(&victim), Arc::clone(&deaths));
    world.gemini.set_latency(Duration::from_millis(300));
    world.gemini.answer_with(move |request| {
        if request.last_user_text().contains("отрута")
            && let Some(pid) = its_pid.lock().expect("nothing panics").take()
        {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = kill_process(pid, Signal::KILL);
        }
        Reply::say("гаразд")
    });
    let mut bot = setup.start().await;
    *victim.lock().expect("nothing panics") = Some(bot.pid());
    world.registered().await;
    world.deliver_to(&[&bot]);
    let (chat, person) = world.group("Лихо");
    world.telegram.say(chat, person, "Гряг, ось тобі отрута");
    let mut neighbours: Vec<_> = (0..NEIGHBOURS).map(|number| world.group(&format!("Сусід {number}"))).collect();
    for (chat, person) in &neighbours {
        world.telegram.say(*chat, *person, "Гряг, ти тут?");
    }
    for death in 1..=ATTEMPTS_MAX {
        let died = async || deaths.load(Ordering::SeqCst) == death;
        eventually("the process dies of the poison", SOON, died).await;
        bot.kill();
        // Somebody new has the bad luck to ask now.
        let (chat, person) = world.group(&format!("Новий сусід {death}"));
        world.telegram.say(chat, person, "Гряг, ти тут?");
        neighbours.push((chat, person));
        bot.restart();
        bot.ready().await;
        *victim.lock().expect("nothing panics") = Some(bot.pid());
    }
    oracle::settle(&world, &setup.data, SOON).await;
    let database = oracle::open(&setup.data);
    let most = number(&database, "SELECT MAX(attempts) FROM inbox WHERE state = 1");
    let verdict = oracle::judge(&world, &setup.data);
    figure(
        "an update that ends the process",
        &format!(
            "{ATTEMPTS_MAX} deaths, then a dead letter; {} neighbours answered, {} in doubt, most attempts of one of them {most}",
            verdict.answered, verdict.in_doubt
        ),
    );
    verdict.assert_good();
    // A death in the very moment of a send leaves it in doubt, and that is never said again.
    assert_eq!((verdict.given_up, verdict.answered + verdict.in_doubt), (1, neighbours.len()));
    assert!(most <= 3, "its neighbours do not pay for it: {most} attempts");
    bot.stop().await;
}
