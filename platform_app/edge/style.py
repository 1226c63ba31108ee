"""The look of the edge's own pages. Inline: no page of ours needs a CDN."""

from __future__ import annotations

CSS = """
:root{--ink:#1d2a33;--soft:#5d6b75;--line:#e3e8ec;--brand:#0b7a6b;--pale:#f4f8f7;--warm:#b4541a}
*{box-sizing:border-box}body{margin:0;color:var(--ink);background:#fff;line-height:1.6;
font-family:"PingFang SC","Noto Sans CJK SC","Noto Sans SC","Microsoft YaHei",system-ui,sans-serif}
a{color:var(--brand);text-decoration:none}a:hover{text-decoration:underline}
header{background:var(--brand);color:#fff;padding:36px 0 30px}header a{color:#fff}
.wrap{max-width:1080px;margin:0 auto;padding:0 20px}h1{margin:0;font-size:30px}header p{margin:6px 0 0;opacity:.92}
nav{margin-top:14px;font-size:15px}nav a{margin-right:20px}
h2{font-size:20px;margin:34px 0 12px}h2 small{color:var(--soft);font-weight:400;font-size:14px;margin-left:8px}
.grid{display:grid;gap:14px;grid-template-columns:repeat(auto-fill,minmax(240px,1fr))}
.card{border:1px solid var(--line);border-radius:10px;padding:14px 16px;background:#fff}
.card b{font-size:16px}.card p{margin:4px 0 0;color:var(--soft);font-size:14px}
.price{color:var(--warm);font-weight:600}.star{color:#c98a00}
.gone{background:#fff6ee;border:1px solid #f2d3b8;border-radius:10px;padding:12px 16px;color:var(--warm)}
footer{margin:44px 0 30px;padding-top:14px;border-top:1px solid var(--line);color:var(--soft);font-size:14px}
details{border:1px solid var(--line);border-radius:8px;margin:8px 0;padding:8px 14px}summary{cursor:pointer}
.verb{display:inline-block;min-width:58px;font:600 12px/22px ui-monospace,monospace;text-align:center;border-radius:4px;
color:#fff;background:#3a6ea5;margin-right:10px}.verb.post{background:var(--brand)}.verb.delete{background:#a33}
code,pre{font-family:ui-monospace,"SF Mono",Menlo,monospace;font-size:13px}
pre{background:var(--pale);border-radius:6px;padding:10px 12px;overflow:auto}
table{border-collapse:collapse;width:100%;font-size:14px;margin:8px 0}
td,th{border-bottom:1px solid var(--line);padding:5px 8px;text-align:left;vertical-align:top}th{color:var(--soft)}
"""


def page(title: str, header: str, body: str) -> str:
    """A whole page. `header` and `body` are HTML, already escaped."""
    return (
        f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{CSS}</style></head>'
        f'<body><header><div class="wrap">{header}</div></header><main class="wrap">{body}</main></body></html>'
    )
