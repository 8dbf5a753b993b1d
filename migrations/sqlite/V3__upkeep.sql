-- What it takes to run for years: upkeep, alarms and the dashboard's figures.

-- What nobody asked for gets a share of a model's requests a day, too, so its calls are told apart.
ALTER TABLE model_calls ADD COLUMN is_unasked INTEGER NOT NULL DEFAULT 0;

UPDATE schema_generation SET generation = 3;
