-- The window of a conversation is kept in memory, as long as nothing in it has changed: this stamp tells.

ALTER TABLE chats ADD COLUMN stamp INTEGER NOT NULL DEFAULT 0; -- another number after each change to what was remembered

-- A chat that is forgotten and comes again must not have the stamp that it had.
CREATE TRIGGER chats_stamped AFTER INSERT ON chats BEGIN
    UPDATE chats SET stamp = random() WHERE chat_id = NEW.chat_id;
END;

-- A message that comes last needs no other stamp: whoever looks for new ones finds it. One that followed a group to its new
-- id comes before all others.
CREATE TRIGGER messages_stamp_earlier AFTER INSERT ON messages WHEN NEW.seq < 1 BEGIN
    UPDATE chats SET stamp = random() WHERE chat_id = NEW.chat_id;
END;
CREATE TRIGGER messages_stamp_change AFTER UPDATE ON messages BEGIN
    UPDATE chats SET stamp = random() WHERE chat_id IN (OLD.chat_id, NEW.chat_id);
END;
CREATE TRIGGER messages_stamp_deletion AFTER DELETE ON messages BEGIN
    UPDATE chats SET stamp = random() WHERE chat_id = OLD.chat_id;
END;

-- Whoever opts out is hidden in all chats.
CREATE TRIGGER people_stamp_new AFTER INSERT ON people WHEN NEW.opted_out_at IS NOT NULL BEGIN
    UPDATE chats SET stamp = random();
END;
CREATE TRIGGER people_stamp_change AFTER UPDATE OF opted_out_at ON people
WHEN OLD.opted_out_at IS NOT NEW.opted_out_at BEGIN
    UPDATE chats SET stamp = random();
END;
CREATE TRIGGER people_stamp_deletion AFTER DELETE ON people WHEN OLD.opted_out_at IS NOT NULL BEGIN
    UPDATE chats SET stamp = random();
END;

UPDATE schema_generation SET generation = 5;
