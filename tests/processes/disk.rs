//! A disk that is full, and one that fails to sync.

use std::{
    ffi::CString,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use gryag::storage::sqlite::BALLAST_FILE;
use rustix::{
    mount::{MountFlags, UnmountFlags, mount, unmount},
    process::{Resource, Rlimit, Signal, getrlimit, kill_process, prlimit},
};

use crate::{
    bot::{Bot, Setup, directory},
    eventually, figure,
    http::{Answer, get, post},
    load::{all_delivered, heard, update_by_hand},
    oracle::{self, number},
    world::World,
};

const SOON: Duration = Duration::from_secs(20);
/// From room on the disk to the first acknowledgement.
const RECOVERY: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_updates_serves_reads_and_recovers_by_itself() {
    let world = World::start().await;
    let disk = SmallDisk::new();
    let setup = disk.setup(&world);
    let bot = setup.start().await;
    world.registered().await;
    world.deliver_to(&[&bot]);
    let (chat, person) = world.group("Друзі");
    world.telegram.say(chat, person, "Гряг, як місце?");
    heard(&world.telegram, chat, 1, SOON).await;

    disk.fill(&bot);
    let mut by_hand = ByHand::default();
    let refused = by_hand.until_full(&bot).await;
    let pause: u64 = refused.header("retry-after").and_then(|seconds| seconds.parse().ok()).expect("Retry-After");
    assert!((1..=30).contains(&pause), "{pause}");
    for number in 0..5 {
        world.telegram.say(chat, person, &format!("Гряг, а зараз {number}?"));
    }
    eventually("telegram is refused", SOON, async || world.deliveries.with_status(503) > 0).await;
    assert_eq!(bot.readiness().await, Some(200), "the other replica could do no better");
    let page = get(bot.address, "/metrics").await.expect("reads work");
    assert!(page.metric("gryag_http_request_duration_seconds_count", &["status=\"503\""]) >= 1.0);
    assert_eq!(world.deliveries.acknowledged().len(), 1, "nothing was acknowledged meanwhile");

    disk.free(&bot);
    let freed = Instant::now();
    eventually("updates are taken again", RECOVERY, async || by_hand.post(&bot).await == 200).await;
    let recovered = freed.elapsed();
    all_delivered(&world.telegram, Duration::from_secs(40)).await;
    oracle::settle(&world, &setup.data, SOON).await;
    by_hand.assert_kept(&setup.data);
    let verdict = oracle::judge(&world, &setup.data);
    verdict.assert_good();
    assert_eq!((verdict.accepted, verdict.addressed, verdict.answered), (6, 6, 6));
    figure(
        "disk full",
        &format!("{}, refused with Retry-After {pause}, recovered after {recovered:.1?}, 0 lost", disk.how()),
    );
    bot.stop().await;
    assert_eq!(setup.succeed(&["check"]).trim(), "the database is whole");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_nearly_full_refuses_updates_and_still_ends_what_runs() {
    let disk = SmallDisk::new();
    if !disk.is_mounted() {
        return;
    }
    let world = World::start().await;
    let setup = disk.setup(&world).set("BOT_MIN_FREE_DISK_MB", 2);
    let bot = setup.start().await;
    world.registered().await;
    world.deliver_to(&[&bot]);
    world.gemini.set_latency(Duration::from_secs(3));
    let (chat, person) = world.group("Друзі");
    world.telegram.say(chat, person, "Гряг, як місце?");
    eventually("it thinks", SOON, async || !world.telegram.calls("sendChatAction").is_empty()).await;
    disk.fill_but(1024 * 1024);
    eventually("the bot has noticed", SOON, async || bot.metric("gryag_store_writable", &[]).await == 0.0).await;
    let mut by_hand = ByHand::default();
    assert_eq!(by_hand.post(&bot).await, 503);
    heard(&world.telegram, chat, 1, SOON).await;
    disk.free(&bot);
    assert_recovers(&world, &setup, bot, by_hand).await;
}

/// There is room again: updates are taken again, and nothing was lost meanwhile.
async fn assert_recovers(world: &World, setup: &Setup, bot: Bot, mut by_hand: ByHand) {
    eventually("updates are taken again", RECOVERY, async || by_hand.post(&bot).await == 200).await;
    oracle::settle(world, &setup.data, SOON).await;
    by_hand.assert_kept(&setup.data);
    oracle::judge(world, &setup.data).assert_good();
    bot.stop().await;
}

/// Filled by somebody else to its last byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_the_ballast_goes_and_what_runs_ends() {
    let disk = SmallDisk::of(48);
    if !disk.is_mounted() {
        return;
    }
    let world = World::start().await;
    let setup = disk.setup(&world).set("BOT_MIN_FREE_DISK_MB", 24);
    std::fs::create_dir_all(&setup.data).expect("a directory");
    let ballast = setup.data.join(BALLAST_FILE);
    std::fs::write(&ballast, vec![7; 16 * 1024 * 1024]).expect("as it was made when there was room");
    let bot = setup.start().await;
    world.registered().await;
    world.deliver_to(&[&bot]);
    let mut by_hand = ByHand::default();
    assert_eq!(by_hand.post(&bot).await, 200);
    world.gemini.set_latency(Duration::from_secs(3));
    let (chat, person) = world.group("Друзі");
    world.telegram.say(chat, person, "Гряг, як місце?");
    eventually("it thinks", SOON, async || !world.telegram.calls("sendChatAction").is_empty()).await;
    assert!(ballast.exists());
    disk.fill_but(0);
    eventually("the ballast is released", SOON, async || !ballast.exists()).await;
    // Its room is for who clears up, not for more updates; that there is little is noted a moment after it went.
    eventually("updates are refused", SOON, async || by_hand.post(&bot).await == 503).await;
    heard(&world.telegram, chat, 1, SOON).await;
    disk.free(&bot);
    assert_recovers(&world, &setup, bot, by_hand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_sync_acknowledges_nothing() {
    let world = World::start().await;
    let setup = Setup::new(&world);
    let mut bot = setup.start().await;
    world.registered().await;
    world.deliver_to(&[&bot]);
    let (chat, person) = world.group("Друзі");
    world.telegram.say(chat, person, "Гряг, як диск?");
    heard(&world.telegram, chat, 1, SOON).await;
    oracle::settle(&world, &setup.data, SOON).await;

    let Some(strace) = BrokenSync::attach(&bot).await else { return };
    let mut by_hand = ByHand::default();
    for _ in 0..20 {
        assert_eq!(by_hand.post(&bot).await, 503, "no acknowledgement without a sync");
    }
    world.telegram.say(chat, person, "Гряг, а зараз?");
    eventually("telegram is refused", SOON, async || world.deliveries.with_status(503) > 0).await;
    assert_eq!(bot.readiness().await, Some(200));
    assert_eq!(world.deliveries.acknowledged().len(), 1);
    strace.detach();
    let mended = Instant::now();
    eventually("updates are taken again", RECOVERY, async || by_hand.post(&bot).await == 200).await;
    let recovered = mended.elapsed();
    all_delivered(&world.telegram, Duration::from_secs(40)).await;
    heard(&world.telegram, chat, 2, SOON).await;
    oracle::settle(&world, &setup.data, SOON).await;

    // Once more, and this time the power goes while nothing syncs.
    let strace = BrokenSync::attach(&bot).await.expect("it was possible before");
    for _ in 0..5 {
        assert_eq!(by_hand.post(&bot).await, 503);
    }
    bot.kill();
    strace.detach();
    bot.restart();
    bot.ready().await;
    eventually("updates are taken again", RECOVERY, async || by_hand.post(&bot).await == 200).await;
    oracle::settle(&world, &setup.data, SOON).await;
    by_hand.assert_kept(&setup.data);
    let verdict = oracle::judge(&world, &setup.data);
    verdict.assert_good();
    assert_eq!((verdict.accepted, verdict.answered), (2, 2));
    figure("fdatasync fails", &format!("25 of 25 refused, recovered after {recovered:.1?}, 0 lost"));
    bot.stop().await;
    assert_eq!(setup.succeed(&["check"]).trim(), "the database is whole");
}

/// Updates posted by hand, and which of them were acknowledged.
#[derive(Default)]
struct ByHand {
    posted: u64,
    acknowledged: Vec<u64>,
}

impl ByHand {
    async fn post(&mut self, bot: &Bot) -> u16 {
        self.answer(bot).await.status
    }

    /// Posts until ten in a row are refused, and returns the last refusal. One does not tell that there is no room: a commit
    /// that took in two updates leaves, when it fails, room for one.
    async fn until_full(&mut self, bot: &Bot) -> Answer {
        let mut refused = 0;
        let started = Instant::now();
        loop {
            let answer = self.answer(bot).await;
            refused = if answer.status == 503 { refused + 1 } else { 0 };
            if refused == 10 {
                return answer;
            }
            assert!(started.elapsed() < SOON, "updates are refused");
        }
    }

    async fn answer(&mut self, bot: &Bot) -> Answer {
        self.posted += 1;
        let answer = post(bot.address, &update_by_hand(self.posted, "балачка")).await.expect("an answer");
        if answer.status == 200 {
            self.acknowledged.push(self.posted);
        }
        answer
    }

    fn assert_kept(&self, data: &Path) {
        let database = oracle::open(data);
        for number_by_hand in &self.acknowledged {
            let sql = format!("SELECT COUNT(*) FROM inbox WHERE update_key = {}", 900_000_000 + number_by_hand);
            assert_eq!(number(&database, &sql), 1, "update {number_by_hand} was acknowledged and is lost");
        }
    }
}

/// A small disk. Where nothing may be mounted, the process may write no byte to any file instead.
struct SmallDisk {
    directory: std::sync::Arc<tempfile::TempDir>,
    mounted: bool,
}

impl SmallDisk {
    fn new() -> Self {
        Self::of(8)
    }

    fn of(megabytes: u32) -> Self {
        let directory = directory();
        let size = CString::new(format!("size={megabytes}m")).expect("no byte of it is 0");
        let mounted = mount("tmpfs", directory.path(), "tmpfs", MountFlags::empty(), Some(&*size)).is_ok();
        if !mounted {
            eprintln!("WARNING: no tmpfs can be mounted here (not root?): a file size limit stands in for a full disk");
        }
        Self { directory, mounted }
    }

    fn is_mounted(&self) -> bool {
        self.mounted
    }

    fn how(&self) -> &'static str {
        if self.mounted { "tmpfs of 8 MB" } else { "file size limit" }
    }

    fn setup(&self, world: &World) -> Setup {
        let setup = Setup::new(world).on(&self.directory.path().join("data"));
        // The signal of the limit would end the process; ignored, the write fails as on a full disk.
        if self.mounted { setup } else { setup.through(&["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]) }
    }

    fn ballast(&self) -> PathBuf {
        self.directory.path().join("ballast")
    }

    fn fill(&self, bot: &Bot) {
        if self.mounted {
            self.fill_but(0);
        } else {
            limit_files(bot, Some(0));
        }
    }

    /// Leaves about so many bytes.
    fn fill_but(&self, bytes: u64) {
        let mut ballast = File::create(self.ballast()).expect("a file");
        let page = [7u8; 4096];
        while ballast.write_all(&page).is_ok() {}
        let length = ballast.metadata().expect("its length").len();
        ballast.set_len(length.saturating_sub(bytes)).expect("truncated");
    }

    fn free(&self, bot: &Bot) {
        if self.mounted {
            std::fs::remove_file(self.ballast()).expect("removed");
        } else {
            limit_files(bot, None);
        }
    }
}

fn limit_files(bot: &Bot, bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    prlimit(Some(bot.pid()), Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).expect("a limit");
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = unmount(self.directory.path(), UnmountFlags::DETACH);
        }
    }
}

/// While it lives, no sync of the bot succeeds.
struct BrokenSync {
    strace: Child,
}

impl BrokenSync {
    /// Nothing where strace is missing or may not look on; in CI that is a failure.
    async fn attach(bot: &Bot) -> Option<Self> {
        let pid = bot.pid().as_raw_nonzero().to_string();
        let mut command = Command::new("strace");
        command.args(["-f", "-qqq", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"]);
        let spawned = command.args(["-o", "/dev/null", "-p", &pid]).stdin(Stdio::null()).spawn();
        let attached = match spawned {
            Ok(strace) => {
                let mut attaching = Self { strace };
                attaching.is_attached(&pid).await.then_some(attaching)
            }
            Err(_) => None,
        };
        if attached.is_none() {
            assert!(std::env::var_os("CI").is_none(), "strace is missing or may not attach, and this is CI");
            eprintln!("WARNING: strace is missing or may not attach: failing syncs are NOT tested here");
        }
        attached
    }

    /// Waits until every thread is traced.
    async fn is_attached(&mut self, pid: &str) -> bool {
        let started = Instant::now();
        while started.elapsed() < SOON && self.strace.try_wait().is_ok_and(|ended| ended.is_none()) {
            let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the bot's threads");
            let traced = |thread: std::io::Result<std::fs::DirEntry>| {
                let status = thread.and_then(|thread| std::fs::read_to_string(thread.path().join("status")));
                // A thread that has just ended needs no tracer.
                status.map_or(true, |status| !status.contains("TracerPid:\t0\n"))
            };
            if threads.into_iter().all(traced) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    fn detach(mut self) {
        let _ = kill_process(rustix::process::Pid::from_child(&self.strace), Signal::INT);
        let _ = self.strace.wait();
    }
}

impl Drop for BrokenSync {
    fn drop(&mut self) {
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}
