"""Backups of a large database while people write: how long an acknowledgement takes meanwhile, and whether what is
restored is what was there. deploy/torture.sh calls this.

Prints what it finds wrong, and one line `figure | …`."""

import asyncio
import hashlib
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import rig
from rig import Rig, quantile

from telegram import TOKEN

#: For an acknowledgement while a backup is made (p99).
WRITE_MS = 100
#: For a restore.
RESTORE_SECONDS = 60
#: What a backup, a start and a restore note about themselves.
ABOUT_ITSELF = ("facts", "heartbeats", "leases")
#: The chats with a past, and how much of it one statement lays down.
CHATS = 20
FIRST_CHAT = -1_002_000_000_000
PIECE = 20_000


class BackingUp(Rig):
    def __init__(self, options, directory):
        super().__init__(options, directory)
        self.calm_ms, self.meanwhile_ms = [], []
        #: Seconds that each backup took, the hourly one first.
        self.made = []
        self.restored_in = self.rows = 0

    async def run(self):
        """Returns what was wrong."""
        await self.start()
        await self.lay_down(self._past)
        self.load.start()
        watch = asyncio.create_task(self._watch())
        # The hourly one is due at once: there is none.
        wrong = [] if await self.until(180, self._is_backed_up) else ["the hourly backup was not made"]
        for _ in range(self.options.times):
            await asyncio.sleep(self.options.seconds)
            begun = time.monotonic()
            await asyncio.to_thread(self._gryag, "backup")
            self.made.append(time.monotonic() - begun)
        await asyncio.sleep(self.options.seconds)
        watch.cancel()
        wrong += await self.end()
        if not quantile(self.meanwhile_ms, 0.99) <= WRITE_MS:
            wrong.append(f"an acknowledgement takes {quantile(self.meanwhile_ms, 0.99):.0f} ms (p99) meanwhile")
        return wrong + self._restore()

    def _past(self):
        """Chats in which people have long talked, and no backup yet."""
        file, mark = self.machine.data / "gryag.db", int(time.time()) * 1000
        with closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA synchronous = OFF")
            database.execute("DELETE FROM facts WHERE name LIKE 'backup%'")
            while file.stat().st_size < self.options.megabytes * 1_000_000:
                known = self.rows
                self.rows += PIECE
                database.executemany(
                    "INSERT INTO messages (chat_id, message_id, topic_id, seq, author_kind, author_id, author_name, text, "
                    "sent_at) VALUES (?, ?, 0, ?, 'person', ?, 'Оля', ?, ?)",
                    (_past(number, mark) for number in range(known, self.rows)),
                )
                database.commit()
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def _watch(self):
        """What was acknowledged while a backup was being made, and what at other times."""
        seen, was_being_made, begun = 0, False, 0.0
        while True:
            is_being_made = any(self.backups.glob("*.partial"))
            took = [seconds * 1000 for seconds in self.telegram.took[seen:]]
            seen += len(took)
            (self.meanwhile_ms if is_being_made or was_being_made else self.calm_ms).extend(took)
            if is_being_made and not was_being_made:
                begun = time.monotonic()
            if was_being_made and not is_being_made and not self.made:
                self.made.append(time.monotonic() - begun)
            was_being_made = is_being_made
            await asyncio.sleep(0.02)

    async def _is_backed_up(self):
        return bool(self.made)

    def _restore(self):
        """Nobody writes any more: a backup, restored elsewhere, has the same rows. One that was made under load has all
        messages up to then."""
        wrong = []
        for name in ("under-load", "at-rest"):
            # One of the same hour replaces the one before it.
            at_rest = name == "at-rest"
            backup = self._gryag("backup").strip() if at_rest else max(self.backups.glob("gryag-*.db.gz"))
            data, begun = self.directory / name, time.monotonic()
            self._gryag("restore", str(backup), data=data)
            self.restored_in = max(self.restored_in, time.monotonic() - begun)
            wrong += _compare(self.machine.data, data, whole=at_rest)
        if self.restored_in > RESTORE_SECONDS:
            wrong.append(f"a restore takes {self.restored_in:.0f} s")
        return wrong

    @property
    def backups(self):
        return self.machine.data / "backups"

    def _gryag(self, *words, data=None):
        data = data or self.machine.data
        data.mkdir(exist_ok=True)
        # Without the stand-ins' addresses: none of these commands speaks to anybody.
        settings = {"BOT_DATA_DIR": str(data), "TELEGRAM_BOT_TOKEN": TOKEN, "BOT_MIN_FREE_DISK_MB": "0"}
        done = subprocess.run([self.options.binary, *words], env=settings, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"gryag {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def figure(self):
        took = ", ".join(f"{seconds:.1f}" for seconds in self.made)
        calm, meanwhile = self.calm_ms, self.meanwhile_ms
        return (
            f"{self.options.megabytes} MB, {self.options.rate}/s: backups in {took} s, acknowledged meanwhile in "
            f"{quantile(meanwhile, 0.5):.1f} ms (p50), {quantile(meanwhile, 0.99):.1f} ms (p99), "
            f"{max(meanwhile, default=0):.0f} ms (most) of {len(meanwhile)}; at other times {quantile(calm, 0.5):.1f} ms "
            f"(p50), {quantile(calm, 0.99):.1f} ms (p99) of {len(calm)}; {len(self.telegram.failed)} failed; restored in "
            f"{self.restored_in:.1f} s"
        )


def _past(number, mark):
    text = f"повідомлення {number} про те, як минув день: " + hashlib.sha256(str(number).encode()).hexdigest() * 3
    chat, place = FIRST_CHAT - number % CHATS, number // CHATS + 1
    # Of the last weeks, for older ones are deleted.
    return chat, place, place, 600_000 + number % 50, text, mark - 40 * 86_400_000 + number


def _compare(live, restored, whole):
    """What differs. A copy that was made under load lacks what came after it, and nothing else."""
    wrong = []
    with closing(_open(live)) as one, closing(_open(restored)) as other:
        names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        tables = [name for (name,) in one.execute(names) if name not in ABOUT_ITSELF]
        if [name for (name,) in other.execute(names) if name not in ABOUT_ITSELF] != tables:
            return ["the restored database has other tables"]
        for table in tables if whole else ["messages"]:
            there, back = _hashes(one, table), _hashes(other, table)
            if back - there:
                wrong.append(f"{table}: {len(back - there)} restored rows are not as they were")
            if whole and there - back:
                wrong.append(f"{table}: {len(there - back)} rows are not restored")
        if _past_rows(one) != _past_rows(other):
            wrong.append("not all messages of the past are restored")
    return wrong


def _past_rows(database):
    return database.execute(f"SELECT COUNT(*) FROM messages WHERE chat_id BETWEEN {FIRST_CHAT - CHATS + 1} AND {FIRST_CHAT}").fetchone()


def _hashes(database, table):
    """Of every row."""
    return {hashlib.blake2b(repr(row).encode(), digest_size=16).digest() for row in database.execute(f"SELECT * FROM {table}")}


def _open(data):
    return sqlite3.connect(f"file:{data / 'gryag.db'}?mode=ro&immutable=1", uri=True)


def main():
    parser = rig.parser("backing_up", __doc__)
    parser.add_argument("--megabytes", type=int, default=250, help="size of the database (250)")
    parser.add_argument("--rate", type=int, default=50, help="updates a second (50)")
    parser.add_argument("--times", type=int, default=3, help="backups beside the hourly one (3)")
    parser.add_argument("--seconds", type=float, default=5, help="between two of them (5)")
    options = rig.parsed(parser)
    return rig.run("backups under load", lambda directory: BackingUp(options, directory), options)


if __name__ == "__main__":
    sys.exit(main())
