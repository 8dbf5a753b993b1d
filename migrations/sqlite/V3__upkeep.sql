-- What it takes to run for years: upkeep, alarms and the dashboard's figures.

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

UPDATE schema_generation SET generation = 3;
