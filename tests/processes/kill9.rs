//! `kill -9` of either of two replicas under load, again and again.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use gryag::{
    random::{Random as _, Seeded},
    sandbox::telegram::Fault,
};

use crate::{
    MACHINE,
    bot::{Bot, Setup},
    figure,
    load::Load,
    oracle::{self, number},
    setting,
    world::World,
};

/// The load: messages a second, and over how many chats.
const PER_SECOND: u64 = 50;
const CHATS: usize = 25;
/// `BOT_LEASE_SECONDS` of these tests.
const LEASE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_replica_is_killed_nothing_is_lost_and_nothing_said_twice() {
    let _alone = MACHINE.lock().await;
    let world = World::start().await;
    let setup = Setup::new(&world).set("BOT_LEASE_SECONDS", LEASE.as_secs());
    let mut bots = [setup.start().await, setup.start().await];
    world.registered().await;
    world.deliver_to(&[&bots[0], &bots[1]]);
    world.gemini.set_latency(Duration::from_millis(120));
    // Now and then a call is under way when the kill comes.
    world.telegram.fail_by_chance("sendMessage", 0.3, Fault::Slow(Duration::from_millis(80)));

    let load = Load::start(&world, CHATS, PER_SECOND);
    let watch = Watch::start(setup.data.clone());
    let kills = setting("GRYAG_KILLS", 20);
    let random = Seeded::new(u64::from(std::process::id()));
    let mut in_flight = BTreeSet::new();
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(150 + random.bits() % 850)).await;
        // Now and then both at once, as when the machine's memory ends.
        let both = random.bits().is_multiple_of(8);
        let victims = if both { 0..2 } else { [0..1, 1..2][usize::from(random.bits().is_multiple_of(2))].clone() };
        bots[victims.clone()].iter_mut().for_each(Bot::kill);
        in_flight.extend(oracle::sending(&oracle::open(&setup.data)));
        bots[victims.clone()].iter_mut().for_each(Bot::restart);
        // Mostly they come up before the next kill, however slow the machine is; at times that hits them in their start.
        if !random.bits().is_multiple_of(4) {
            for bot in &bots[victims] {
                bot.ready().await;
            }
        }
    }
    let said = load.stop().await;
    let killed_last = Instant::now();
    oracle::settle(&world, &setup.data, Duration::from_secs(60)).await;
    let rest = killed_last.elapsed();
    let (longest_hold, slowest_sync) = watch.stop();
    let [first, second] = bots;
    first.ready().await;
    second.ready().await;
    first.stop().await;
    second.stop().await;

    let verdict = oracle::judge(&world, &setup.data);
    let attempts = number(&oracle::open(&setup.data), "SELECT MAX(attempts) FROM inbox");
    let twice = verdict.wrongs.iter().filter(|wrong| wrong.contains("twice")).count();
    let lost = verdict.wrongs.iter().filter(|wrong| wrong.contains("lost")).count();
    figure(
        "kill -9",
        &format!(
            "kills {kills}, said {said}, accepted {}, addressed {}, answered {}, in doubt {}, lost {lost}, answered \
             twice {twice}, given up after 5 crashes {}, unknown {} of {} sends in flight, broken deliveries {}, longest \
             claim {longest_hold:.1?} (lease {LEASE:?}), slowest sync of the disk {slowest_sync:.1?}, most attempts \
             {attempts}, at rest {rest:.1?} after the load's end",
            verdict.accepted,
            verdict.addressed,
            verdict.answered,
            verdict.in_doubt,
            verdict.given_up,
            verdict.unknown.len(),
            in_flight.len(),
            world.deliveries.with_status(0),
        ),
    );
    verdict.assert_good();
    assert_eq!(verdict.accepted as u64, said, "all that was said was accepted in the end");
    assert!(verdict.unknown.is_subset(&in_flight), "in doubt is only what was in flight at a kill: {verdict:?}");
    assert!(verdict.answered > 0, "the test has tested something");
    assert!(verdict.given_up as u64 <= 1 + kills / 50, "hardly anything is in hand at five kills: {verdict:?}");
    // Who takes over must start and commit first.
    let limit = LEASE * 3 + slowest_sync * 4;
    assert!(longest_hold < limit, "a dead replica's lanes are taken over after the lease: {longest_hold:?}");
    assert_eq!(setup.succeed(&["check"]).trim(), "the database is whole");
}

/// Watches how long any one claim is held (a dead replica's until it is taken over), and how slow the disk is.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Duration>,
    disk: std::thread::JoinHandle<Duration>,
}

impl Watch {
    fn start(data: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, stopped_too) = (Arc::clone(&stop), Arc::clone(&stop));
        let beside = data.join("yardstick");
        let thread = std::thread::spawn(move || longest_hold(&data, &stopped));
        let disk = std::thread::spawn(move || slowest_sync(&beside, &stopped_too));
        Self { stop, thread, disk }
    }

    fn stop(self) -> (Duration, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        let join = |thread: std::thread::JoinHandle<Duration>| thread.join().expect("the watch does not fail");
        (join(self.thread), join(self.disk))
    }
}

/// Everything waits for the disk; on a machine that builds something meanwhile, for long.
fn slowest_sync(path: &std::path::Path, stopped: &AtomicBool) -> Duration {
    let mut file = std::fs::File::create(path).expect("a file");
    let mut slowest = Duration::ZERO;
    while !stopped.load(Ordering::Relaxed) {
        let started = Instant::now();
        file.write_all(&[7; 4096]).and_then(|()| file.sync_data()).expect("a write");
        slowest = slowest.max(started.elapsed());
        std::thread::sleep(Duration::from_millis(250));
    }
    slowest
}

fn longest_hold(data: &std::path::Path, stopped: &AtomicBool) -> Duration {
    let database = oracle::open(data);
    let mut held: std::collections::HashMap<(i64, i64), Instant> = std::collections::HashMap::new();
    let mut longest = Duration::ZERO;
    while !stopped.load(Ordering::Relaxed) {
        let mut statement =
            database.prepare_cached("SELECT id, claim_token FROM lanes WHERE claimed = 1").expect("a statement");
        let claims: BTreeSet<(i64, i64)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("rows")
            .map(|row| row.expect("a row"))
            .collect();
        held.retain(|claim, _| claims.contains(claim));
        for claim in claims {
            longest = longest.max(held.entry(claim).or_insert_with(Instant::now).elapsed());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    longest
}
