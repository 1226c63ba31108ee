"""Plays one scenario: break, watch it being found, told, mended; time each; lift the fault, put all back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from opsctl.core.errors import OpsctlError
from opsctl.core.versions import ConfigVersions
from opsctl.gameday.faults import FAULTS
from opsctl.gameday.history import History, Outcome
from opsctl.gameday.scenario import Scenario, holds

T = TypeVar("T")
_POLL = 0.25
_CHANNELS = ("dingtalk", "wecom")


class Product(Protocol):
    """What a gameday needs of the running product. Unknown or not there yet is None or empty."""

    def figure(self, query: str) -> float | None: ...

    def firing(self, alert: str, parameters: Mapping[str, str]) -> dict[str, Any] | None: ...

    def messages(self, since: int) -> list[dict[str, Any]]: ...

    def incident(self, alert: str, parameters: Mapping[str, str]) -> dict[str, Any] | None: ...

    def log_lines(self, since: float, until: float, limit: int) -> list[str]: ...

    def start_runbook(self, name: str, fingerprint: str, dry_run: bool) -> str: ...

    def run_of(self, run: str, approve: bool) -> dict[str, Any]: ...

    def report(self, incident: str) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Event:
    """Something a watcher of the gameday sees; `after` in seconds from the fault, `lines` are details."""

    kind: str
    text: str
    after: float
    good: bool = True
    lines: tuple[str, ...] = ()


@dataclass
class _Stage:
    """One play: the scenario, the clock zero, and what is known so far."""

    scenario: Scenario
    product: Product
    tell: Callable[[Event], None]
    outcome: Outcome
    zero: float = 0.0
    alert: dict[str, Any] = field(default_factory=dict)
    first_message: int = 0

    @property
    def after(self) -> float:
        return time.time() - self.zero

    def say(self, kind: str, text: str, good: bool = True, lines: tuple[str, ...] = ()) -> None:
        self.tell(Event(kind, text, self.after, good, lines))

    def wait(self, look: Callable[[], T | None], within: float) -> T | None:
        """The first answer of `look` that is not None, until `within` seconds after the fault."""
        while True:
            found = look()
            if found is not None or self.after > within:
                return found
            time.sleep(_POLL)

    def know(self, **changes: Any) -> None:
        self.outcome = replace(self.outcome, **changes)

    def problem(self, text: str) -> None:
        self.know(problems=(*self.outcome.problems, text))
        self.say("problem", text, good=False)


def play(
    scenario: Scenario,
    product: Product,
    history: History,
    configs: Mapping[str, ConfigVersions],
    tell: Callable[[Event], None],
) -> Outcome:
    """Runs one scenario to its end. The fault is lifted and all is put back whatever happens in between."""
    stage = _Stage(scenario, product, tell, Outcome(scenario.name, time.time()), time.time())
    if not _healthy(stage):
        return stage.outcome
    before = {name: c.current for name, c in configs.items()}
    stage.first_message = max((m["id"] for m in product.messages(0)), default=0)
    stage.say("fault", f"注入故障 / break: {scenario.title}")
    stage.zero = time.time()
    stage.know(started_at=stage.zero)
    record: dict[str, Any] = {}
    history.keep_fault({"scenario": scenario.name, "record": record, "configs": before})
    try:
        record = FAULTS[scenario.fault.kind].inject(scenario.fault)
        history.keep_fault({"scenario": scenario.name, "record": record, "configs": before})
        _watch(stage)
    finally:
        FAULTS[scenario.fault.kind].lift(scenario.fault, record)
        put_back(before, configs)
        history.forget_fault()
        stage.say("lifted", "故障已撤除，配置已还原 / fault lifted, everything put back")
    _healthy(stage)
    history.add(stage.outcome)
    return stage.outcome


def put_back(before: Mapping[str, str], configs: Mapping[str, ConfigVersions]) -> None:
    """Makes the versions current that were so before."""
    for name, version in before.items():
        if name in configs and configs[name].current != version:
            configs[name].use(version)


def _healthy(stage: _Stage) -> bool:
    """Waits for the business to be well, before it is broken and after; that it is not is a problem of the outcome."""
    scenario, patience = stage.scenario, time.time() + 120
    while time.time() < patience:
        quiet = stage.product.firing(scenario.alert, scenario.parameters) is None
        if quiet and holds(scenario.figure.recovered, stage.product.figure(scenario.figure.query)):
            return True
        time.sleep(1)
    value = stage.product.figure(scenario.figure.query)
    stage.problem(
        f"业务不健康 / the business is not well: {scenario.figure.name} is {value}, not {scenario.figure.recovered}, "
        f"or {scenario.alert} is firing"
    )
    return False


def _watch(stage: _Stage) -> None:
    for step in (_failing, _detected, _delivered, _incident, _runbook, _recovered, _resolved, _report):
        step(stage)
        if stage.outcome.problems and step in (_detected,):
            return


def _failing(stage: _Stage) -> None:
    figure = stage.scenario.figure

    def look() -> float | None:
        value = stage.product.figure(figure.query)
        return value if holds(figure.broken, value) else None

    value = stage.wait(look, stage.scenario.detect_within)
    if value is None:
        stage.problem(f"{figure.name} 没有变坏 / never became {figure.broken}")
        return
    stage.know(failing_after=stage.after)
    stage.say("failing", f"业务受损 / traffic is failing: {figure.name} = {value:.3g}{figure.unit}")


def _detected(stage: _Stage) -> None:
    scenario = stage.scenario
    found = stage.wait(lambda: stage.product.firing(scenario.alert, scenario.parameters), scenario.detect_within)
    if found is None:
        stage.problem(f"告警没有触发 / {scenario.alert} did not fire within {scenario.detect_within:.0f} s")
        return
    stage.alert = found
    stage.know(detected_after=stage.after)
    summary = found.get("annotations", {}).get("summary", "")
    stage.say("alert", f"告警触发 / alert fires: {scenario.alert}  MTTD {stage.after:.1f} s", lines=(summary,))


def _arrived(stage: _Stage, resolved: bool) -> dict[str, dict[str, Any]]:
    """The first message a channel about this alert that came since the fault."""
    found: dict[str, dict[str, Any]] = {}
    for message in sorted(stage.product.messages(stage.first_message), key=lambda m: m["id"]):
        text = f"{message.get('title', '')}\n{message.get('text', '')}"
        if stage.scenario.alert in text and ("RESOLVED" in text) == resolved:
            found.setdefault(message["channel"], message)
    return found


def _delivered(stage: _Stage) -> None:
    for channel in _CHANNELS:
        message = stage.wait(lambda c=channel: _arrived(stage, False).get(c), stage.scenario.deliver_within)  # type: ignore[misc]
        if message is None:
            stage.problem(f"{channel} 没有收到消息 / no message on {channel}")
            continue
        stage.know(delivered_after={**stage.outcome.delivered_after, channel: stage.after})
        text = str(message.get("text", ""))
        shown = tuple(line for line in text.splitlines() if line.strip())[:4]
        stage.say("message", f"消息送达 / message on {channel}  MTTN {stage.after:.1f} s", lines=shown)


def _incident(stage: _Stage) -> None:
    scenario = stage.scenario
    found = stage.wait(lambda: stage.product.incident(scenario.alert, scenario.parameters), scenario.deliver_within)
    if found is None:
        stage.problem("没有事件单 / no incident was opened")
        return
    stage.know(incident=str(found["id"]))
    lines = stage.product.log_lines(stage.zero - 5, time.time(), 3)
    timeline = tuple(str(e) for e in found.get("timeline_text", ())[-4:])
    stage.say("incident", f"事件单 / incident {found['id']} is open", lines=(*timeline, *lines))


def _runbook(stage: _Stage) -> None:
    name = stage.alert.get("annotations", {}).get("runbook", "")
    if not name:
        stage.problem("告警没有指明预案 / the alert names no runbook")
        return
    stage.know(runbook=name)
    fingerprint = stage.alert["fingerprint"]
    try:
        rehearsal = stage.product.start_runbook(name, fingerprint, True)
        dry = _follow(stage, rehearsal, approve=False)
        stage.say("dry-run", f"预案试运行 / runbook {name}, dry run: {dry['status']}", lines=_step_lines(dry))
        stage.say("run", f"执行预案 / runbook {name} runs, dangerous steps approved by another role")
        done = _follow(stage, stage.product.start_runbook(name, fingerprint, False), approve=True)
    except OpsctlError as error:
        stage.problem(f"runbook {name}: {error.message}")
        return
    good = done["status"] in ("done", "succeeded", "success")
    stage.say("run", f"预案结束 / runbook {name}: {done['status']}", good=good, lines=_step_lines(done))
    if not good:
        stage.problem(f"runbook {name} ended as {done['status']}")


def _follow(stage: _Stage, run: str, approve: bool) -> dict[str, Any]:
    """Polls a run until it ends, approving each step that waits for it."""
    while True:
        found = stage.product.run_of(run, approve)
        if found["ended"] or stage.after > stage.scenario.resolve_within:
            return found
        time.sleep(_POLL)


def _step_lines(run: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(line) for line in run.get("lines", ()))


def _recovered(stage: _Stage) -> None:
    figure = stage.scenario.figure

    def look() -> float | None:
        value = stage.product.figure(figure.query)
        return value if holds(figure.recovered, value) else None

    value = stage.wait(look, stage.scenario.recover_within)
    if value is None:
        stage.problem(f"业务没有恢复 / {figure.name} did not recover within {stage.scenario.recover_within:.0f} s")
        return
    stage.know(recovered_after=stage.after)
    stage.say(
        "recovered", f"业务恢复（故障仍在） / recovered, fault still in place: {figure.name} = {value:.3g}{figure.unit}"
    )


def _resolved(stage: _Stage) -> None:
    scenario = stage.scenario
    gone = stage.wait(
        lambda: True if stage.product.firing(scenario.alert, scenario.parameters) is None else None,
        scenario.resolve_within,
    )
    if gone is None:
        stage.problem(f"告警没有解除 / {scenario.alert} did not resolve within {scenario.resolve_within:.0f} s")
        return
    stage.know(resolved_after=stage.after)
    stage.say("resolved", f"告警解除 / alert resolved {stage.after:.1f} s")
    told = stage.wait(lambda: _arrived(stage, True) or None, scenario.resolve_within + 30)
    if told is None:
        stage.problem("没有收到恢复消息 / no resolve message arrived")
        return
    stage.know(resolve_delivered_after=stage.after)
    stage.say("resolved", f"恢复消息送达 / resolve message on {', '.join(sorted(told))}  MTTR {stage.after:.1f} s")


def _report(stage: _Stage) -> None:
    if not stage.outcome.incident:
        return
    paths = stage.product.report(stage.outcome.incident)
    stage.know(report=paths)
    stage.say("report", "事件报告 / incident report", lines=paths)
