-- The spine: inbox, memory, outbox. Times are UTC milliseconds. topic_id 0 means "no topic".
-- Words in `state` columns: see src/storage/sqlite/*.rs, which are their only readers.

-- 'GRYG': tells our files from any other SQLite database.
PRAGMA application_id = 1196579143;

-- Which schema this is, and the oldest binary (by generation) that may still write it: migrations expand first and
-- contract one release later, so a binary runs on a database one generation ahead.
CREATE TABLE schema_generation (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    generation    INTEGER NOT NULL,
    oldest_writer INTEGER NOT NULL
);
INSERT INTO schema_generation VALUES (1, 1, 1);

-- Small facts: the bot this store belongs to, the registered webhook's fingerprint, the last start-up probe.
CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The unit of order. due_at is when the lane can next be claimed: NULL with nothing queued or with an unsent answer,
-- the lease's end while it is claimed (so an expired lease is a due lane), else its first queued row's time.
CREATE TABLE lanes (
    id          INTEGER PRIMARY KEY,
    chat_id     INTEGER NOT NULL,
    topic_id    INTEGER NOT NULL,
    kind        INTEGER NOT NULL, -- 0 talk, 1 express
    due_at      INTEGER,
    claim_token INTEGER NOT NULL DEFAULT 0, -- the fencing token: grows with every claim
    claimed     INTEGER NOT NULL DEFAULT 0, -- 1 while a claim is out
    ended_token INTEGER NOT NULL DEFAULT 0, -- of the last claim whose turn has come to its end
    claimed_to  INTEGER NOT NULL DEFAULT 0, -- the last row that the newest claim took
    owner       TEXT,
    unsent      INTEGER NOT NULL DEFAULT 0, -- answers in the outbox that are not finished
    UNIQUE (chat_id, topic_id, kind)
);
CREATE INDEX lanes_due ON lanes (kind, due_at) WHERE due_at IS NOT NULL;

-- Every update that was taken in. To take one in writes this row and its key, each at the end of its tree, and nothing
-- else, for Telegram waits for it: it names its lane by what makes the lane, and joins its queue later.
CREATE TABLE inbox (
    id          INTEGER PRIMARY KEY, -- the order of arrival
    update_key  INTEGER NOT NULL UNIQUE,
    chat_id     INTEGER NOT NULL,
    topic_id    INTEGER NOT NULL,
    lane_kind   INTEGER NOT NULL,
    state       INTEGER NOT NULL, -- 0 waiting, 1 done, 2 dead, 3 expired
    received_at INTEGER NOT NULL,
    ended_at    INTEGER,
    attempts    INTEGER NOT NULL DEFAULT 0, -- how many it took, once it has ended
    claim_token INTEGER NOT NULL DEFAULT 0, -- by which claim of its lane it was ended
    kind        TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    problem     TEXT,
    body        BLOB -- emptied when the turn ends; a dead letter's after 30 days
);
-- Every further index would cost each admission; ended rows are pruned in the order of arrival.
CREATE INDEX inbox_dead ON inbox (ended_at) WHERE state = 2;

-- Up to which row of the inbox all that wait have joined their lanes' queues; the first claim to come moves it on.
CREATE TABLE queued (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    inbox_id INTEGER NOT NULL
);
INSERT INTO queued VALUES (1, 0);

-- The rows of a lane that wait for their turn or are in one. Small and together, so that a claim touches no bodies.
CREATE TABLE queue (
    lane_id     INTEGER NOT NULL, -- of lanes
    inbox_id    INTEGER NOT NULL, -- of inbox
    received_at INTEGER NOT NULL,
    not_before  INTEGER NOT NULL DEFAULT 0, -- a fresh row has 0: a clock that steps back must not reorder a lane
    attempts    INTEGER NOT NULL DEFAULT 0,
    claim_token INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (lane_id, inbox_id)
) WITHOUT ROWID;

CREATE TABLE chats (
    chat_id         INTEGER PRIMARY KEY,
    kind            TEXT NOT NULL,
    title           TEXT,
    migrated_to     INTEGER,
    dead_at         INTEGER, -- Telegram said that nothing more can be sent here
    dead_reason     TEXT,
    blocked_until   INTEGER, -- 429 with retry_after
    failure_line_at INTEGER  -- the last failure line, said at most once in ten minutes
) WITHOUT ROWID;

CREATE TABLE messages (
    chat_id         INTEGER NOT NULL,
    message_id      INTEGER NOT NULL,
    topic_id        INTEGER NOT NULL,
    seq             INTEGER, -- counts the messages of a chat's topic; NULL for an album's later pictures
    author_kind     TEXT NOT NULL,
    author_id       INTEGER NOT NULL,
    author_name     TEXT NOT NULL,
    author_username TEXT,
    text            TEXT NOT NULL,
    media_kind      TEXT,
    media_label     TEXT,
    media_file_id   TEXT,
    media_unique_id TEXT,
    media_size      INTEGER,
    media_mime      TEXT,
    album           TEXT,
    album_size      INTEGER NOT NULL DEFAULT 1,
    reply_to        INTEGER,
    quote           TEXT,
    forwarded_from  TEXT,
    sent_at         INTEGER NOT NULL,
    edited_at       INTEGER,
    PRIMARY KEY (chat_id, message_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX messages_window ON messages (chat_id, topic_id, seq) WHERE seq IS NOT NULL;
-- Unique, for an album has one head; were it not, SQLite would rather read the whole chat.
CREATE UNIQUE INDEX messages_album ON messages (chat_id, album) WHERE album IS NOT NULL AND seq IS NOT NULL;

-- One row a part of an answer. A later part waits ('queued') until the part before it has ended.
CREATE TABLE outbox (
    id           INTEGER PRIMARY KEY,
    answer_id    INTEGER NOT NULL, -- the id of the first part
    part         INTEGER NOT NULL,
    parts        INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    lane_id      INTEGER REFERENCES lanes (id), -- the lane that waits for it, if one does
    chat_id      INTEGER NOT NULL,
    chat_kind    TEXT NOT NULL,
    topic_id     INTEGER NOT NULL,
    reply_to     INTEGER,
    text         TEXT NOT NULL,
    entities     TEXT NOT NULL, -- JSON
    silent       INTEGER NOT NULL DEFAULT 0,
    addressed    TEXT NOT NULL, -- JSON: when each message that this answers was acknowledged
    state        TEXT NOT NULL, -- queued ready sending | sent unknown refused expired
    attempts     INTEGER NOT NULL DEFAULT 0,
    not_before   INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    owner        TEXT,
    sending_at   INTEGER, -- also the pacing log: when the call was made
    ended_at     INTEGER,
    message_id   INTEGER,
    request_id   TEXT NOT NULL,
    problem      TEXT
);
CREATE INDEX outbox_ready ON outbox (not_before, id) WHERE state = 'ready';
CREATE INDEX outbox_ready_chat ON outbox (chat_id, id) WHERE state = 'ready';
CREATE INDEX outbox_sending ON outbox (sending_at) WHERE state = 'sending';
CREATE INDEX outbox_answer ON outbox (answer_id, part);
CREATE INDEX outbox_paced ON outbox (sending_at) WHERE sending_at IS NOT NULL;
CREATE INDEX outbox_paced_chat ON outbox (chat_id, sending_at) WHERE sending_at IS NOT NULL;
CREATE INDEX outbox_unfinished ON outbox (state) WHERE state IN ('queued', 'ready', 'sending');
CREATE INDEX outbox_ended ON outbox (ended_at) WHERE ended_at IS NOT NULL;

-- Every call of a model.
CREATE TABLE model_calls (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    chat_id  INTEGER,
    purpose  TEXT NOT NULL,
    model    TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    took_ms  INTEGER NOT NULL,
    prompt   INTEGER NOT NULL,
    cached   INTEGER NOT NULL,
    thoughts INTEGER NOT NULL,
    answer   INTEGER NOT NULL
);
CREATE INDEX model_calls_at ON model_calls (at);

-- Rates shared by the replicas: the theoretical arrival time of a GCRA, and a block that the other side asked for.
CREATE TABLE rates (
    name          TEXT PRIMARY KEY,
    arrival_at    INTEGER NOT NULL DEFAULT 0,
    blocked_until INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Work that only one replica does at a time.
CREATE TABLE leases (
    name  TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE heartbeats (
    owner      TEXT PRIMARY KEY,
    at         INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    facts      TEXT NOT NULL -- JSON: version, ready, memory, breakers, cache counters
) WITHOUT ROWID;

CREATE TABLE errors (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    place   TEXT NOT NULL,
    class   TEXT NOT NULL,
    message TEXT NOT NULL
);
