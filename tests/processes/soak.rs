//! A steady load on two replicas: nothing grows, nothing fails.

use std::time::Duration;

use crate::{
    MACHINE,
    bot::{Bot, Setup},
    figure,
    load::Load,
    oracle, setting,
    world::World,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b14_a_steady_load_neither_grows_nor_fails() {
    let _alone = MACHINE.lock().await;
    let world = World::start().await;
    let setup = Setup::new(&world);
    let bots = [setup.start().await, setup.start().await];
    world.registered().await;
    world.deliver_to(&[&bots[0], &bots[1]]);
    let load = Load::start(&world, 20, 20);
    let half = Duration::from_secs(setting("GRYAG_SOAK_SECONDS", 8)) / 2;
    tokio::time::sleep(half).await;
    let before = usage(&bots).await;
    tokio::time::sleep(half).await;
    let after = usage(&bots).await;
    let said = load.stop().await;
    oracle::settle(&world, &setup.data, Duration::from_secs(30)).await;
    let errors: f64 = bots[0].metric("gryag_errors_total", &[]).await + bots[1].metric("gryag_errors_total", &[]).await;
    for bot in bots {
        bot.stop().await;
    }
    let verdict = oracle::judge(&world, &setup.data);
    figure(
        "soak",
        &format!(
            "{:.0?} s, said {said}, answered {}, errors {errors}, memory {:.1} -> {:.1} MB, open files {} -> {}",
            half.as_secs_f64() * 2.0,
            verdict.answered,
            before.memory_mb,
            after.memory_mb,
            before.files,
            after.files
        ),
    );
    verdict.assert_good();
    assert_eq!((verdict.accepted as u64, verdict.in_doubt, errors), (said, 0, 0.0));
    assert!(after.memory_mb < before.memory_mb * 1.2 + 4.0, "memory grows");
    // After a pause all twenty chats deliver at once, and a connection each to the bot, Telegram and Gemini is kept.
    assert!(after.files <= before.files + 60.0, "open files grow");
}

struct Usage {
    memory_mb: f64,
    files: f64,
}

/// Of both replicas together.
async fn usage(bots: &[Bot; 2]) -> Usage {
    let mut usage = Usage { memory_mb: 0.0, files: 0.0 };
    for bot in bots {
        usage.memory_mb += bot.metric("process_resident_memory_bytes", &[]).await / 1e6;
        usage.files += bot.metric("process_open_fds", &[]).await;
    }
    usage
}
