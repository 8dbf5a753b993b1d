-- A bot that has been in use for a while: 2 000 lanes, 20 000 updates, 20 000 messages, 20 000 sends.
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO lanes (chat_id, topic_id, kind) SELECT -i, 0, i % 2 FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO inbox (update_key, chat_id, topic_id, lane_kind, state, kind, received_at, ended_at, request_id)
SELECT i, -1 - i % 2000, 0, i % 2, 1 + (i % 100 = 0), 'message', 1789900000000 + i, 1789900000000 + i, 'r' FROM n;
UPDATE queued SET inbox_id = 20000;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO queue (lane_id, inbox_id, received_at) SELECT 1001 + i % 900, i, 1789900000000 + i FROM n;
INSERT INTO chats (chat_id, kind) SELECT DISTINCT chat_id, 'group' FROM lanes WHERE chat_id <> -10;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO messages (chat_id, message_id, topic_id, seq, author_kind, author_id, author_name, text, sent_at)
SELECT CASE WHEN i % 4 = 0 THEN -10 ELSE -(i % 500) - 11 END, i, 0, CASE WHEN i % 4 = 0 THEN i / 4 ELSE i END, 'person', i % 50, 'Оля', 'слово', 1789900000000
FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO outbox (id, answer_id, part, parts, kind, chat_id, chat_kind, topic_id, text, entities, addressed, state,
                    attempts, not_before, created_at, expires_at, sending_at, ended_at, request_id)
SELECT i, i, 0, 1, 'answer', -(i % 2000) - 1, 'group', 0, '', '[]', '[]', 'sent', 1, 0, 0, 0, 1789900000000 + i,
       1789900000000 + i, 'r' FROM n;
