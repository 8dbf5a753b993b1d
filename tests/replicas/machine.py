"""The machine on which the bot runs: two replicas under a supervisor that does what systemd and Docker do, the real
Caddy, Prometheus and Alertmanager with the shipped configuration. Everything listens on loopback and ends with the
check."""

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import socket

import wire

from commands import ROOT, Commands
from telegram import ADMIN, TOKEN

#: As RestartSec in gryag@.service.
RESTART_SECONDS = 2
#: TimeoutStopSec and stop_grace_period.
STOP_SECONDS = 40
#: What Telegram sends along; no log may hold it.
SECRET = "replicas-secret-0123456789"


_ports = itertools.count(11000 + os.getpid() % 300 * 20)


def free_port():
    """A port below those that the system takes for outgoing connections."""
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def image_environment():
    """What the image sets; the systemd unit does likewise."""
    return dict(re.findall(r"^ENV (\w+)=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))


class Process:
    """A process with its log in a file."""

    def __init__(self, log):
        self.log = log
        self.running = None

    async def start(self, *command, env=None, cwd=None):
        with open(self.log, "ab") as log:
            self.running = await asyncio.create_subprocess_exec(
                *map(str, command), env=env, cwd=cwd, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def stop(self, number=signal.SIGTERM, within=STOP_SECONDS):
        """Returns whether it ended by itself."""
        if not self.running or self.running.returncode is not None:
            return True
        self.running.send_signal(number)
        try:
            await asyncio.wait_for(self.running.wait(), within)
        except TimeoutError:
            self.running.kill()
            await self.running.wait()
            return False
        return True


class Replica:
    """A replica and its supervisor, which starts it again when it ends unasked."""

    def __init__(self, name, machine):
        self.name = name
        self.port = free_port()
        self.machine = machine
        self.process = Process(machine.directory / f"gryag-{name}.log")
        self.binary = machine.commands.home / name / "gryag"
        self.image = "gryag:old"
        self.starts = 0
        self._wanted = False
        self._watch = None
        self._lock = asyncio.Lock()
        self._probe = wire.Client(self.port)

    async def restart(self):
        async with self._lock:
            await self._stop()
            await self._start()

    async def stop(self):
        """Asks it to end; returns whether it did, and well."""
        async with self._lock:
            ended = await self._stop()
            return ended and self.process.running is not None and self.process.running.returncode == 0

    async def start(self):
        async with self._lock:
            await self._start()

    def kill(self):
        """`kill -9`; the supervisor starts it again."""
        self.process.running.kill()

    async def kill_and_hold(self):
        """`kill -9`, and it stays down."""
        async with self._lock:
            self._wanted = False
            self._watch.cancel()
            await self.process.stop(signal.SIGKILL)

    async def ready(self):
        try:
            return (await self._probe.call("GET", "/readyz", timeout=2)).status == 200
        except wire.Broken:
            return False

    async def _stop(self):
        self._wanted = False
        if self._watch:
            self._watch.cancel()
        return await self.process.stop()

    async def _start(self):
        self._wanted = True
        await self._launch()
        self._watch = asyncio.create_task(self._supervise())

    async def _launch(self):
        self.starts += 1
        address = f"127.0.0.1:{self.port}"
        await self.process.start(
            *self.machine.through, self.binary, "serve", env={**self.machine.settings, "BOT_HTTP_ADDR": address}, cwd=self.machine.directory
        )

    async def _supervise(self):
        while self._wanted:
            await self.process.running.wait()
            await asyncio.sleep(RESTART_SECONDS)
            await self._launch()


class Machine:
    def __init__(self, directory, binary, settings):
        self.directory = directory
        self.data = directory / "data"
        self.binary = binary
        self.settings = settings
        #: What replicas and Caddy are started through, if anything.
        self.through = []
        self.commands = Commands(directory, binary)
        self.replicas = self.commands.replicas
        self.site_port = free_port()
        self.prometheus_port = free_port()
        self.alertmanager_port = free_port()
        self.caddy = Process(directory / "caddy.log")
        self.prometheus = Process(directory / "prometheus.log")
        self.alertmanager = Process(directory / "alertmanager.log")

    async def start(self, telegram_port, gemini_port, receiver_port=None):
        """Without a receiver of alarms there is no Prometheus and no Alertmanager."""
        for folder in ("data", "xdg", "prometheus-data", "alertmanager-data"):
            (self.directory / folder).mkdir(exist_ok=True)
        self.settings |= {
            **image_environment(),
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "GEMINI_API_KEY": "stand-in",
            "ADMIN_ID": str(ADMIN),
            "TELEGRAM_API_URL": f"http://127.0.0.1:{telegram_port}",
            "GEMINI_BASE_URL": f"http://127.0.0.1:{gemini_port}",
            "TELEGRAM_WEBHOOK_URL": f"http://127.0.0.1:{self.site_port}/telegram/webhook",
            "TELEGRAM_WEBHOOK_SECRET": SECRET,
            "BOT_DATA_DIR": str(self.data),
        }
        for name in ("a", "b"):
            self.replicas[name] = Replica(name, self)
        await self.commands.start()
        for replica in self.replicas.values():
            await replica.start()
        await self._start_caddy()
        if receiver_port:
            await self._start_monitoring(telegram_port, receiver_port)

    async def _start_caddy(self):
        upstreams = " ".join(f"127.0.0.1:{replica.port}" for replica in self.replicas.values())
        await self.caddy.start(
            *self.through,
            "caddy",
            "run",
            "--config",
            ROOT / "Caddyfile",
            "--adapter",
            "caddyfile",
            env=self.caddy_settings(f"http://:{self.site_port}", upstreams),
        )

    def caddy_settings(self, site, upstreams):
        return {
            **os.environ,
            "GRYAG_SITE": site,
            "GRYAG_UPSTREAMS": upstreams,
            "GRYAG_TELEGRAM_RANGES": "127.0.0.1/32",
            "GRYAG_HTTP_PORT": str(free_port()),
            "GRYAG_HTTPS_PORT": str(free_port()),
            "GRYAG_CADDY_ADMIN": f"127.0.0.1:{free_port()}",
            "XDG_DATA_HOME": str(self.directory / "xdg"),
            "XDG_CONFIG_HOME": str(self.directory / "xdg"),
            "HOME": str(self.directory / "xdg"),
        }

    async def _start_monitoring(self, telegram_port, receiver_port):
        """The shipped files as they are, but for the addresses in the target files."""
        shutil.copy(ROOT / "prometheus.yml", self.directory)
        shutil.copytree(ROOT / "deploy" / "prometheus", self.directory / "deploy" / "prometheus")
        targets = {
            "gryag": [
                {"targets": [f"127.0.0.1:{replica.port}"], "labels": {"instance": f"gryag-{name}"}}
                for name, replica in self.replicas.items()
            ],
            "alertmanager": [{"targets": [f"127.0.0.1:{self.alertmanager_port}"]}],
            "prometheus": [{"targets": [f"127.0.0.1:{self.prometheus_port}"]}],
        }
        for name, groups in targets.items():
            # YAML is a superset of JSON.
            (self.directory / "deploy/prometheus/targets" / f"{name}.yml").write_text(json.dumps(groups))
        await self.prometheus.start(
            "prometheus",
            f"--config.file={self.directory}/prometheus.yml",
            "--log.level=warn",
            f"--storage.tsdb.path={self.directory}/prometheus-data",
            f"--web.listen-address=127.0.0.1:{self.prometheus_port}",
        )
        program = shutil.which("prometheus-alertmanager") or "alertmanager"
        await self.alertmanager.start(
            ROOT / "deploy/alertmanager.sh",
            ROOT / "deploy/alertmanager.yml",
            self.directory,
            program,
            "--log.level=warn",
            f"--storage.path={self.directory}/alertmanager-data",
            "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{self.alertmanager_port}",
            env={
                **os.environ,
                "TELEGRAM_BOT_TOKEN": TOKEN,
                "ADMIN_ID": f"{ADMIN},78",
                "TELEGRAM_API_URL": f"http://127.0.0.1:{telegram_port}",
                "GRYAG_ALERT_WEBHOOK_URL": f"http://127.0.0.1:{receiver_port}/alarm?a=1&b=2",
            },
        )

    async def stop(self):
        """Ends everything; returns whether both replicas ended well."""
        replicas = await asyncio.gather(*(replica.stop() for replica in self.replicas.values()))
        await asyncio.gather(*(process.stop(within=15) for process in (self.caddy, self.prometheus, self.alertmanager)))
        self.commands.stop()
        return all(replicas)
