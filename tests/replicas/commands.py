"""deploy.sh with the commands `systemctl` and `docker` that it calls: command.py hands their words over, and they are
done to replicas (those of machine.py, or the pretended ones of deploying.py) as systemd and Docker would."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Commands:
    def __init__(self, directory, binary):
        self.directory = directory
        self.home = directory / "opt"
        self.binary = binary
        #: By name. Each has `port`, `image`, `binary`, `ready()` and `restart()`.
        self.replicas = {}
        self.images = {"gryag:old": binary}
        #: What was called with words that nobody here knows.
        self.unknown = []
        self._control = None

    async def start(self):
        """Lays out what an installation has. The replicas must be known, not running."""
        release = self.home / "releases" / "first"
        for folder in ("etc", "stubs", "checkout/deploy"):
            (self.directory / folder).mkdir(parents=True)
        release.mkdir(parents=True)
        shutil.copy(self.binary, release / "gryag")
        for name, replica in self.replicas.items():
            (self.home / name).symlink_to(release)
            (self.directory / "etc" / f"{name}.env").write_text(f"BOT_HTTP_ADDR=127.0.0.1:{replica.port}\n")
        for command in ("systemctl", "docker"):
            (self.directory / "stubs" / command).symlink_to(Path(__file__).parent / "command.py")
        # In a place of its own, for with compose it writes the image's name into .env.
        shutil.copy(ROOT / "deploy/deploy.sh", self.directory / "checkout" / "deploy")
        (self.directory / "checkout" / ".env").write_text("GRYAG_SITE=bot.test\n")
        self._control = await asyncio.start_unix_server(self._command, self.directory / "control")

    def stop(self):
        if self._control:
            self._control.close()

    async def deploy(self, *arguments, ready_seconds=30, pause_seconds=2):
        """Runs the shipped deploy.sh; returns its exit code and words."""
        process = await asyncio.create_subprocess_exec(
            self.directory / "checkout/deploy/deploy.sh",
            *map(str, arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={
                **os.environ,
                "PATH": f"{self.directory}/stubs:{os.environ['PATH']}",
                "GRYAG_HOME": str(self.home),
                "GRYAG_ETC": str(self.directory / "etc"),
                "GRYAG_CHECK_SOCKET": str(self.directory / "control"),
                "READY_SECONDS": str(ready_seconds),
                "PAUSE_SECONDS": str(pause_seconds),
            },
        )
        words, _ = await asyncio.wait_for(process.communicate(), 300)
        return process.returncode, words.decode()

    async def _command(self, reader, writer):
        asked = json.loads(await reader.readline())
        words = asked["words"]
        if asked["name"] == "systemctl":
            answer = await self._systemctl(words)
        else:
            answer = await self._docker(words, asked["image"])
        if answer is None:
            self.unknown.append([asked["name"], *words])
            print(f"deploy.sh made a call that the check does not know: {self.unknown[-1]}", file=sys.stderr)
            answer = (125, "")
        writer.write(json.dumps({"code": answer[0], "output": answer[1]}).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def _systemctl(self, words):
        match words:
            case ["restart", unit]:
                name = unit.removeprefix("gryag@")
                self.replicas[name].binary = self.home / name / "gryag"
                await self.replicas[name].restart()
                return 0, ""

    async def _docker(self, words, image):
        match words:
            case ["compose", "-f", _, *rest]:
                return await self._compose(rest, image)
            case ["image", "inspect", name]:
                return (0, "") if name in self.images else (1, "")
            case ["pull", _]:
                return 1, "there is no registry here"
            case ["run", *_, name, "--version"]:
                binary = self.images[name]
                process = await asyncio.create_subprocess_exec(binary, "--version", stdout=asyncio.subprocess.PIPE)
                words, _ = await process.communicate()
                return process.returncode, words.decode()
            case ["inspect", "--format", "{{.Image}}", container]:
                return 0, self.replicas[container.removeprefix("container-")].image
            case ["tag", name, new]:
                self.images[new] = self.images[name]
                return 0, ""

    async def _compose(self, words, image):
        match words:
            case ["ps", "--all", "--quiet", service]:
                return 0, service.replace("gryag-", "container-")
            case ["up", "--detach", "--no-deps", "--no-build", "--force-recreate", service]:
                replica = self.replicas[service.removeprefix("gryag-")]
                replica.image, replica.binary = image, self.images[image]
                await replica.restart()
                return 0, ""
            case ["exec", "-T", service, "gryag", "health"]:
                return (0, "ready") if await self.replicas[service.removeprefix("gryag-")].ready() else (1, "not ready")
