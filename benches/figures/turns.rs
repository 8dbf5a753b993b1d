//! Complete answered turns a second: 50 chats, each sending its next message when the last is answered.

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    Figure,
    bot::{Bot, cpu},
    commits, forgetful,
    load::{Connection, message},
    other_self::OtherSelf,
    stand_ins::{self, Said},
};

const CHATS: u64 = 50;
const WARM_UP: Duration = Duration::from_secs(3);
const RUN: Duration = Duration::from_secs(15);

/// Turns a second, the bot's processor time for each in ms.
struct Turns {
    per_second: f64,
    cpu_ms: f64,
}

pub(crate) async fn measure() -> Vec<Figure> {
    let mut yardstick = commits::sample(200, Duration::from_secs(3));
    let commit_ms = crate::percentile(&mut yardstick, 50.0);
    let (ends, mut heard) = stand_ins::start().await;
    let keeps_nothing = OtherSelf::start(forgetful::STAND_INS, &ends.to_string());
    let most = run("forgetful", keeps_nothing.address, keeps_nothing.id(), &mut heard).await;
    drop(keeps_nothing);
    let (ends, mut heard) = stand_ins::start().await;
    let bot = Bot::start(ends, &[]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let ours = run("ours", bot.address, bot.id(), &mut heard).await;
    println!("turns: FULL commit p50 {commit_ms:.2} ms, memory {:.1} MB", bot.memory_mb());
    vec![
        Figure {
            what: "complete answered turns a second, 50 chats",
            wanted: "1 500 where a FULL commit takes ≤ 1 ms".to_owned(),
            measured: format!(
                "{:.0} (FULL commit {commit_ms:.2} ms; a bot that keeps nothing safe, in the same run: {:.0}, so {:.2} ×)",
                ours.per_second,
                most.per_second,
                ours.per_second / most.per_second
            ),
            reached: ours.per_second >= 1500.0,
        },
        Figure {
            what: "CPU of ours per answered turn",
            wanted: "1.5 ms".to_owned(),
            measured: format!("{:.2} ms", ours.cpu_ms),
            reached: ours.cpu_ms <= 1.5,
        },
    ]
}

async fn run(whose: &str, address: SocketAddr, process: u32, heard: &mut mpsc::UnboundedReceiver<Said>) -> Turns {
    let (mut chats, mut talks) = (HashMap::new(), JoinSet::new());
    for chat in 1..=CHATS {
        let (answered, next) = mpsc::channel(4);
        chats.insert(format!("-100{chat}").parse::<i64>().expect("a chat id"), answered);
        talks.spawn(talk(address, chat, next));
    }
    let started = Instant::now();
    let (mut counted, mut from, mut cpu_from) = (0u64, None, Duration::ZERO);
    while started.elapsed() < WARM_UP + RUN {
        let Ok(Some(said)) = tokio::time::timeout(Duration::from_secs(5), heard.recv()).await else {
            println!("turns: nothing was said for five seconds");
            break;
        };
        if let Some(answered) = chats.get(&said.chat) {
            let _ = answered.try_send(());
        }
        if started.elapsed() > WARM_UP {
            if from.is_none() {
                from = Some(Instant::now());
                cpu_from = cpu(process);
            }
            counted += 1;
        }
    }
    let took = from.map_or(1.0, |from| from.elapsed().as_secs_f64());
    let per_second = counted as f64 / took;
    let cpu_ms = (cpu(process) - cpu_from).as_secs_f64() * 1000.0 / counted.max(1) as f64;
    println!("turns, {whose}: {per_second:.0}/s, {cpu_ms:.3} ms of its CPU each");
    Turns { per_second, cpu_ms }
}

async fn talk(address: SocketAddr, chat: u64, mut answered: mpsc::Receiver<()>) {
    let mut connection = Connection::open(address).await.expect("a connection");
    for turn in 0u64.. {
        let body = message(chat, 1 + turn, true);
        match connection.post(&body).await {
            Ok(200) => {}
            other => panic!("turns: the webhook answered {other:?}"),
        }
        if answered.recv().await.is_none() {
            return;
        }
    }
}
