"""What can be said of the shipped files without running the bot: that their own tools take them, and that they hang
together. A tool that is not installed is a check that is skipped, and is said to be."""

import asyncio
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

from commands import ROOT
from machine import image_environment

#: Not ours: of Prometheus itself, of `metrics-process`, and words of PromQL.
FOREIGN = re.compile(r"^(up|ALERTS|process_\w+)$")
SUFFIXES = re.compile(r"_(bucket|sum|count)$")


class Skipped(Exception):
    """A tool is not here."""


async def tool(*command, env=None, cwd=ROOT):
    """Runs a tool; returns what is wrong by its own words, as a list."""
    if not shutil.which(command[0]):
        raise Skipped(f"{command[0]} is not installed")
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    words, _ = await asyncio.wait_for(process.communicate(), 60)
    return [] if process.returncode == 0 else [f"{' '.join(map(str, command[:3]))}: {words.decode()[-1500:]}"]


async def caddyfile():
    wrong = await tool("caddy", "validate", "--config", "Caddyfile", "--adapter", "caddyfile")
    wrong += await tool(
        "caddy",
        "validate",
        "--config",
        "Caddyfile",
        "--adapter",
        "caddyfile",
        env={"GRYAG_SITE": "bot.example.org", "GRYAG_UPSTREAMS": "127.0.0.1:8081 127.0.0.1:8082"},
    )
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(shutil.copy(ROOT / "Caddyfile", directory))
        wrong += await tool("caddy", "fmt", "--overwrite", copy)
        if copy.read_text() != (ROOT / "Caddyfile").read_text():
            wrong.append("Caddyfile is not formatted: caddy fmt --overwrite")
    return wrong


async def rules():
    """Each fires in its test, says how grave it is, and has an entry in the runbook; all are well-formed."""
    wrong = await tool("promtool", "check", "config", "prometheus.yml")
    tests = sorted((ROOT / "deploy/prometheus").glob("*_test.yml"))
    wrong += await tool("promtool", "test", "rules", *tests)
    text = (ROOT / "deploy/prometheus/alerts.yml").read_text()
    fires = re.findall(
        r"- alertname: (\w+)\n +eval_time: \S+\n +exp_alerts:\n +- exp_labels",
        "".join(path.read_text() for path in tests),
    )
    entries = re.findall(r"^## (\w+)$", (ROOT / "deploy/runbook.md").read_text(), re.MULTILINE)
    alerts = re.split(r"- alert: ", text)[1:]
    for alert in alerts:
        name = alert.split("\n", 1)[0]
        if not re.search(r"severity: (critical|warning) ", alert):
            wrong.append(f"{name} has no severity")
        if f"runbook_url: deploy/runbook.md#{name.lower()}\n" not in alert or name not in entries:
            wrong.append(f"{name} has no entry in the runbook")
        if name not in fires:
            wrong.append(f"{name} fires in no test")
    if len(alerts) != len(entries):
        wrong.append(f"{len(alerts)} alerts, but {len(entries)} entries in the runbook")
    return wrong


async def metric_names():
    """Alerts and dashboards use no metric that is not documented, and links between panels are right."""
    documented = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))
    wrong = []
    alerts = (ROOT / "deploy/prometheus/alerts.yml").read_text()
    uses = {"alerts.yml": re.findall(r"\b(gryag_\w+)", alerts)}
    for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json")):
        dashboard = json.loads(path.read_text())
        identities = [panel["id"] for panel in dashboard["panels"]]
        if len(identities) != len(set(identities)):
            wrong.append(f"{path.name}: two panels have one id")
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
        uses[path.name] = re.findall(r"\b(gryag_\w+|process_\w+)", " ".join(expressions))
    for file, names in uses.items():
        for name in sorted(set(names)):
            if SUFFIXES.sub("", name) not in documented and name not in documented and not FOREIGN.match(name):
                wrong.append(f"{file} uses {name}, which docs/metrics.md does not know")
    return wrong


async def alertmanager():
    wrong = []
    with tempfile.TemporaryDirectory() as directory:
        settings = {"TELEGRAM_BOT_TOKEN": "1:a&b|c\\d", "ADMIN_ID": "5, 6"}
        for webhook in ("", "https://example.org/?a=1&b=2|3"):
            wrong += await tool(
                ROOT / "deploy/alertmanager.sh",
                ROOT / "deploy/alertmanager.yml",
                directory,
                "true",
                env={**settings, "GRYAG_ALERT_WEBHOOK_URL": webhook},
            )
            written = Path(directory, "alertmanager.yml")
            wrong += await tool("amtool", "check-config", written)
            if written.stat().st_mode & 0o077:
                wrong.append("others may read the file with the token")
            if webhook not in written.read_text() or ("webhook_configs" in written.read_text()) != bool(webhook):
                wrong.append(f"the webhook {webhook!r} is not in the configuration as it should be")
    return wrong


async def compose():
    return await tool(
        "check-jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        "docker-compose.prod.yml",
        "docker-compose.build.yml",
    )


async def dockerfile():
    return await tool("hadolint", "Dockerfile")


async def image_context():
    """.dockerignore lets in what the program is built from, and nothing that could hold a secret."""
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    wrong = [f".dockerignore lets {name} in" for name in let_in if name.startswith(".") and name != ".cargo" or name in ("data", "deploy")]
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for name in " ".join(copied).split():
        if name not in let_in:
            wrong.append(f"the Dockerfile copies {name}, which .dockerignore keeps out")
    for path in (ROOT / "src").rglob("*.rs"):
        if "test" in path.name or "tests" in path.parts:
            continue
        # Tests stand last in a file; what only they include need not be in the image.
        code = path.read_text().split("#[cfg(test)]\nmod tests")[0]
        for included in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', code):
            place = (path.parent / included).resolve().relative_to(ROOT)
            if place.parts[0] not in let_in:
                wrong.append(f"{path.relative_to(ROOT)} includes {place}, which is not in the image's context")
    return wrong


async def shell_scripts():
    scripts = [*(ROOT / "deploy").glob("*.sh"), *(ROOT / "deploy").glob("*/*.sh")]
    return await tool("shellcheck", *scripts)


async def units():
    with tempfile.TemporaryDirectory() as directory:
        text = (ROOT / "deploy/systemd/gryag@.service").read_text()
        ours = dict(re.findall(r"^Environment=(\w+)=(\S+)$", text, re.MULTILINE))
        image = {**image_environment(), "BOT_DATA_DIR": "/var/lib/gryag"}
        wrong = [] if ours == image else [f"the unit sets {ours}; with the image it would be {image}"]
        unit = Path(directory, "gryag@a.service")
        unit.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", text))
        shared = shutil.copy(ROOT / "deploy/systemd/gryag.slice", directory)
        environment = {"SYSTEMD_UNIT_PATH": f"{directory}:"}
        wrong += await tool("systemd-analyze", "verify", unit, shared, env=environment)
        return wrong + await tool("systemd-analyze", "security", "--offline=yes", "--threshold=20", unit)


CHECKS = {
    "the Caddyfile is valid and formatted": caddyfile,
    "every alert is well-formed, fires in its test and has its runbook entry": rules,
    "alerts and dashboards use documented metrics": metric_names,
    "the Alertmanager's configuration is valid, its secrets are kept": alertmanager,
    "compose files follow the schema": compose,
    "the Dockerfile has no lint": dockerfile,
    "the image's context has all it needs and no secret": image_context,
    "shell scripts have no lint": shell_scripts,
    "systemd units are valid and hardened": units,
}
