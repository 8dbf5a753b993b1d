//! The whole bot in a simulated world: real edge, inbox, worker, memory, outbox and store; Telegram and Gemini are the
//! strict stand-ins of the sandbox, reached without sockets, in paused time.

mod actions;
mod alarms;
mod backups;
mod clearing;
mod conversation;
mod costs;
mod dashboard;
mod duplicates;
mod gemini_outages;
mod harness;
mod heartbeats;
mod hush;
mod injections;
mod lengths;
mod manners;
mod media;
mod memory;
mod old_bugs;
mod order;
mod outages;
mod pacing;
mod people;
mod personas;
mod poll;
mod promises;
mod sends;
mod shutdown;
mod staleness;
mod surroundings;
mod telegram_outages;
mod transcripts;
mod unasked;
mod veto;
mod webhook;
mod week;
