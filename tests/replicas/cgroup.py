"""Holds processes to a share of this machine, as gryag.slice and the compose file do: a control group of the kernel, of
its second version or its first."""

import contextlib
import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 100_000


class NotHere(Exception):
    """This machine lets nobody of ours make a control group."""


class Cgroup:
    """One group, which ends with `remove()`; what runs in it must have ended before."""

    def __init__(self, name, cpus, megabytes):
        quota, limit = str(int(cpus * PERIOD_US)), str(megabytes * 1024 * 1024)
        self._is_second = (ROOT / "cgroup.controllers").exists()
        places = [ROOT] if self._is_second else [ROOT / "cpu", ROOT / "memory"]
        self.folders = [place / name for place in places]
        self._cpu, self._memory = self.folders[0], self.folders[-1]
        try:
            if self._is_second:
                (ROOT / "cgroup.subtree_control").write_text("+cpu +memory")
            for folder in self.folders:
                folder.mkdir()
            if self._is_second:
                (self._cpu / "cpu.max").write_text(f"{quota} {PERIOD_US}")
                (self._memory / "memory.max").write_text(limit)
                # Nothing may hide in the swap.
                with contextlib.suppress(OSError):
                    (self._memory / "memory.swap.max").write_text("0")
            else:
                (self._cpu / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (self._cpu / "cpu.cfs_quota_us").write_text(quota)
                (self._memory / "memory.limit_in_bytes").write_text(limit)
        except OSError as error:
            self.remove()
            raise NotHere(f"no control group can be made: {error}") from error

    def through(self):
        """The words before a command that is to run in it."""
        enter = "".join(f"echo $$ > {folder}/cgroup.procs && " for folder in self.folders)
        return ["/bin/sh", "-c", f'{enter}exec "$@"', "sh"]

    def killed(self):
        """How many processes the kernel has killed for want of memory."""
        return self._number("memory.events" if self._is_second else "memory.oom_control", "oom_kill")

    def peak_mb(self):
        """The most that it has held, the kernel's cache of files included."""
        name = "memory.peak" if self._is_second else "memory.max_usage_in_bytes"
        path = self._memory / name
        return int(path.read_text()) / 1e6 if path.exists() else float("nan")

    def throttled(self):
        """The share of the scheduler's periods in which it wanted more of the processor than it may have."""
        periods = self._number("cpu.stat", "nr_periods")
        return self._number("cpu.stat", "nr_throttled") / periods if periods else 0.0

    def _number(self, file, name):
        folder = self._memory if file.startswith("memory") else self._cpu
        lines = (line.split() for line in (folder / file).read_text().splitlines())
        return int(next(words[1] for words in lines if words[0] == name))

    def remove(self):
        for folder in self.folders:
            with contextlib.suppress(OSError):
                os.rmdir(folder)
