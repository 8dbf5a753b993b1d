"""A stand-in for Telegram: the Bot API, as far as the bot calls it here, and webhook deliveries with the real one's
habits (telegram-bot-api's WebhookActor): a queue per chat, in order and one at a time; anything but 2xx is repeated
with the same update_id, first at once, then after 2, 4, 8 … seconds up to a random 60 to 120, or after Retry-After."""

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import wire

TOKEN = "1234567:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
ADMIN = 77
#: Without an answer for so long, a delivery has failed.
TIMEOUT_SECONDS = 60
#: How often our 200 does not come through, so that an update is repeated which was taken in.
LOST_ANSWERS = 0.01
#: Without any success for so long, only one connection is opened until there is one.
CAREFUL_SECONDS = 10


@dataclass
class Attempt:
    """A delivery that did not end with 2xx."""

    at: float
    update: int
    #: 0 for a connection that broke.
    status: int
    detail: str


@dataclass
class Sent:
    """A message that the bot (or the Alertmanager) has sent."""

    at: float
    chat: int
    text: str


@dataclass
class Queue:
    updates: deque = field(default_factory=deque)
    failures: int = 0


class Telegram:
    def __init__(self, seed=1):
        self.sent = []
        self.acknowledged = {}
        #: When each was acknowledged first.
        self.acknowledged_at = {}
        self.failed = []
        #: Updates that were repeated although they had been taken in.
        self.repeated = 0
        #: Seconds that each acknowledgement took.
        self.took = []
        #: Deliveries under way now.
        self.in_flight = 0
        self.webhook = None
        self._client = None
        self._queues = defaultdict(Queue)
        self._tasks = set()
        self._message_ids = defaultdict(itertools.count)
        self._random = random.Random(seed)
        self._last_success = time.monotonic()
        self._connections = asyncio.Semaphore(40)
        self._careful = asyncio.Lock()

    async def start(self, port):
        return await wire.serve(port, self._method)

    # --- deliveries

    def deliver(self, chat, update):
        """Puts an update into its chat's queue."""
        queue = self._queues[chat]
        queue.updates.append(update)
        if len(queue.updates) == 1:
            task = asyncio.create_task(self._empty(queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def waiting(self):
        """Updates that have not been acknowledged yet."""
        return sum(len(queue.updates) for queue in self._queues.values())

    def message_id(self, chat):
        return next(self._message_ids[chat]) + 1

    def stop(self):
        for task in self._tasks:
            task.cancel()

    async def _empty(self, queue):
        while queue.updates:
            async with self._connection():
                problem, retry_after = await self._attempt(queue.updates[0])
            if problem is None:
                self._last_success = time.monotonic()
                queue.failures = 0
                if self._random.random() < LOST_ANSWERS:
                    self.repeated += 1
                else:
                    queue.updates.popleft()
                continue
            self.failed.append(problem)
            queue.failures += 1
            await asyncio.sleep(self._pause(queue.failures) if retry_after is None else retry_after)

    def _pause(self, failures):
        if failures == 1:
            return 0
        return min(2 ** (failures - 1), self._random.uniform(60, 120))

    @contextlib.asynccontextmanager
    async def _connection(self):
        async with self._connections:
            if time.monotonic() - self._last_success > CAREFUL_SECONDS and self.failed:
                async with self._careful:
                    yield
            else:
                yield

    async def _attempt(self, update):
        identity, begun = update["update_id"], time.monotonic()
        self.in_flight += 1
        try:
            response = await self._client.call(
                "POST", self.webhook["path"], self._headers(), json.dumps(update).encode(), timeout=TIMEOUT_SECONDS
            )
        except wire.Broken as error:
            return Attempt(time.monotonic(), identity, 0, str(error)), None
        finally:
            self.in_flight -= 1
        if 200 <= response.status < 300:
            self.acknowledged[identity] = self.acknowledged.get(identity, 0) + 1
            self.acknowledged_at.setdefault(identity, time.monotonic())
            self.took.append(time.monotonic() - begun)
            return None, None
        detail = response.body.decode(errors="replace").strip()
        after = response.headers.get("retry-after")
        return Attempt(time.monotonic(), identity, response.status, detail), after and min(float(after), 3600)

    def _headers(self):
        return {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": self.webhook["secret"]}

    # --- the Bot API

    async def _method(self, request):
        path, _, query = request.path.partition("?")
        method = path.rpartition("/")[2]
        result = getattr(self, f"_{method}", lambda _: True)(_parameters(request, query))
        return 200, "application/json", json.dumps({"ok": True, "result": result}).encode()

    def _getMe(self, _):
        bot = int(TOKEN.split(":")[0])
        return {
            "id": bot,
            "is_bot": True,
            "first_name": "Гряг",
            "username": "gryag_check_bot",
            "can_join_groups": True,
            "can_read_all_group_messages": True,
            "supports_inline_queries": False,
        }

    def _getWebhookInfo(self, _):
        url = self.webhook["url"] if self.webhook else ""
        return {"url": url, "has_custom_certificate": False, "pending_update_count": self.waiting()}

    def _setWebhook(self, asked):
        url = urlsplit(asked["url"])
        self.webhook = {"url": asked["url"], "path": url.path, "secret": asked["secret_token"]}
        self._connections = asyncio.Semaphore(int(asked.get("max_connections") or 40))
        self._client = wire.Client(url.port)
        return True

    def _sendMessage(self, asked):
        chat = int(asked["chat_id"])
        self.sent.append(Sent(time.monotonic(), chat, asked["text"]))
        kind = {"type": "private", "first_name": "Оля"} if chat > 0 else {"type": "supergroup", "title": "Група"}
        return {
            "message_id": self.message_id(chat),
            "date": int(time.time()),
            "chat": {"id": chat, **kind},
            "from": self._getMe(None),
            "text": asked["text"],
        }

    def _getFile(self, _):
        return {"file_id": "f", "file_unique_id": "u", "file_path": "none"}

    def _getChatAdministrators(self, _):
        return []

    def _getUpdates(self, _):
        return []


def _parameters(request, query):
    """JSON, form or query, as methods may be called."""
    if "json" in request.headers.get("content-type", ""):
        return json.loads(request.body or b"{}")
    form = request.body.decode() if "urlencoded" in request.headers.get("content-type", "") else query
    return {name: values[-1] for name, values in parse_qs(form).items()}
