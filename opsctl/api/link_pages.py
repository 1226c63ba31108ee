"""HTML of the link pages: zh-CN with en short, made for a phone, nothing from elsewhere, no script."""

from __future__ import annotations

from html import escape

from opsctl.alerts import text
from opsctl.alerts.route import matchers_text
from opsctl.alerts.silence import Silence
from opsctl.core.clock import local
from opsctl.flows.acknowledging import Opened, Seen
from opsctl.flows.link_silencing import Plan
from opsctl.model.person import Person
from opsctl.oncall.roster import OnCall

_LAYOUT = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root{{color-scheme:light dark;--line:#d9e2ec;--soft:#627d98;--card:#fff;--page:#f0f4f8;--text:#1f2933}}
@media(prefers-color-scheme:dark){{:root{{--line:#334e68;--soft:#9fb3c8;--card:#1b2733;--page:#101820;--text:#e6edf3}}}}
body{{font:16px/1.6 system-ui,"PingFang SC","Noto Sans CJK SC",sans-serif;margin:0;background:var(--page);color:var(--text)}}
main{{max-width:34rem;margin:0 auto;padding:1rem}}h1{{font-size:1.25rem;line-height:1.4;margin:.4rem 0}}
.card{{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:.8rem 1rem;margin:.8rem 0}}
.soft{{color:var(--soft);font-size:.9rem}}.firing{{border-left:5px solid #d64545}}.over{{border-left:5px solid #3f9142}}
button{{width:100%;font-size:1.15rem;padding:.85rem;border:0;border-radius:12px;background:#0967d2;color:#fff}}
label{{display:block;padding:.65rem .2rem;border-bottom:1px solid var(--line)}}label:last-of-type{{border:0}}
input[type=text]{{width:100%;box-sizing:border-box;font-size:1rem;padding:.6rem;border:1px solid var(--line);border-radius:8px}}
code{{word-break:break-all;font-size:.85rem}}a{{color:#0967d2}}.warn{{color:#d64545}}
</style></head><body><main>{body}</main></body></html>"""


def acknowledge(opened: Opened, oncall: OnCall, person: Person | None, missing: bool = False) -> str:
    """What fires, who has it, and one button for whoever takes it."""
    parts = [_head(opened), *[_card(s, opened.now) for s in opened.seen]]
    if not any(s.firing for s in opened.seen):
        parts.append('<p class="soft">已全部恢复，无需认领。<br>All resolved, nothing to acknowledge.</p>')
    elif opened.open:
        button = f"<button>认领 {len(opened.open)} 条 / Acknowledge</button>"
        parts.append(_form(oncall, person, missing, button, personal=bool(opened.person)))
    else:
        parts.append(
            '<p class="soft">已认领。恢复或超时后自动失效。<br>Acknowledged, until it resolves or times out.</p>'
        )
    return _LAYOUT.format(title="认领告警 / Acknowledge", body="".join(parts))


def silence(opened: Opened, plan: Plan, oncall: OnCall, person: Person | None, missing: bool = False) -> str:
    """What one hour of silence would hide, and one button; or that the link has done it."""
    parts = [_head(opened)]
    if plan.given:
        parts += [_given(s, opened.now) for s in plan.given]
    elif not plan.matchers:
        parts.append('<p class="soft">已全部恢复，无需静默。<br>All resolved, nothing to silence.</p>')
    else:
        parts += [f'<div class="card"><code>{escape(matchers_text(m))}</code></div>' for m in plan.matchers]
        hidden = "、".join(escape(text.short(a)) for a in plan.hides[:20])
        parts.append(f'<p class="soft">此刻会静默 {len(plan.hides)} 条 / would hide now：{hidden}</p>')
        button = "<button>静默 1 小时 / Silence for 1 h</button>"
        parts.append(_form(oncall, person, missing, button, personal=bool(opened.person)))
    return _LAYOUT.format(title="静默告警 / Silence", body="".join(parts))


def _given(given: Silence, now: float) -> str:
    until = local(given.ends_at, "%m-%d %H:%M:%S")
    state = "已静默，至" if given.state(now) == "active" else "静默已结束于"
    return (
        f'<div class="card"><b>{state} {until}</b>（{escape(given.created_by)}）<br>'
        f"<code>{escape(matchers_text(given.matchers))}</code><br>"
        '<span class="soft">这个链接只用一次 / this link has been used, it works once</span></div>'
    )


def details(opened: Opened) -> str:
    """Everything that a message was about, nothing shortened."""
    parts = [_head(opened), *[_card(s, opened.now, whole=True) for s in opened.seen]]
    return _LAYOUT.format(title="告警详情 / Details", body="".join(parts))


def refused(message: str, hint: str) -> str:
    """A link that cannot be used. Both texts are HTML already."""
    return _LAYOUT.format(
        title="链接无效", body=f'<div class="card"><h1>{message}</h1><p class="soft">{hint}</p></div>'
    )


def _head(opened: Opened) -> str:
    sent = local(opened.batch.now, "%m-%d %H:%M:%S")
    lead = text.headline(text.worst_first(opened.batch.firing or opened.batch.alerts)[0])
    count = len(opened.batch.alerts)
    more = f" 等 {count} 条" if count > 1 else ""
    said = f"{text.severity_name(opened.batch)} · {sent} · {opened.via}"
    return f'<h1>{escape(lead + more)}</h1><p class="soft">{escape(said)}</p>'


def _card(seen: Seen, now: float, whole: bool = False) -> str:
    alert = seen.alert
    end = now if seen.firing or alert.ends_at is None else alert.ends_at
    state = "触发中 firing" if seen.firing else "已恢复 resolved"
    lines = [
        f"<b>{escape(text.headline(alert))}</b>",
        escape(alert.annotations.get("description", "").partition(" / ")[0]),
        f'<span class="soft">{state} · {local(alert.starts_at, "%m-%d %H:%M:%S")} 开始 · {text.chinese_duration(end - alert.starts_at)}</span>',
    ]
    if seen.ack is not None:
        lines.append(f"{escape(seen.ack.who)} 已认领（{escape(seen.ack.via)}，{local(seen.ack.at, '%H:%M:%S')}）")
    if alert.annotations.get("runbook"):
        lines.append(f"处置手册 runbook：<code>opsctl runbook show {escape(alert.annotations['runbook'])}</code>")
    if whole:
        lines += [f"<code>{escape(k)}={escape(v)}</code>" for k, v in (*alert.labels.pairs, *alert.annotations.pairs)]
        lines.append(f'<span class="soft">fingerprint {alert.fingerprint}</span>')
    return f'<div class="card {"firing" if seen.firing else "over"}">{"<br>".join(x for x in lines if x)}</div>'


def _form(oncall: OnCall, person: Person | None, missing: bool, button: str, personal: bool) -> str:
    if personal and person is not None:
        asked = f"<p>你是 <b>{escape(person.name)}</b>。</p>"
    elif person is not None:
        asked = (
            f'<p>你是 <b>{escape(person.name)}</b>。 <a href="?who=other">不是我 / not me</a></p>'
            f'<input type="hidden" name="person" value="{escape(person.id)}"><input type="hidden" name="name" value="{escape(person.name)}">'
        )
    elif oncall.people:
        rows = "".join(
            f'<label><input type="radio" name="person" value="{escape(p.id)}" required> {escape(p.name)}</label>'
            for p in oncall.people
        )
        asked = f'<div class="card"><b>你是谁？ / Who are you?</b>{rows}</div>'
    else:
        asked = '<p><b>你是谁？ / Who are you?</b></p><p><input type="text" name="name" maxlength="40" required></p>'
    warn = '<p class="warn">请先选择你是谁 / say who you are</p>' if missing else ""
    return f'<form method="post" action="?">{warn}{asked}{button}</form>'
