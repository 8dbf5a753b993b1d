"""What deploy.sh does when things go wrong, with pretended replicas, so that each case takes a moment. Both ways share
that logic, so each case is played with both."""

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from pathlib import Path

import wire

from commands import Commands


class Pretended:
    """A replica that is ready after a restart if `good` says so of its number and what it runs now."""

    def __init__(self, port, up, good):
        self.port = port
        self.image = "gryag:old"
        self.binary = None
        self.up = up
        self.good = good
        self.history = []

    async def ready(self):
        return self.up

    async def restart(self):
        new = "new" in Path(self.binary).read_text()
        self.history.append("new" if new else "old")
        self.up = self.good(new)

    async def answer(self, _):
        return (200 if self.up else 503), "text/plain", b""


async def play(way, free_port, *, up=(True, True), good_a=lambda new: True, good_b=lambda new: True, version=True):
    """Returns deploy.sh's exit code, what each replica was restarted with, and its words."""
    directory = Path(tempfile.mkdtemp(prefix="gryag-"))
    old, new = _program(directory / "old-binary", "old"), _program(directory / "new-binary", "new", version)
    commands = Commands(directory, old)
    commands.replicas = {"a": Pretended(free_port(), up[0], good_a), "b": Pretended(free_port(), up[1], good_b)}
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, directory)
        for replica in commands.replicas.values():
            server = await wire.serve(replica.port, replica.answer)
            stack.callback(server.close)
        await commands.start()
        stack.callback(commands.stop)
        commands.images["gryag:new"] = new
        what = {"compose": "gryag:new", "systemd": new}[way]
        code, words = await commands.deploy(way, what, ready_seconds=1, pause_seconds=0)
        kept = (directory / "checkout/.env").read_text()
    return code, [replica.history for replica in commands.replicas.values()], words, kept


def _program(path, mark, works=True):
    path.write_text(f"#!/bin/sh\n# {mark}\necho 'gryag 0.0.0 ({mark})'\nexit {0 if works else 1}\n")
    path.chmod(0o755)
    return path


def only_old(new):
    return not new


#: What happens, and with what it shall end: the exit code and what a and b were restarted with.
CASES = {
    "all is well": ({}, 0, ["new"], ["new"]),
    "a does not become ready": ({"good_a": only_old}, 1, ["new", "old"], []),
    "b does not become ready": ({"good_b": only_old}, 1, ["new", "old"], ["new", "old"]),
    "b was down before": ({"up": (True, False)}, 0, ["new"], ["new"]),
    "b was down and stays down": ({"up": (True, False), "good_b": lambda new: False}, 2, [], ["new", "old"]),
    "not even the old one comes back": ({"good_b": lambda new: False}, 2, ["new"], ["new", "old"]),
    "the version does not run at all": ({"version": False}, 1, [], []),
    "both were down": ({"up": (False, False)}, 0, ["new"], ["new"]),
}


async def check(free_port):
    """What went otherwise than it should, in words."""
    # Side by side, but not all at once: each starts a handful of processes.
    slots = asyncio.Semaphore(4)
    cases = itertools.product(CASES, ("systemd", "compose"))
    found = await asyncio.gather(*(_case(slots, free_port, *case) for case in cases))
    return list(itertools.chain.from_iterable(found))


async def _case(slots, free_port, name, way):
    setting, code, a, b = CASES[name]
    async with slots:
        ended, history, words, kept = await play(way, free_port, **setting)
    wrong = []
    if (ended, history) != (code, [a, b]):
        wrong.append(f"{name} ({way}): ended with {ended} after {history}: {words[-400:]}")
    if way == "compose" and ("GRYAG_IMAGE=gryag:new" in kept) != (code == 0):
        wrong.append(f"{name}: .env holds {kept!r}")
    return wrong
