-- A member of the chat: whom it serves, what a chat has set, when it may speak unasked, what it costs, and what people
-- can have forgotten. Only adds, so that the binary before it runs on it.

-- What the bot may do in a chat and what the chat has set. NULL in a setting: the default of the configuration.
ALTER TABLE chats ADD COLUMN access TEXT NOT NULL DEFAULT 'new';      -- new, asked, allowed, refused, banned
ALTER TABLE chats ADD COLUMN access_at INTEGER;                       -- since when
ALTER TABLE chats ADD COLUMN introduced_at INTEGER;                   -- when it told the chat who it is
ALTER TABLE chats ADD COLUMN left_at INTEGER;                         -- when the bot was removed; deleted 30 days later
ALTER TABLE chats ADD COLUMN bot_is_admin INTEGER NOT NULL DEFAULT 0; -- then Telegram shows it reactions
ALTER TABLE chats ADD COLUMN talk_level TEXT;                         -- silent, shy, normal, chatty
ALTER TABLE chats ADD COLUMN quiet_from INTEGER;                      -- hour of Kyiv's clock, 0 to 23
ALTER TABLE chats ADD COLUMN quiet_to INTEGER;                        -- the same as quiet_from: no quiet hours
ALTER TABLE chats ADD COLUMN persona TEXT;
ALTER TABLE chats ADD COLUMN language TEXT;                           -- uk, en
ALTER TABLE chats ADD COLUMN reactions INTEGER;                       -- 0 off, 1 on
ALTER TABLE chats ADD COLUMN silent_until INTEGER;                    -- somebody asked for silence
ALTER TABLE chats ADD COLUMN grave_until INTEGER;                     -- the veto: no unasked word until then
ALTER TABLE chats ADD COLUMN spoken_to_at INTEGER;                    -- when somebody last addressed it
ALTER TABLE chats ADD COLUMN heard_at INTEGER;                        -- when a person last wrote

-- People, as far as something is to be kept of them beside their messages.
CREATE TABLE people (
    user_id       INTEGER PRIMARY KEY,
    banned_at     INTEGER,
    opted_out_at  INTEGER, -- their text is neither stored nor sent to the model
    limit_line_at INTEGER, -- when they were last told that today's budget is spent
    forgotten_at  INTEGER, -- what they wrote until then is not remembered (again): an update may still be on its way
    asked_key     INTEGER, -- the update in which they asked to be forgotten, until they say so a second time
    asked_at      INTEGER, -- when they did
    told_at       INTEGER  -- when they were last told that they have opted out
) WITHOUT ROWID;

-- Who asked for silence, for the two times a day that any member has.
CREATE TABLE silences (
    id      INTEGER PRIMARY KEY,
    chat_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    at      INTEGER NOT NULL
);
CREATE INDEX silences_by ON silences (chat_id, user_id, at);

-- What happened in an hour of a chat.
CREATE TABLE chat_hours (
    chat_id   INTEGER NOT NULL,
    hour      INTEGER NOT NULL, -- hours since 1970 UTC
    people    INTEGER NOT NULL DEFAULT 0, -- messages of people
    addressed INTEGER NOT NULL DEFAULT 0, -- of these, to the bot
    own       INTEGER NOT NULL DEFAULT 0, -- messages of the bot
    unasked   INTEGER NOT NULL DEFAULT 0, -- of these, unasked
    PRIMARY KEY (chat_id, hour)
) WITHOUT ROWID;

-- Every unasked line and reaction: the talk budget is counted here.
CREATE TABLE unasked (
    id         INTEGER PRIMARY KEY,
    chat_id    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    kind       TEXT NOT NULL,    -- line, spontaneous, reaction
    quarters   INTEGER NOT NULL, -- what it weighs in the budget: a line 4, a reaction 1
    message_id INTEGER,          -- the bot's own message, once it is sent
    reception  INTEGER NOT NULL DEFAULT 0 -- how it was taken: above zero well, below badly
);
CREATE INDEX unasked_at ON unasked (chat_id, at);
CREATE INDEX unasked_message ON unasked (chat_id, message_id) WHERE message_id IS NOT NULL;

-- An outbox row may be a reaction or an edit, bear buttons, and know why it is said.
ALTER TABLE outbox ADD COLUMN action TEXT NOT NULL DEFAULT 'say'; -- say, react, edit
ALTER TABLE outbox ADD COLUMN target INTEGER;                     -- the message that is reacted to or edited
ALTER TABLE outbox ADD COLUMN buttons TEXT;                       -- JSON
ALTER TABLE outbox ADD COLUMN no_preview INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN why TEXT;                           -- JSON, for /why
ALTER TABLE outbox ADD COLUMN unasked_id INTEGER;                 -- its row in unasked
CREATE INDEX outbox_unasked ON outbox (chat_id) WHERE unasked_id IS NOT NULL AND state IN ('queued', 'ready');

-- Why the bot said it; NULL for everybody else's messages.
ALTER TABLE messages ADD COLUMN why TEXT;
CREATE INDEX messages_author ON messages (author_id, chat_id, message_id);
-- Whose words stand in somebody else's message: they are to be found when their author is forgotten or opts out.
ALTER TABLE messages ADD COLUMN reply_author INTEGER;     -- who wrote what it answers or quotes
ALTER TABLE messages ADD COLUMN forwarded_author INTEGER; -- who wrote what it forwards, if Telegram tells
CREATE INDEX messages_reply_author ON messages (reply_author) WHERE quote IS NOT NULL OR author_kind = 'own';
CREATE INDEX messages_forwarded ON messages (forwarded_author) WHERE forwarded_author IS NOT NULL;
CREATE INDEX messages_quoting ON messages (chat_id, reply_to) WHERE quote IS NOT NULL OR author_kind = 'own';

-- What a call was for and what it cost. NULL costs are not known, never nothing.
ALTER TABLE model_calls ADD COLUMN user_id INTEGER;
ALTER TABLE model_calls ADD COLUMN cost_nano_usd INTEGER;
CREATE INDEX model_calls_user ON model_calls (user_id) WHERE user_id IS NOT NULL;

-- A day's spending (Kyiv's days), by whole bot, chat and person.
CREATE TABLE spending (
    day              INTEGER NOT NULL, -- days since 1970
    scope            TEXT NOT NULL,    -- bot, chat, person
    id               INTEGER NOT NULL, -- 0 for the bot
    calls            INTEGER NOT NULL DEFAULT 0,
    nano_usd         INTEGER NOT NULL DEFAULT 0, -- of calls whose price is known
    counted_nano_usd INTEGER NOT NULL DEFAULT 0, -- what budgets count: the same, and the others at the dearest price
    unasked_nano_usd INTEGER NOT NULL DEFAULT 0, -- of that, for what nobody asked
    unpriced_tokens  INTEGER NOT NULL DEFAULT 0, -- of calls whose price is not known
    PRIMARY KEY (day, scope, id)
) WITHOUT ROWID;
CREATE INDEX spending_of ON spending (scope, id, day);

-- Calls of a shared rate by minute: who was not asked may take only a part of what those who were leave.
CREATE TABLE rate_minutes (
    name    TEXT NOT NULL,
    minute  INTEGER NOT NULL, -- minutes since 1970
    asked   INTEGER NOT NULL DEFAULT 0,
    unasked INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (name, minute)
) WITHOUT ROWID;

-- Answers to questions that stand alone, for whoever asks the same again within the hour.
CREATE TABLE answers (
    chat_id  INTEGER NOT NULL,
    question BLOB NOT NULL, -- SHA-256 of persona version, language and normalised question
    text     TEXT NOT NULL, -- as the model wrote it
    model    TEXT NOT NULL,
    user_id  INTEGER NOT NULL, -- who asked first: it goes when they are forgotten
    at       INTEGER NOT NULL,
    PRIMARY KEY (chat_id, question)
) WITHOUT ROWID;
CREATE INDEX answers_at ON answers (at);
CREATE INDEX answers_of ON answers (chat_id, at);
CREATE INDEX answers_user ON answers (user_id);

-- What was deleted at somebody's wish: ids and times only, so that a restored backup can be made to forget again.
CREATE TABLE deletions (
    id         INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    user_id    INTEGER,
    chat_id    INTEGER,
    message_id INTEGER
);
-- An edit of a forgotten message must not bring it back.
CREATE INDEX deletions_message ON deletions (chat_id, message_id) WHERE message_id IS NOT NULL;

UPDATE schema_generation SET generation = 2;
