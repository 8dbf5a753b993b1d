"""What a measurement stands on: two replicas behind the real Caddy, the stand-ins, and people who write. No monitoring,
and nothing goes wrong."""

import argparse
import asyncio
import os
import signal
import shutil
import tempfile
import time
from pathlib import Path

import oracle
import wire
from check import SETTINGS
from load import Load
from machine import Machine, free_port

from gemini import Gemini
from telegram import Telegram


class Rig:
    def __init__(self, options, directory):
        self.options = options
        self.directory = directory
        self.telegram = Telegram(options.seed)
        self.gemini = Gemini()
        # As shipped, but that everybody is served and money is no object.
        self.machine = Machine(directory, options.binary, dict(SETTINGS))
        self.load = Load(self.telegram, options.rate)
        self._servers = []

    async def start(self):
        """Everything but the load; the replicas are ready then."""
        ports = [free_port() for _ in range(2)]
        self._servers = [await self.telegram.start(ports[0]), await self.gemini.start(ports[1])]
        await self.machine.start(*ports)
        await self._ready()

    async def lay_down(self, past):
        """Stops both replicas while `past()` writes into their database."""
        replicas = self.machine.replicas.values()
        await asyncio.gather(*(replica.stop() for replica in replicas))
        await asyncio.to_thread(past)
        for replica in replicas:
            replica.starts = 0
            await replica.start()
        await self._ready()

    async def _ready(self):
        if not await self.until(60, self._through):
            raise RuntimeError("the replicas are not ready")

    async def end(self):
        """Lets everything come to rest and stops it; returns what was wrong."""
        await self.load.stop()
        wrong = [] if await self.until(60, self._answered) else ["not everything was delivered and answered"]
        starts = [replica.starts for replica in self.machine.replicas.values()]
        wrong += [] if await self.machine.stop() else ["a replica did not end well"]
        wrong += [] if starts == [1, 1] else [f"the replicas were started {starts} times"]
        wrong += [f"update {one.update} failed: {one.status} {one.detail}" for one in self.telegram.failed[:5]]
        verdict = oracle.judge(self.machine.data, self.directory, self.telegram, self.load)
        wrong += [*verdict.lost[:5], *verdict.twice[:5]]
        return wrong + ([f"{verdict.unknown} sends are in doubt"] if verdict.unknown else [])

    async def until(self, seconds, done):
        """Whether it came about in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if await done():
                return True
            await asyncio.sleep(0.25)
        return False

    async def _through(self):
        """Both are ready, and Caddy has seen it."""
        if not (self.telegram.webhook and all([await one.ready() for one in self.machine.replicas.values()])):
            return False
        client = wire.Client(self.machine.site_port)
        try:
            return (await client.call("GET", "/dashboard", timeout=2)).status == 401
        except wire.Broken:
            return False
        finally:
            client.close()

    async def _answered(self):
        """Those who ask in private have one answer each; groups are few and have theirs meanwhile."""
        if self.telegram.waiting():
            return False
        chats = {sent.chat for sent in self.telegram.sent}
        return all(asked.chat in chats for asked in self.load.private.values())

    async def close(self):
        self.telegram.stop()
        await self.machine.stop()


def quantile(values, share):
    """Of any numbers; not a number if there are none."""
    ordered = sorted(values)
    return ordered[int(len(ordered) * share)] if ordered else float("nan")


def parser(name, words):
    """The options that every measurement has."""
    options = argparse.ArgumentParser(prog=f"tests/replicas/{name}.py", description=words.split("\n\n")[0])
    binary = os.environ.get("GRYAG_BIN")
    options.add_argument("--binary", type=Path, default=binary, help="the bot; GRYAG_BIN by default")
    options.add_argument("--seed", type=int, default=1, help="of Telegram's random pauses (1)")
    options.add_argument("--keep", action="store_true", help="leave the directory with logs and data")
    return options


def run(name, rig, options):
    """Runs `rig(directory).run()`, which returns what was wrong, and prints that and its `figure()`; returns the exit
    code."""
    return asyncio.run(_run(name, rig, options))


async def _run(name, rig, options):
    directory = Path(tempfile.mkdtemp(prefix="gryag-"))
    rig = rig(directory)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    wrong = ["it did not come to its end"]
    try:
        wrong = await rig.run()
        print(f"figure | {name} | {rig.figure()}")
    finally:
        await rig.close()
        for problem in wrong:
            print(f"FAILED: {problem}")
        if options.keep or wrong:
            print(f"logs and data: {directory}")
        else:
            shutil.rmtree(directory)
    return 1 if wrong else 0


def parsed(parser):
    options = parser.parse_args()
    if not (options.binary and os.access(options.binary, os.X_OK)):
        parser.error("no binary: --binary or GRYAG_BIN must name one")
    options.binary = options.binary.resolve()
    return options
