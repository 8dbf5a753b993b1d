"""The image's files without an engine that could build it: what the Dockerfile's last stage puts together is laid into
a directory, made read-only, and the bot runs in there as the image's user, with only /data and /tmp to write to."""

import asyncio
import os
import re
import shutil
import signal
from pathlib import Path

import wire
from machine import free_port
from shipped import Skipped

#: `nonroot` of the distroless images.
USER = 65532
#: The shared libraries that gcr.io/distroless/cc-debian12 has, of those that a Rust program may want.
LIBRARIES = {
    *("libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1"),
    *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"),
}
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
#: Mounts made here are seen by nobody else and go with the process.
ENTER = f"""
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount --bind "$2" "$1/data"
mount -t tmpfs -o size=8m,mode=1777 none "$1/tmp"
mount -t proc proc "$1/proc"
exec chroot --userspec={USER}:{USER} --groups={USER} "$1" /usr/local/bin/gryag "$3"
"""


async def check(directory, binary, settings):
    """What is wrong, in words; and what was seen."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        raise Skipped("only root can make a directory the root")
    root, data = directory / "image", directory / "image-data"
    libraries = await _libraries(binary)
    strange = sorted(name for name in libraries if name not in LIBRARIES)
    wrong = [f"it wants {name}, which the base image does not have" for name in strange]
    _lay_out(root, data, binary, libraries.values())
    port = free_port()
    environment = {**settings, "BOT_DATA_DIR": "/data", "BOT_HTTP_ADDR": f"127.0.0.1:{port}", "BOT_DRAIN_SECONDS": "0"}
    environment.pop("TELEGRAM_WEBHOOK_URL")
    bot = await _enter(root, data, environment, "serve")
    try:
        if not await _ready(port):
            words = await _words(bot)
            if "unshare" in words or "mount:" in words:
                raise Skipped(f"mounting is not allowed here: {words.strip()}")
            return [*wrong, f"it is not ready: {words}"], ""
        health = await _enter(root, data, environment, "health")
        if await asyncio.wait_for(health.wait(), 10) != 0:
            wrong.append(f"`gryag health` fails: {await _words(health)}")
        owner = (data / "gryag.db").stat().st_uid
        if owner != USER:
            wrong.append(f"the database belongs to {owner}")
    finally:
        if bot.returncode is None:
            bot.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(bot.wait(), 40)
    if code != 0:
        wrong.append(f"it ended with {code}")
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return (
        wrong,
        f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.0f} MB besides the base's own",
    )


async def _libraries(binary):
    """By name, with their places here."""
    process = await asyncio.create_subprocess_exec("ldd", binary, stdout=asyncio.subprocess.PIPE)
    words, _ = await process.communicate()
    places = re.findall(r"(/\S+) \(0x", words.decode())
    return {Path(place).name: Path(place) for place in places}


def _lay_out(root, data, binary, libraries):
    for folder in ("usr/local/bin", "etc/ssl/certs", "data", "tmp", "proc"):
        (root / folder).mkdir(parents=True)
    shutil.copy(binary, root / "usr/local/bin/gryag")
    for library in libraries:
        place = root / library.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, place)
    if CERTIFICATES.exists():
        shutil.copy(CERTIFICATES, root / "etc/ssl/certs")
    (root / "etc/passwd").write_text(f"nonroot:x:{USER}:{USER}:nonroot:/home/nonroot:/sbin/nologin\n")
    data.mkdir()
    os.chown(data, USER, USER)
    # What leads there must be passable for that user.
    for folder in (root.parent, root, data):
        folder.chmod(0o755)


async def _enter(root, data, environment, command):
    return await asyncio.create_subprocess_exec(
        "unshare",
        "--mount",
        "sh",
        "-c",
        ENTER,
        "sh",
        root,
        data,
        command,
        env={**environment, "PATH": os.environ["PATH"]},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=root,
    )


async def _ready(port):
    client = wire.Client(port)
    for _ in range(40):
        try:
            if (await client.call("GET", "/readyz", timeout=2)).status == 200:
                return True
        except wire.Broken:
            pass
        await asyncio.sleep(0.25)
    return False


async def _words(process):
    if process.returncode is None:
        process.kill()
    return (await process.stderr.read()).decode()[-600:]
