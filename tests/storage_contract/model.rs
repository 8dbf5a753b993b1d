//! Random interleavings of two processes, compared step by step with a model that is small enough to be believed.
//! Whatever happens, each update ends once, at most one answer is committed for it, and the order of its lane holds.

mod reference;

use std::{cell::RefCell, collections::BTreeSet, time::Duration};

use gryag::{
    domain::{Timestamp, UpdateKey},
    storage::{Admission, Claim, ClaimRequest, Ended, FinishedTurn, Outgoing, StorageError, Verdict},
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

use self::reference::{Part, Reference, Taken};
use crate::world::{CALL_LIMIT, LEASE, UNLIMITED, World, own_message, request, retry_all, says, talk, update};

const LANES: i64 = 3;

/// What a turn comes to.
#[derive(Clone, Copy, Debug)]
enum End {
    Silent,
    Answer { parts: usize },
    Retry { after_ms: u64 },
    FirstIsDead,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
enum How {
    Sent,
    Unknown,
    Refused,
    Retry { after_ms: u64, blocks: bool },
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Admit { key: i64 },
    Claim { owner: usize },
    Advance { ms: u64 },
    Finish { owner: usize, which: usize, end: End, keeps: bool },
    Renew { owner: usize },
    Release { owner: usize },
    Crash { owner: usize },
    Begin { owner: usize },
    EndSend { owner: usize, which: usize, how: How, keeps: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let owner = 0usize..2;
    let end = prop_oneof![
        2 => Just(End::Silent),
        4 => (1usize..4).prop_map(|parts| End::Answer { parts }),
        2 => (0u64..30_000).prop_map(|after_ms| End::Retry { after_ms }),
        1 => Just(End::FirstIsDead),
    ];
    let how = prop_oneof![
        4 => Just(How::Sent),
        1 => Just(How::Unknown),
        1 => Just(How::Refused),
        2 => (0u64..10_000, any::<bool>()).prop_map(|(after_ms, blocks)| How::Retry { after_ms, blocks }),
    ];
    let rarely = prop::bool::weighted(0.3);
    prop_oneof![
        6 => (0i64..24).prop_map(|key| Step::Admit { key }),
        6 => owner.clone().prop_map(|owner| Step::Claim { owner }),
        3 => prop_oneof![0u64..2_000, 15_000u64..70_000].prop_map(|ms| Step::Advance { ms }),
        6 => (owner.clone(), any::<usize>(), end, rarely)
            .prop_map(|(owner, which, end, keeps)| Step::Finish { owner, which, end, keeps }),
        1 => owner.clone().prop_map(|owner| Step::Renew { owner }),
        1 => owner.clone().prop_map(|owner| Step::Release { owner }),
        1 => owner.clone().prop_map(|owner| Step::Crash { owner }),
        5 => owner.clone().prop_map(|owner| Step::Begin { owner }),
        5 => (owner, any::<usize>(), how, rarely)
            .prop_map(|(owner, which, how, keeps)| Step::EndSend { owner, which, how, keeps }),
    ]
}

/// The property over a backend.
pub(crate) fn any_interleaving<F: Future<Output = World>>(open: impl Fn() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let _inside = runtime.enter(); // the store is dropped here
    // A case that passed leaves nothing behind; one that failed would disturb the next.
    let spare = RefCell::new(None);
    let cases = RefCell::new(0i64);
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 180, max_shrink_iters: 2_000, ..ProptestConfig::default() });
    let result = runner.run(&vec(step(), 1..120), |steps| {
        let number = cases.replace_with(|number| *number + 1);
        let world = spare.take().unwrap_or_else(|| runtime.block_on(open()));
        let mut run = Run::new(&world, number);
        runtime.block_on(async {
            for step in steps {
                run.step(step).await?;
            }
            run.settle().await
        })?;
        spare.replace(Some(world));
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// A process: what it believes to hold.
#[derive(Debug, Default)]
struct Process {
    life: usize,
    claims: Vec<Claim>,
    sends: Vec<Outgoing>,
}

struct Run<'a> {
    world: &'a World,
    number: i64,
    processes: [Process; 2],
    reference: Reference,
}

type Checked = Result<(), TestCaseError>;

impl<'a> Run<'a> {
    fn new(world: &'a World, number: i64) -> Self {
        Self { world, number, processes: Default::default(), reference: Reference::default() }
    }

    fn name(&self, owner: usize) -> String {
        format!("{} {owner} {}", self.number, self.processes[owner].life)
    }

    /// Keys and chats of this case only.
    fn key(&self, key: i64) -> i64 {
        self.number * 1_000 + key
    }

    fn chat(&self, lane: i64) -> i64 {
        -(self.number * 1_000 + lane + 1)
    }

    async fn step(&mut self, step: Step) -> Checked {
        match step {
            Step::Admit { key } => self.admit(key).await,
            Step::Claim { owner } => self.claim(owner).await,
            Step::Advance { ms } => {
                self.world.advance(Duration::from_millis(ms));
                Ok(())
            }
            Step::Finish { owner, which, end, keeps } => self.finish(owner, which, end, keeps).await,
            Step::Renew { owner } => self.renew(owner).await,
            Step::Release { owner } => self.release(owner).await,
            Step::Crash { owner } => {
                let life = self.processes[owner].life + 1;
                self.processes[owner] = Process { life, ..Process::default() };
                Ok(())
            }
            Step::Begin { owner } => self.begin(owner).await,
            Step::EndSend { owner, which, how, keeps } => self.end_send(owner, which, how, keeps).await,
        }
    }

    async fn admit(&mut self, key: i64) -> Checked {
        let lane = key % LANES;
        let update = update(self.key(key), talk(self.chat(lane)), self.world.now());
        let admission = self.world.store.admit(update).await.unwrap();
        let new = self.reference.admit(lane, self.key(key));
        prop_assert_eq!(admission, if new { Admission::New } else { Admission::Duplicate });
        Ok(())
    }

    async fn claim(&mut self, owner: usize) -> Checked {
        let name = self.name(owner);
        let asks = ClaimRequest { rows_max: 4, ..request(&name) };
        let claims = self.world.store.claim(asks).await.unwrap().claims;
        let mut taken: Vec<Taken> = claims
            .iter()
            .map(|claim| Taken {
                lane: -claim.lane.chat.0 - self.number * 1_000 - 1,
                token: claim.claim.token,
                rows: claim.updates.iter().map(|update| (update.key.0, update.attempt)).collect(),
            })
            .collect();
        taken.sort_by_key(|taken| taken.lane);
        let expected = self.reference.claim(&name, self.world.now(), LEASE, 4, &taken);
        prop_assert_eq!(&taken, &expected);
        self.processes[owner].claims.extend(claims);
        Ok(())
    }

    async fn finish(&mut self, owner: usize, which: usize, end: End, keeps: bool) -> Checked {
        let held = &mut self.processes[owner].claims;
        if held.is_empty() {
            return Ok(());
        }
        let which = which % held.len();
        let claim = if keeps { held[which].clone() } else { held.remove(which) };
        let now = self.world.now();
        let lane = -claim.lane.chat.0 - self.number * 1_000 - 1;
        let turn = self.turn(&claim, end);
        let finished = self.world.store.finish(claim.claim, turn.clone(), now).await;
        let expected = self.reference.finish(lane, claim.claim.token, &turn, now);
        match finished {
            Ok(_) => prop_assert!(expected, "a fenced owner has written"),
            Err(StorageError::Fenced { .. }) => prop_assert!(!expected, "a live owner was refused"),
            Err(error) => prop_assert!(false, "{}", error),
        }
        Ok(())
    }

    fn turn(&self, claim: &Claim, end: End) -> FinishedTurn {
        let now = self.world.now();
        match end {
            End::Silent => FinishedTurn::default(),
            End::Answer { parts } => {
                let text = format!("{}/{}", claim.claim.lane_id, claim.claim.token);
                let mut says = says(claim.lane.chat.0, &text, parts, now);
                says.expires_at = now + Duration::from_secs(86_400);
                says.addressed = claim.updates.iter().map(|update| update.received_at).collect();
                FinishedTurn { says: Some(says), ..FinishedTurn::default() }
            }
            End::Retry { after_ms } => retry_all(claim, now + Duration::from_millis(after_ms)),
            End::FirstIsDead => {
                let dead = Verdict::Dead { problem: "poison".to_owned() };
                FinishedTurn { verdicts: vec![(claim.updates[0].key, dead)], ..FinishedTurn::default() }
            }
        }
    }

    async fn renew(&mut self, owner: usize) -> Checked {
        let claims = &self.processes[owner].claims;
        let refs: Vec<_> = claims.iter().map(|claim| claim.claim).collect();
        let lanes: Vec<_> = claims.iter().map(|claim| -claim.lane.chat.0 - self.number * 1_000 - 1).collect();
        let lost = self.world.store.renew(refs.clone(), LEASE).await.unwrap();
        let until = self.world.now() + LEASE;
        for (claim, lane) in refs.into_iter().zip(lanes) {
            prop_assert_eq!(!lost.contains(&claim), self.reference.renew(lane, claim.token, until));
        }
        Ok(())
    }

    async fn release(&mut self, owner: usize) -> Checked {
        let name = self.name(owner);
        let released = self.world.store.release(&name).await.unwrap();
        prop_assert_eq!(released, self.reference.release(&name));
        Ok(())
    }

    async fn begin(&mut self, owner: usize) -> Checked {
        let name = self.name(owner);
        let sends = self.world.store.begin_sends(&name, 100, UNLIMITED, CALL_LIMIT).await.unwrap();
        let begun: BTreeSet<Part> = sends.due.iter().map(|send| (send.text.text.clone(), send.attempt)).collect();
        prop_assert_eq!(begun.len(), sends.due.len());
        let expected = self.reference.begin(&name, self.world.now(), CALL_LIMIT);
        prop_assert_eq!(sends.ended.len(), expected.ended, "lost sends that ended their answer");
        prop_assert_eq!(begun, expected.due);
        self.processes[owner].sends.extend(sends.due);
        Ok(())
    }

    async fn end_send(&mut self, owner: usize, which: usize, how: How, keeps: bool) -> Checked {
        let name = self.name(owner);
        let sends = &mut self.processes[owner].sends;
        if sends.is_empty() {
            return Ok(());
        }
        let which = which % sends.len();
        let send = if keeps { sends[which].clone() } else { sends.remove(which) };
        let now = self.world.now();
        let ended = ended(&send, how, now);
        let result = self.world.store.end_send(&name, send.id, send.attempt, ended.clone(), now).await;
        let part = (send.text.text.clone(), send.attempt);
        match (result, self.reference.end_send(&name, &part, &ended, now)) {
            (Ok(answer), Some(expected)) => {
                prop_assert_eq!(answer.as_ref().map(|answer| answer.state), expected);
            }
            (Err(StorageError::Fenced { .. }), None) => {}
            (result, expected) => prop_assert!(false, "{:?} where {:?} was expected", result, expected),
        }
        Ok(())
    }

    /// Two healthy processes deal with all that is left.
    async fn settle(&mut self) -> Checked {
        for _ in 0..400 {
            if self.reference.is_settled() {
                break;
            }
            for owner in [0, 1] {
                self.claim(owner).await?;
                while !self.processes[owner].claims.is_empty() {
                    self.finish(owner, 0, End::Answer { parts: 1 }, false).await?;
                }
                self.begin(owner).await?;
                while !self.processes[owner].sends.is_empty() {
                    self.end_send(owner, 0, How::Sent, false).await?;
                }
            }
            self.world.advance(Duration::from_secs(5));
        }
        prop_assert!(self.reference.is_settled(), "something was lost: {:?}", self.reference);
        for (key, answers) in self.reference.answers_by_update() {
            prop_assert!(answers <= 1, "update {} has {} answers", key, answers);
        }
        let dead = self.reference.dead();
        for key in &dead {
            prop_assert!(self.world.store.dead_letter(UpdateKey(*key)).await.unwrap().is_some());
        }
        let depth = self.world.store.inbox_depth().await.unwrap();
        prop_assert_eq!(depth.waiting, 0);
        prop_assert_eq!(self.world.store.next_due().await.unwrap(), None);
        prop_assert_eq!(self.world.store.outbox_depth().await.unwrap().by_state, Vec::new());
        Ok(())
    }
}

fn ended(send: &Outgoing, how: How, now: Timestamp) -> Ended {
    match how {
        How::Sent => Ended::Sent(Box::new(own_message(send, send.id.0, now))),
        How::Unknown => Ended::Unknown { problem: "cut".to_owned() },
        How::Refused => Ended::Refused { problem: "no".to_owned(), chat_is_dead: false },
        How::Retry { after_ms, blocks } => Ended::RetryAt {
            at: now + Duration::from_millis(after_ms),
            blocks_chat: blocks,
            without_reply: false,
            problem: "again".to_owned(),
        },
    }
}
