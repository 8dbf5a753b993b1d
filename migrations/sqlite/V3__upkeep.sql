-- What it takes to run for years: upkeep, alarms and the dashboard's figures.

-- Alarms: how each stands, and what the admins were told of it. No texts.
CREATE TABLE alarms (
    name       TEXT PRIMARY KEY,           -- also its entry in deploy/runbook.md
    holds      INTEGER NOT NULL,           -- whether its condition holds
    turned_at  INTEGER NOT NULL,           -- since when it does, or no longer does
    state      TEXT NOT NULL,              -- firing, resolved
    since      INTEGER,                    -- since when it is in this state; NULL: it never fired
    began_at   INTEGER,                    -- when it began to fire last
    told_state TEXT,                       -- what the admins were told last
    told_at    INTEGER,
    times_told INTEGER NOT NULL DEFAULT 0,
    number     INTEGER NOT NULL DEFAULT 0  -- how much; what that means is the alarm's own
) WITHOUT ROWID;
CREATE INDEX outbox_alarms ON outbox (id) WHERE kind = 'alarm' AND state IN ('queued', 'ready', 'sending');

-- The ledger of errors: one row for each kind of error, not for each time. `at` is when it was met last.
ALTER TABLE errors ADD COLUMN count INTEGER NOT NULL DEFAULT 1;
ALTER TABLE errors ADD COLUMN first_at INTEGER; -- NULL: the same as `at`

-- Dashboard: who may look. Of links and cookies only the SHA-256 is kept.
CREATE TABLE dashboard_passes (
    digest   BLOB PRIMARY KEY,
    kind     TEXT NOT NULL,   -- login (ten minutes, spent by its use), session (a day)
    admin_id INTEGER,         -- to whom the link was sent; null if it was printed on the server
    until    INTEGER NOT NULL
) WITHOUT ROWID;

-- Dashboard: figures over time. What the replicas count in a minute is added to its minute, its ten minutes and its hour;
-- an hour, a day and a week of them are kept.
CREATE TABLE samples (
    width  INTEGER NOT NULL, -- of the step, in seconds: 60, 600, 3600
    step   INTEGER NOT NULL, -- when it began
    series TEXT NOT NULL,
    label  TEXT NOT NULL,    -- which of its kind; empty if there is one only
    value  INTEGER NOT NULL,
    PRIMARY KEY (width, step, series, label)
) WITHOUT ROWID;

-- What nobody asked for gets a share of a model's requests a day, too, so its calls are told apart.
ALTER TABLE model_calls ADD COLUMN is_unasked INTEGER NOT NULL DEFAULT 0;

-- Dashboard: an admin may open what is said in a group. /privacy tells there when that was last done.
ALTER TABLE chats ADD COLUMN opened_at INTEGER;

-- Clearing: how what has outlived its use is found. Lanes are referred to by sends.
CREATE INDEX chat_hours_hour ON chat_hours (hour);
CREATE INDEX outbox_lane ON outbox (lane_id) WHERE lane_id IS NOT NULL;

UPDATE schema_generation SET generation = 3;
