"""What is wrong on this machine, and what to do about it: one small check each, in one tuple."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import psutil
import requests

from opsctl.core.errors import DocumentError, OpsctlError
from opsctl.core.settings import Settings, load_settings
from opsctl.flows.configuration import check_all
from opsctl.flows.lifecycle import inventories, planned, supervisor_of
from opsctl.processes.ports import taken

Verdict = Literal["ok", "warning", "bad"]
_MINIMUM_DISK, _MINIMUM_MEMORY, _MINIMUM_FILES = 2e9, 1.5e9, 1024


@dataclass(frozen=True)
class Finding:
    """One check's result: what was looked at, how it is, what to do when it is not well."""

    check: str
    verdict: Verdict
    message: str
    hint: str = ""


Check = Callable[[Settings], Iterable[Finding]]


def examine(config: str | None) -> tuple[Finding, ...]:
    """Every check's findings. Settings that cannot be read are a finding, not an error."""
    findings = [_python()]
    try:
        settings = load_settings(config)
    except OpsctlError as error:
        return (*findings, Finding("settings", "bad", error.message, error.hint))
    for check in CHECKS:
        findings += check(settings)
    return tuple(findings)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = (3, 11) <= sys.version_info < (3, 14)
    return Finding("python", "ok" if fits else "bad", version, "" if fits else "use Python 3.11 to 3.13")


def _documents(settings: Settings) -> Iterator[Finding]:
    try:
        yield Finding("documents", "ok", f"{len(check_all(settings))} files load")
    except DocumentError as error:
        for problem in error.problems:
            yield Finding("documents", "bad", str(problem), problem.hint)
    except OpsctlError as error:
        yield Finding("documents", "bad", error.message, error.hint)


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home_path
    if not home.exists():
        yield Finding("home", "warning", f"{home} does not exist yet", "make up (or opsctl setup) makes it")
        return
    if not os.access(home, os.W_OK):
        yield Finding("home", "bad", f"{home} is not writable by this user", "chown it to the user who runs opsctl")
        return
    yield Finding("home", "ok", str(home))
    yield from _tokens(home / "tokens")


def _tokens(folder: Path) -> Iterator[Finding]:
    for file in sorted(folder.glob("*")) if folder.exists() else ():
        mode = file.stat().st_mode & 0o777
        if mode & 0o077:
            yield Finding("tokens", "bad", f"{file} is open to others (mode {mode:04o})", f"chmod 600 {file}")


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = next(p for p in (settings.home_path, *settings.home_path.parents) if p.exists())
    usage = psutil.disk_usage(str(folder))
    message = f"{usage.free / 1e9:.1f} GB free of {usage.total / 1e9:.0f} GB under {folder}"
    enough = usage.free >= _MINIMUM_DISK
    yield Finding("disk", "ok" if enough else "bad", message, "" if enough else "free some space, or move `home`")


def _memory(settings: Settings) -> Iterator[Finding]:
    free = psutil.virtual_memory().available
    enough = free >= _MINIMUM_MEMORY or supervisor_of(settings).alive()
    hint = "" if enough else "the whole product needs 1.5 GB; without the demo business: opsctl up --without booking"
    yield Finding("memory", "ok" if enough else "warning", f"{free / 1e9:.1f} GB available", hint)


def _files(_: Settings) -> Iterator[Finding]:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = soft >= _MINIMUM_FILES
    yield Finding("open files", "ok" if enough else "warning", f"limit {soft}", "" if enough else "ulimit -n 4096")


def _ports(settings: Settings) -> Iterator[Finding]:
    if supervisor_of(settings).alive():
        yield Finding("ports", "ok", "in use by the running product")
        return
    processes = planned(settings, inventories(settings))
    owners = {address: p.name for p in processes for address in p.listen}
    found = taken(owners)
    for holder in found:
        who = f"{holder.name} (pid {holder.pid})" if holder.pid else "another process"
        yield Finding(
            "ports",
            "bad",
            f"{holder.address}, wanted by {owners[holder.address]}, is taken by {who}",
            "end it, or move ours: `listen` in opsctl.yml or in the inventory",
        )
    if not found:
        yield Finding("ports", "ok", f"{len(owners)} free")


def _clock(settings: Settings) -> Iterator[Finding]:
    now = time.time()
    newest = (
        max((p.stat().st_mtime for p in settings.home_path.glob("*/*")), default=0.0)
        if settings.home_path.exists()
        else 0.0
    )
    if newest > now + 60:
        yield Finding(
            "clock",
            "bad",
            f"the clock is {newest - now:.0f} s behind our newest file",
            "set the clock (timedatectl set-ntp true); signatures of DingTalk fail beyond one hour",
        )
    else:
        yield Finding("clock", "ok", time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(now)))


def _links(settings: Settings) -> Iterator[Finding]:
    host = urlsplit(settings.external_url).hostname or ""
    if host in ("127.0.0.1", "localhost", "::1"):
        yield Finding(
            "external_url",
            "warning",
            f"{settings.external_url} works on this machine only",
            "phones cannot open the acknowledge links: set external_url to an address that they reach",
        )
    else:
        yield Finding("external_url", "ok", settings.external_url)


def _engine(settings: Settings) -> Iterator[Finding]:
    """Where samples lie elsewhere: does that engine answer, and does it take remote write?"""
    url = settings.metrics.url
    if not url:
        return
    try:
        answer = requests.post(f"{url.rstrip('/')}/api/v1/write", data=b"\x00", timeout=3)
    except requests.RequestException as error:
        yield Finding("metrics engine", "bad", f"{url} does not answer ({type(error).__name__})", "see metrics.url")
        return
    closed = answer.status_code in (404, 405)
    hint = "start it with --web.enable-remote-write-receiver" if closed else ""
    yield Finding(
        "metrics engine", "bad" if closed else "ok", f"{url} {'takes no remote write' if closed else 'answers'}", hint
    )


def _processes(settings: Settings) -> Iterator[Finding]:
    supervisor = supervisor_of(settings)
    if not supervisor.alive():
        yield Finding("processes", "warning", "not running", "opsctl up")
        return
    for state in supervisor.processes():
        if not state.running:
            yield Finding(
                "processes",
                "bad",
                f"{state.name} is {state.state} {state.reason}".strip(),
                f"its output: {supervisor.socket.parent}/{state.name}.out.log",
            )
    yield Finding("processes", "ok", f"{sum(s.running for s in supervisor.processes())} running")


CHECKS: tuple[Check, ...] = (_documents, _home, _disk, _memory, _files, _ports, _clock, _links, _engine, _processes)
