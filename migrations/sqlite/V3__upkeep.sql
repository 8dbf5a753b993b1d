-- What it takes to run for years: upkeep, alarms and the dashboard's figures.

UPDATE schema_generation SET generation = 3;
