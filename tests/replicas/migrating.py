"""A deploy of a version whose migration adds a column and a table, under load: the old replica is killed and started
again on the new schema in between; then everything goes back to the old version."""

import asyncio
import shutil
import sqlite3


async def check(check, old, new):
    """Judges each part of it."""
    mark, before = check._mark(), check._starts()
    # Long enough between the two looks at a, so that b dies meanwhile and comes back with the old version.
    deploy = asyncio.create_task(check.machine.commands.deploy("systemd", new, pause_seconds=8))
    a, b = check.machine.replicas.values()
    wrong = []
    if not await check.until("a runs the new version", 30, lambda: _restarted(a, before[0])):
        wrong.append("a was not restarted")
    # As deploy.sh waits between its two looks: Caddy looks every second, and until then b is all it has.
    await asyncio.sleep(2)
    check._no_failure("a new schema under the old version's feet", mark, wrong)

    mark, in_flight = check._mark(), check.telegram.in_flight
    b.kill()
    back = await check.until("the old version is back on the new schema", 15, lambda: _restarted(b, before[1]))
    failed = check.telegram.failed[mark[0] :]
    wrong = [] if back else ["it is not ready"]
    if len(failed) > in_flight + 5:
        wrong.append(f"{len(failed)} failed, but {in_flight} were in flight")
    check.judge("the old version is killed and starts again on the new schema", wrong, f"{len(failed)} failed")

    mark = check._mark()
    code, words = await deploy
    wrong = [] if code == 0 else [f"deploy.sh ended with {code}", *words.splitlines()[-8:]]
    check._no_failure("the rest of the deploy", mark, wrong)

    mark = check._mark()
    code, words = await check.machine.commands.deploy("systemd", old)
    wrong = [] if code == 0 else [f"deploy.sh ended with {code}", *words.splitlines()[-8:]]
    check._no_failure("back to the old version", mark, wrong)


async def _restarted(replica, before):
    return replica.starts > before and await replica.ready()


def migrated(data, directory):
    """What is missing of the new schema, once both replicas have ended."""
    copy = directory / "migrated"
    shutil.copytree(data, copy, dirs_exist_ok=True)
    with sqlite3.connect(copy / "gryag.db") as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        columns = {name for _, name, *_ in database.execute("PRAGMA table_info(messages)")}
    database.close()
    return [
        f"there is no {what}"
        for what, there in (("table", "rehearsals" in tables), ("column", "rehearsal" in columns))
        if not there
    ]
