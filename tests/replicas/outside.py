"""What the world may do to Caddy: stalled bodies, paths that are not for it, other hosts, other addresses."""

import asyncio
import itertools
import json
import ssl

import load
import wire
from machine import SECRET, Process

from commands import ROOT

PATHS = ["/", "/metrics", "/livez", "/readyz", "/admin", "/config/", "/.env", "/dashboardish"]
PATHS += ["/telegram", "/telegram/webhook", "/telegram/webhook/x"]
HIDDEN = [("GET", path) for path in PATHS] + [("POST", "/"), ("POST", "/metrics"), ("PUT", "/telegram/webhook")]


async def hidden(site_port):
    """What answers anything but 404, in words."""
    wrong = []
    client = wire.Client(site_port)
    for method, path in HIDDEN:
        status = (await client.call(method, path)).status
        if status != 404:
            wrong.append(f"{method} {path} answers {status}")
    # From an address that is not Telegram's, whatever it claims.
    stranger = wire.Client(site_port, source="127.0.0.2")
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET, "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"}
    status = (await stranger.call("POST", "/telegram/webhook", headers, b"{}")).status
    if status != 404:
        wrong.append(f"the webhook answers a stranger {status}")
    headers = {"X-Telegram-Bot-Api-Secret-Token": "wrong"}
    status = (await client.call("POST", "/telegram/webhook", headers, b"{}")).status
    if status != 401:
        wrong.append(f"the webhook answers a wrong secret {status}")
    # The dashboard is let through: only the replica gives requests an id.
    if "x-request-id" not in (await client.call("GET", "/dashboard")).headers:
        wrong.append("the dashboard is not let through")
    client.close()
    stranger.close()
    return wrong


async def with_a_certificate(machine):
    """The same Caddyfile with HTTPS, as it is for the world: another host than the certificate's gets nothing."""
    settings = machine.caddy_settings("localhost", "127.0.0.1:9")
    caddy = Process(machine.directory / "caddy-https.log")
    await caddy.start("caddy", "run", "--config", ROOT / "Caddyfile", "--adapter", "caddyfile", env=settings)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    client = wire.Client(int(settings["GRYAG_HTTPS_PORT"]), tls=trusting, server_name="localhost")
    wrong = []
    try:
        for host, path, expected in (("localhost", "/metrics", 404), ("else.test", "/telegram/webhook", 421)):
            status = (await _patiently(client, host, path)).status
            if status != expected:
                wrong.append(f"{host}{path} answers {status}, not {expected}")
    except wire.Broken as error:
        wrong.append(f"HTTPS does not answer: {error}")
    finally:
        client.close()
        await caddy.stop(within=15)
    return wrong


async def _patiently(client, host, path):
    for tries_left in reversed(range(40)):
        try:
            return await client.call("POST", path, host=host, timeout=5)
        except wire.Broken:
            if not tries_left:
                raise
            await asyncio.sleep(0.5)


async def stalled(telegram, site_port, pauses):
    """Sends bodies that stop half-way: for each pause in seconds, one that then goes on, and one that is then cut.
    Returns what each was answered: {update_id: (pause, "whole" or "cut", status or 0)}."""
    kinds = dict(enumerate(itertools.product(pauses, ("whole", "cut")), start=900))
    stalls = [_stall(telegram, site_port, update, *kind) for update, kind in kinds.items()]
    answers = await asyncio.gather(*stalls)
    return {update: (*kinds[update], answer) for update, answer in zip(kinds, answers, strict=True)}


async def _stall(telegram, port, update, pause, kind):
    # Not addressed to the bot: only admission is of interest.
    chat = {"id": -1_002_000_000_000 - update, "type": "supergroup", "title": "Група"}
    body = json.dumps(load.message(telegram, update, chat, 5, "та таке")).encode()
    headers = {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": SECRET}
    whole = wire.request("POST", "/telegram/webhook", headers, body)
    half = len(whole) - len(body) // 2
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.ensure_future(wire.read(reader))
    try:
        writer.write(whole[:half])
        await writer.drain()
        done, _ = await asyncio.wait([answer], timeout=pause)
        if not done and kind == "whole":
            writer.write(whole[half:])
            done, _ = await asyncio.wait([answer], timeout=30)
        if not done:
            return 0
        response = answer.result()
        return response.status if response else 0
    except (OSError, wire.Broken):
        return 0
    finally:
        answer.cancel()
        writer.transport.abort()
