"""Judges a world that has come to rest: joins what Telegram has 2xx for, what it was sent, and what the database
says."""

import shutil
import sqlite3
from collections import Counter

from gemini import MARK, SERIAL
from telegram import ADMIN

DONE = 1


class Verdict:
    def __init__(self, lost, twice, unknown, rows):
        #: In words, one each.
        self.lost = lost
        self.twice = twice
        #: Sends that a kill has cut: nobody can know.
        self.unknown = unknown
        #: The keys of the inbox.
        self.rows = rows


def judge(data, directory, telegram, load):
    """Both replicas must have ended: Debian's SQLite shall never meet the live file, so this reads a copy."""
    inbox, unknown_chats = _read(data, directory)
    lost, twice = [], []
    for update in telegram.acknowledged:
        if update not in inbox:
            lost.append(f"update {update} was acknowledged and has no row")
        elif inbox[update] != DONE:
            lost.append(f"update {update} came to rest in state {inbox[update]}")
    answers = [sent for sent in telegram.sent if sent.chat != ADMIN]
    marks = [(sent.chat, int(mark)) for sent in answers for mark in MARK.findall(sent.text)]
    in_private = Counter(mark for mark in marks if mark[0] > 0)
    for asked in load.private.values():
        count = in_private[asked.chat, asked.update]
        if count > 1:
            twice.append(f"update {asked.update} was answered {count} times")
        elif count == 0 and asked.chat not in unknown_chats:
            lost.append(f"update {asked.update} was not answered")
    in_groups = {mark for mark in marks if mark[0] < 0}
    for asked in load.groups.values():
        if (asked.chat, asked.update) not in in_groups and asked.chat not in unknown_chats:
            lost.append(f"update {asked.update} was not answered in its group")
    serials = Counter(serial for sent in answers for serial in SERIAL.findall(sent.text))
    twice += [f"answer {serial} was sent {count} times" for serial, count in serials.items() if count > 1]
    return Verdict(lost, twice, len(unknown_chats), set(inbox))


def _read(data, directory):
    """The states by update_id, and the chats of sends in doubt."""
    copy = directory / "judged"
    shutil.copytree(data, copy, dirs_exist_ok=True)
    with sqlite3.connect(copy / "gryag.db") as database:
        inbox = dict(database.execute("SELECT update_key, state FROM inbox"))
        unknown = [chat for (chat,) in database.execute("SELECT chat_id FROM outbox WHERE state = 'unknown'")]
    database.close()
    return inbox, unknown
