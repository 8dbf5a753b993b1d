"""What people say: a steady stream of updates. Most is talk in groups that is not for the bot; one in twenty is a
person who asks it something in a private chat of their own, which shall get exactly one answer; one in forty asks in a
group, where several may be answered at once."""

import asyncio
import time
from dataclasses import dataclass

GROUPS = 60
PEOPLE = 40


@dataclass
class Asked:
    """A message that spoke to the bot."""

    update: int
    chat: int


class Load:
    def __init__(self, telegram, per_second):
        self.telegram = telegram
        self.per_second = per_second
        #: By update_id, in private chats and in groups.
        self.private = {}
        self.groups = {}
        self.said = 0
        self.slowest_tick = 0.0
        self._running = None

    def start(self):
        self._running = asyncio.create_task(self._run())

    async def stop(self):
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self):
        begun = last = time.monotonic()
        first = self.said
        while True:
            now = time.monotonic()
            self.slowest_tick = max(self.slowest_tick, now - last)
            last = now
            due = first + int((now - begun) * self.per_second)
            while self.said < due:
                self._say()
            await asyncio.sleep(0.01)

    def _say(self):
        self.said += 1
        update = 100_000 + self.said
        author = 500_000 + self.said % PEOPLE
        group = -1_001_000_000_000 - self.said % GROUPS
        if self.said % 20 == 0:
            chat = 1_000_000 + self.said
            self.private[update] = Asked(update, chat)
            private = {"id": chat, "type": "private", "first_name": "Оля"}
            self._deliver(update, private, chat, f"Що скажеш про №{update}?")
        elif self.said % 40 == 7:
            group = -1_001_000_000_000 - self.said // 40 % GROUPS
            self.groups[update] = Asked(update, group)
            self._deliver(update, _supergroup(group), author, f"Гряг, що скажеш про №{update}?")
        else:
            self._deliver(update, _supergroup(group), author, "та таке, нічого нового")

    def _deliver(self, update, chat, author, text):
        self.telegram.deliver(chat["id"], message(self.telegram, update, chat, author, text))


def message(telegram, update, chat, author, text):
    """An update with a message."""
    return {
        "update_id": update,
        "message": {
            "message_id": telegram.message_id(chat["id"]),
            "date": int(time.time()),
            "chat": chat,
            "text": text,
            "from": {"id": author, "is_bot": False, "first_name": "Оля"},
        },
    }


def _supergroup(chat):
    return {"id": chat, "type": "supergroup", "title": "Група"}
