"""Two replicas behind the real Caddy under a steady load for long: how fast they answer, and whether their memory grows.
With --held, all three together get 1 CPU and 256 MB, as a small server gives them. deploy/torture.sh calls this.

Prints what it finds wrong, and one line `figure | …`."""

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

import oracle
import rig
from cgroup import Cgroup, NotHere
from rig import Rig, quantile

CPUS = 1.0
HELD_MB = 256
#: What a replica may take, and by how much it may grow in an hour.
REPLICA_MB = 80
SLOPE_MB = 1.0
#: From the acknowledgement to the send, without the model's time (p99).
OWN_MS = 250
#: Shorter runs do not tell a slope.
SLOPE_MINUTES = 15
LOOK_SECONDS = 5


class Memory:
    """What a process takes, over time."""

    def __init__(self, warm_up_hours):
        self.warm_up_hours = warm_up_hours
        #: Hours since the start, MB.
        self.seen = []

    def look(self, pid, hours):
        # Of one that is being started again there is nothing to see.
        with contextlib.suppress(OSError, StopIteration):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
            self.seen.append((hours, kilobytes * 1024 / 1e6))

    def most(self):
        return max(mb for _, mb in self.seen)

    def slope(self):
        """MB an hour, by least squares."""
        warm = self._warm()
        hours = sum(at for at, _ in warm) / len(warm)
        mean = sum(mb for _, mb in warm) / len(warm)
        spread = sum((at - hours) ** 2 for at, _ in warm)
        return sum((at - hours) * (mb - mean) for at, mb in warm) / spread if spread else 0.0

    def _warm(self):
        return [seen for seen in self.seen if seen[0] >= self.warm_up_hours]

    def tell(self):
        """Also the mean of each quarter of the time: it tells a slope from a step."""
        warm = [mb for _, mb in self._warm()]
        ends = [len(warm) * quarter // 4 for quarter in range(5)]
        parts = [warm[begin:end] for begin, end in zip(ends, ends[1:])]
        means = " -> ".join(f"{sum(part) / len(part):.1f}" for part in parts if part)
        return f"{means} MB, at most {self.most():.1f}, {self.slope():+.2f} MB an hour"


class Endurance(Rig):
    def __init__(self, options, directory, group):
        super().__init__(options, directory)
        self.group = group
        self.machine.through = group.through() if group else []
        self.memory = {name: Memory(options.warm_up / 60) for name in ("a", "b", "caddy")}
        self.own = []

    async def run(self):
        """Returns what was wrong."""
        await self.start()
        self.load.start()
        begun = time.monotonic()
        while time.monotonic() - begun < (self.options.warm_up + self.options.minutes) * 60:
            await asyncio.sleep(LOOK_SECONDS)
            self._look((time.monotonic() - begun) / 3600)
        wrong = await self.end()
        if self.group and self.group.killed():
            wrong.append(f"{self.group.killed()} processes were killed for want of memory")
        self.own = list(self._own_ms())
        # Of a machine that others use too, nothing is promised.
        if self.group and not quantile(self.own, 0.99) <= self.options.own_ms:
            wrong.append(f"our own share of an answer is {quantile(self.own, 0.99):.0f} ms (p99)")
        for name in ("a", "b"):
            memory = self.memory[name]
            if memory.most() > REPLICA_MB:
                wrong.append(f"replica {name} takes {memory.most():.1f} MB")
            if self.options.minutes >= SLOPE_MINUTES and memory.slope() > SLOPE_MB:
                wrong.append(f"replica {name} grows by {memory.slope():.2f} MB an hour")
        return wrong

    def figure(self):
        held = ""
        if self.group:
            held = (
                f"held to {CPUS:g} CPU and {HELD_MB} MB (at most {self.group.peak_mb():.0f} MB with cached files, waited "
                f"for its CPU in {self.group.throttled():.1%} of the periods), "
            )
        took = [seconds * 1000 for seconds in self.telegram.took]
        memory = "; ".join(f"{name} {memory.tell()}" for name, memory in self.memory.items())
        return (
            f"{self.options.minutes:g} min (after {self.options.warm_up:g}) at {self.options.rate}/s, {held}{self.load.said} said, "
            f"{len(self.telegram.sent)} answers, {len(self.telegram.failed)} failed, acknowledged in "
            f"{quantile(took, 0.5):.1f} ms (p50), {quantile(took, 0.99):.1f} ms (p99), own share of an answer "
            f"{quantile(self.own, 0.5):.1f} ms (p50), {quantile(self.own, 0.99):.1f} ms (p99), memory: {memory}"
        )

    def _own_ms(self):
        """From the acknowledgement to the send, less the model's time. Of private chats only: in a group, Telegram's
        limits may make an answer wait."""
        for sent in self.telegram.sent:
            for mark in oracle.MARK.findall(sent.text) if sent.chat > 0 else []:
                update = int(mark)
                if update in self.load.private and update in self.gemini.thought:
                    own = sent.at - self.telegram.acknowledged_at[update] - self.gemini.thought[update]
                    yield own * 1000

    def _look(self, hours):
        for name, replica in self.machine.replicas.items():
            self.memory[name].look(replica.process.running.pid, hours)
        self.memory["caddy"].look(self.machine.caddy.running.pid, hours)


def main():
    parser = rig.parser("endure", __doc__)
    parser.add_argument("--rate", type=int, default=20, help="updates a second (20)")
    parser.add_argument("--minutes", type=float, default=10, help="(10)")
    parser.add_argument("--warm-up", type=float, default=1, help="minutes before, in which caches fill (1)")
    parser.add_argument("--own-ms", type=float, default=OWN_MS, help=f"our own share of an answer, p99 ({OWN_MS})")
    parser.add_argument("--held", action="store_true", help=f"to {CPUS:g} CPU and {HELD_MB} MB in all; needs root")
    options = rig.parsed(parser)
    try:
        group = Cgroup(f"gryag-endure-{os.getpid()}", CPUS, HELD_MB) if options.held else None
    except NotHere as why:
        print(f"skipped: {why}")
        return 0
    try:
        return rig.run("endurance", lambda directory: Endurance(options, directory, group), options)
    finally:
        if group:
            group.remove()


if __name__ == "__main__":
    sys.exit(main())
