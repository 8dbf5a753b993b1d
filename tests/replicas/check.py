"""Two replicas on one data directory behind the real Caddy, with the real Prometheus and Alertmanager, all of them
with the shipped configuration, under load from a Telegram that repeats like the real one. deploy/check_replicas.sh
calls this.

Each check is a line, `ok` or `FAILED`, with what was seen; the last line counts them."""

import argparse
import asyncio
import json
import math
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import deploying
import image
import migrating
import oracle
import outside
import shipped
import wire
from load import Load
from machine import SECRET, Machine, free_port

from gemini import Gemini
from telegram import ADMIN, TOKEN, Telegram

#: Where the settings of the check differ from those of a new installation: everybody is served, money is no object, and
#: it says nothing unasked. Rates, leases, drain and deadlines are the shipped ones.
SETTINGS = {
    "BOT_ACCESS": "open",
    "BOT_AUTONOMOUS_MODE": "false",
    "BOT_REACTION_CHANCE": "0",
    "BOT_SPAM_THRESHOLD": "0",
    "BOT_MIN_FREE_DISK_MB": "0",
    "RUST_LOG": "info",
    **{f"BOT_BUDGET_USD_PER_{of}": "0" for of in ("DAY", "CHAT", "USER", "GUEST")},
}

#: `scrape_interval` of prometheus.yml.
SCRAPE_SECONDS = 15
#: What Prometheus knows of the replicas, among much else.
SCRAPED = ("sum(gryag_updates_total)", 'sum(gryag_sends_total{outcome="sent"})', "count(gryag_build_info)")


class Check:
    """One run: the world, the machine, and the tally."""

    def __init__(self, options, directory):
        self.options = options
        self.directory = directory
        self.passed = self.failed = self.skipped = 0
        self.telegram = Telegram(options.seed)
        self.gemini = Gemini()
        self.machine = Machine(directory, options.binary, dict(SETTINGS))
        self.load = Load(self.telegram, options.rate)
        self.alarms = []
        self.begun = time.monotonic()

    def judge(self, name, wrong, seen=""):
        """Notes the outcome of a check: `wrong` is empty if it held."""
        word = "FAILED" if wrong else "ok"
        print(f"{time.monotonic() - self.begun:6.1f} s  {word:6} {name}{': ' + seen if seen else ''}", flush=True)
        for problem in wrong[:12]:
            print(f"                   {problem}", flush=True)
        if len(wrong) > 12:
            print(f"                   … and {len(wrong) - 12} more", flush=True)
        if wrong:
            self.failed += 1
        else:
            self.passed += 1

    def skip(self, name, why):
        self.skipped += 1
        print(f"{time.monotonic() - self.begun:6.1f} s  skipped {name}: {why}", flush=True)

    async def files(self):
        for name, check in shipped.CHECKS.items():
            try:
                self.judge(name, await check())
            except shipped.Skipped as why:
                self.skip(name, why)

    async def run(self):
        self.judge("deploy.sh stops at the first failure and puts back", await deploying.check(free_port))
        await self.start()
        stalled = asyncio.create_task(outside.stalled(self.telegram, self.machine.site_port, self.options.stalls))
        certificate = asyncio.create_task(outside.with_a_certificate(self.machine))
        self.judge("what is not meant for the world is 404", await outside.hidden(self.machine.site_port))
        self.judge("with a certificate, another host gets nothing", await certificate)
        await self.image()
        await self.put_a_dead_letter()
        self.load.start()
        await self.steady()
        self.stalls = await stalled
        for number in range(self.options.restarts):
            await self.rolling_deploy(number)
        await self.bad_deploy()
        if self.options.next_binary:
            await migrating.check(self, self.options.binary, self.options.next_binary)
        else:
            self.skip("a deploy across a migration", "--next-binary names no program with a migration more")
        await self.kill_one()
        await self.both_down()
        await self.load.stop()
        await self.rest()
        await self.monitoring()
        ended_well = await self.machine.stop()
        self.judge("both replicas end well", [] if ended_well else ["one was killed, or ended with an error"])
        self.final()

    # --- the parts

    async def start(self):
        ports = [free_port() for _ in range(3)]
        self.servers = [
            await self.telegram.start(ports[0]),
            await self.gemini.start(ports[1]),
            await wire.serve(ports[2], self._receive),
        ]
        await self.machine.start(*ports)
        await self.until("the replicas are ready and the webhook is registered", 30, self._up)
        await self.until("Caddy lets updates through", 10, self._through)

    async def image(self):
        name = "the image's files are enough, with a read-only root and without rights"
        try:
            self.judge(name, *await image.check(self.directory, self.options.binary, self.machine.settings))
        except shipped.Skipped as why:
            self.skip(name, why)

    async def put_a_dead_letter(self):
        """For the alarm: a body that cannot be read is taken in all the same."""
        client = wire.Client(self.machine.site_port)
        response = await client.call(
            "POST", "/telegram/webhook", {"X-Telegram-Bot-Api-Secret-Token": SECRET}, b"no JSON"
        )
        client.close()
        self.judge("an unreadable update is 200", [] if response.status == 200 else [f"it is {response.status}"])

    async def steady(self):
        mark = self._mark()
        await asyncio.sleep(self.options.steady)
        self._no_failure("steady load", mark)

    async def rolling_deploy(self, number):
        """By systemd's way and by Docker's, in turn."""
        mark, before = self._mark(), self._starts()
        if number % 2 == 0:
            code, words = await self.machine.commands.deploy("systemd", self.options.binary)
        else:
            self.machine.commands.images["gryag:new"] = self.options.binary
            code, words = await self.machine.commands.deploy("compose", "gryag:new")
        wrong = [] if code == 0 else [f"deploy.sh ended with {code}", *words.splitlines()[-8:]]
        if [after - start for after, start in zip(self._starts(), before, strict=True)] != [1, 1]:
            wrong.append("not each replica was started once")
        self._no_failure(f"rolling restart {number + 1} ({'compose' if number % 2 else 'systemd'})", mark, wrong)

    async def bad_deploy(self):
        """A version that does not start: the deploy stops at the first replica and puts it back; nobody notices."""
        bad = self.directory / "bad"
        bad.write_text('#!/bin/sh\n[ "$1" = --version ] && { echo "gryag 9.9.9"; exit 0; }\nexit 1\n')
        bad.chmod(0o755)
        mark, before = self._mark(), self._starts()
        code, words = await self.machine.commands.deploy("systemd", bad, ready_seconds=4)
        wrong = [] if code == 1 else [f"deploy.sh ended with {code}, not 1", *words.splitlines()[-8:]]
        if self._starts()[1] != before[1]:
            wrong.append("the other replica was restarted too")
        if not all([await replica.ready() for replica in self.machine.replicas.values()]):
            wrong.append("not both are ready afterwards")
        self._no_failure("a deploy of what does not start", mark, wrong)

    async def kill_one(self):
        """Only what is in flight may fail, and what Caddy sends to the dead replica before it sees that: a second at
        most."""
        mark, in_flight = self._mark(), self.telegram.in_flight
        self.machine.replicas["a"].kill()
        await asyncio.sleep(6)
        failed = self.telegram.failed[mark[0] :]
        last = max((failure.at for failure in failed), default=0) - (failed[0].at if failed else 0)
        wrong = [f"{len(failed)} failed, but {in_flight} were in flight"] if len(failed) > in_flight + 5 else []
        if last > 1:
            wrong.append(f"requests failed for {last:.1f} s")
        self.judge("kill -9 of one", wrong, f"{in_flight} in flight, {len(failed)} failed within {last * 1000:.0f} ms")

    async def both_down(self):
        """For longer than Caddy and Telegram are patient; then all is delivered and answered."""
        replicas = self.machine.replicas.values()
        await asyncio.gather(*(replica.kill_and_hold() for replica in replicas))
        await asyncio.sleep(self.options.down)
        waiting, begun = self.telegram.waiting(), time.monotonic()
        await asyncio.gather(*(replica.start() for replica in replicas))
        # The longest pause that Telegram makes is of the length of the outage and some.
        caught_up = await self.until("Telegram has delivered what waited", 45 + 2 * self.options.down, self._caught_up)
        took = time.monotonic() - begun
        seen = f"{self.options.down} s, {waiting} updates waited at Telegram, delivered {took:.1f} s after the start"
        self.judge("both down", [] if caught_up else [f"{self.telegram.waiting()} wait still"], seen)

    async def rest(self):
        begun = time.monotonic()
        limit = 60 + self.options.down
        rested = await self.until("everything comes to rest", limit, self._rested)
        wrong = [] if rested else [f"{self.telegram.waiting()} updates wait at Telegram; {await self._depths()}"]
        self.judge("all comes to rest", wrong, f"{time.monotonic() - begun:.1f} s after the load's end")

    async def monitoring(self):
        # What Prometheus knows of a replica is up to a `scrape_interval` old, from before its last start perhaps.
        await self.until("Prometheus has scraped both since their last start", 3 * SCRAPE_SECONDS, self._scraped)
        self.judge("Prometheus scrapes both replicas", await self._unscraped())
        await self.until("the alarm arrives", 90, self._alarmed)
        told, got = self._told(), self._got()
        wrong = [] if told else ["it did not arrive in Telegram"]
        wrong += [] if got else ["it did not arrive at the webhook"]
        wrong += [
            f"there is no link to the runbook: {text}" for text in told[:1] if "runbook.md#gryagdeadletters" not in text
        ]
        self.judge("an alarm arrives in Telegram and at the webhook", wrong)

    def final(self):
        """After the end of both replicas."""
        if self.options.next_binary:
            self.judge("the migration was applied", migrating.migrated(self.machine.data, self.directory))
        verdict = oracle.judge(self.machine.data, self.directory, self.telegram, self.load)
        load, acknowledged = self.load, len(self.telegram.acknowledged)
        spoke = len(load.private) + len(load.groups)
        seen = (
            f"{load.said} said, {acknowledged} acknowledged, {self.telegram.repeated} repeated, {spoke} spoke to the "
            f"bot, {self.gemini.calls} calls of the model, {len(self.telegram.sent)} sends, {verdict.unknown} in doubt"
        )
        missing = [] if acknowledged == load.said else [f"{load.said - acknowledged} were never acknowledged"]
        self.judge("nothing is lost", missing + verdict.lost, seen)
        self.judge("nothing is said twice", verdict.twice)
        most = 2 * self.options.rate // 10
        self.judge(
            "in doubt are only sends that a kill has cut", [f"{verdict.unknown}"] if verdict.unknown > most else []
        )
        self._judge_stalls(verdict.rows)
        logs = [path for path in self.directory.glob("*.log") if self._leaks(path)]
        self.judge("no log holds a secret", [f"{path.name} does" for path in logs])

    def _judge_stalls(self, rows):
        wrong = []
        for update, (pause, kind, status) in self.stalls.items():
            if 200 <= status < 300 and update not in rows:
                wrong.append(f"a body that stalled for {pause} s ({kind}) was answered {status} and has no row")
        seen = ", ".join(f"{pause} s {kind}: {status or 'cut'}" for pause, kind, status in self.stalls.values())
        if not any(status == 200 for _, _, status in self.stalls.values()):
            wrong.append("not even a short pause was taken in, so nothing was tested")
        self.judge("stalled bodies never yield a 2xx without a row", wrong, seen)

    # --- looking

    def _mark(self):
        return len(self.telegram.failed), len(self.telegram.took)

    def _starts(self):
        return [replica.starts for replica in self.machine.replicas.values()]

    def _no_failure(self, name, mark, wrong=()):
        failed, took = self.telegram.failed[mark[0] :], sorted(self.telegram.took[mark[1] :])
        problems = [f"update {failure.update}: {failure.status or 'broken'} {failure.detail}" for failure in failed]
        p50, p99 = (took[int(len(took) * share)] * 1000 for share in (0.5, 0.99))
        seen = (
            f"{len(failed)} failed of {len(took) + len(failed)}, acknowledged in {p50:.0f} ms (p50), {p99:.0f} ms (p99)"
        )
        self.judge(name, [*wrong, *problems], seen)

    async def until(self, what, seconds, done):
        """Whether it came about in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if await done():
                return True
            await asyncio.sleep(0.25)
        print(f"                   not within {seconds} s: {what}", flush=True)
        return False

    async def _up(self):
        return self.telegram.webhook and all([await replica.ready() for replica in self.machine.replicas.values()])

    async def _through(self):
        client = wire.Client(self.machine.site_port)
        try:
            return "x-request-id" in (await client.call("GET", "/dashboard", timeout=2)).headers
        except wire.Broken:
            return False
        finally:
            client.close()

    async def _caught_up(self):
        # The load goes on meanwhile: what has just been said may be under way.
        return self.telegram.waiting() <= math.ceil(self.options.rate / 10)

    async def _depths(self):
        client = wire.Client(self.machine.replicas["a"].port)
        try:
            text = (await client.call("GET", "/metrics")).body.decode()
        except wire.Broken:
            return None
        finally:
            client.close()
        gauges = ("gryag_inbox_depth", "gryag_outbox_depth")
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(gauges)]
        return {name: float(value) for name, value in lines if 'state="dead"' not in name}

    async def _rested(self):
        if self.telegram.waiting():
            return False
        for _ in range(2):
            # The gauges are read every two seconds.
            if any((await self._depths() or {"": 1}).values()):
                return False
            await asyncio.sleep(2.5)
        return True

    async def _query(self, expression):
        client = wire.Client(self.machine.prometheus_port)
        path = "/api/v1/query?query=" + "".join(f"%{byte:02X}" for byte in expression.encode())
        try:
            return json.loads((await client.call("GET", path)).body)["data"]["result"]
        except wire.Broken:
            return []
        finally:
            client.close()

    async def _unscraped(self):
        """What Prometheus lacks, in words."""
        up = {result["metric"]["instance"]: result["value"][1] for result in await self._query('up{job="gryag"}')}
        wrong = [] if up == {"gryag-a": "1", "gryag-b": "1"} else [f"Prometheus sees {up}"]
        return wrong + [f"Prometheus has no {expression}" for expression in SCRAPED if not await self._query(expression)]

    async def _scraped(self):
        return not await self._unscraped()

    def _told(self):
        return [sent.text for sent in self.telegram.sent if sent.chat == ADMIN and "put aside" in sent.text]

    def _got(self):
        alerts = (alert for alarm in self.alarms for alert in alarm["alerts"])
        return [alert for alert in alerts if alert["labels"]["alertname"] == "GryagDeadLetters"]

    async def _alarmed(self):
        return self._told() and self._got()

    async def _receive(self, request):
        self.alarms.append(json.loads(request.body))
        return 200, "text/plain", b""

    @staticmethod
    def _leaks(path):
        text = path.read_bytes()
        return SECRET.encode() in text or TOKEN.encode() in text


def arguments():
    parser = argparse.ArgumentParser(prog="deploy/check_replicas.sh", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--binary", type=Path, default=os.environ.get("GRYAG_BIN"), help="the bot; GRYAG_BIN by default"
    )
    parser.add_argument(
        "--next-binary",
        type=Path,
        default=os.environ.get("GRYAG_NEXT_BIN"),
        help="one with a migration more, as next_version.sh builds it; GRYAG_NEXT_BIN by default",
    )
    parser.add_argument("--rate", type=int, default=200, help="updates a second (200)")
    parser.add_argument(
        "--restarts", type=int, default=2, help="rolling restarts, by systemd's and compose's way in turn (2)"
    )
    parser.add_argument("--down", type=int, default=10, help="seconds for which both replicas are down (10)")
    parser.add_argument("--steady", type=int, default=5, help="seconds of load before anything happens (5)")
    parser.add_argument(
        "--stalls",
        type=lambda words: [float(word) for word in words.split(",")],
        default=[2, 17],
        help="seconds for which bodies stall (2,17)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of Telegram's random pauses (1)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--files-only", action="store_true", help="only look at the shipped files")
    what.add_argument("--no-files", action="store_true", help="do not look at them")
    parser.add_argument("--keep", action="store_true", help="leave the directory with logs and data")
    options = parser.parse_args()
    if not options.files_only and not (options.binary and os.access(options.binary, os.X_OK)):
        parser.error("no binary: --binary or GRYAG_BIN must name one")
    if options.binary:
        options.binary = options.binary.resolve()
    if options.next_binary:
        options.next_binary = options.next_binary.resolve()
    return options


async def main():
    options = arguments()
    directory = Path(tempfile.mkdtemp(prefix="gryag-"))
    check = Check(options, directory)
    # Whoever ends the check (a CI's time limit) shall not leave replicas behind.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    try:
        if not options.no_files:
            await check.files()
        if not options.files_only:
            await check.run()
    except asyncio.CancelledError:
        check.judge("the check itself", ["it was told to stop"])
    except Exception as error:  # noqa: BLE001 - whatever it was, the machine must be stopped and the tally told
        check.judge("the check itself", [f"{type(error).__name__}: {error}"])
        if os.environ.get("GRYAG_CHECK_TRACE"):
            raise
    finally:
        check.telegram.stop()
        await check.machine.stop()
        if options.keep or check.failed:
            print(f"logs and data: {directory}")
        else:
            shutil.rmtree(directory)
    skipped = f", {check.skipped} skipped" if check.skipped else ""
    print(f"{check.passed} passed, {check.failed} failed{skipped}")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
