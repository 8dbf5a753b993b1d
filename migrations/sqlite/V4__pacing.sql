-- What it takes to say much in a short time.

-- Pacing: the sends of the last minute are looked through, at most thirty a second. By chat, each send changed a page of
-- its own in a second index.
DROP INDEX outbox_paced_chat;
DROP INDEX outbox_paced;
CREATE INDEX outbox_paced ON outbox (sending_at, chat_id, answer_id) WHERE sending_at IS NOT NULL;

UPDATE schema_generation SET generation = 4;
