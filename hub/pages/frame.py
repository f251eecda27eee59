"""The frame of a page: a whole HTML document with its style, without anything that is loaded from elsewhere."""

from __future__ import annotations

import html

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
"""Content-Security-Policy of pages: nothing runs, nothing is fetched, and the origin is nobody's."""

STYLE = """
:root{color-scheme:light dark;--line:#dcdad3;--soft:#f6f5f1;--dim:#66645c;--text:#1d1c19;--page:#fff;--link:#1c4f82}
@media(prefers-color-scheme:dark){:root{--line:#3b3a37;--soft:#262523;--dim:#a5a299;--text:#e7e5df;--page:#1b1a19;
--link:#8fbbe8}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.6 "Inter Variable",system-ui,sans-serif;
overflow-wrap:anywhere}
main,header,footer{max-width:52rem;margin:0 auto;padding:1rem}
header{border-bottom:1px solid var(--line)}header p,footer{color:var(--dim);font-size:.875rem;margin:.2rem 0}
header h1{font-size:1.4rem;margin:.2rem 0}
a{color:var(--link)}a.button{display:inline-block;padding:.35rem .8rem;border:1px solid var(--line);
border-radius:.4rem;text-decoration:none;color:var(--text);margin-right:.5rem}
.cell{margin:0 0 1rem;min-width:0}.prompt{color:var(--dim);font:12px ui-monospace,monospace;margin:0 0 .15rem}
pre{margin:0;padding:.6rem .8rem;overflow-x:auto;font:13px/1.5 ui-monospace,"DejaVu Sans Mono",monospace;
white-space:pre-wrap}
.source pre{background:var(--soft);border:1px solid var(--line);border-radius:.4rem}
.output{padding:.3rem 0 .3rem .8rem;overflow-x:auto}.output pre{padding:.2rem 0}
pre.stderr,pre.error{background:#fbe9e7;color:#5b1a12;padding:.5rem .8rem;border-radius:.4rem}
@media(prefers-color-scheme:dark){pre.stderr,pre.error{background:#3c201c;color:#f3c9c2}}
img{max-width:100%;height:auto;background:#fff}table{border-collapse:collapse;font-size:.9rem}
td,th{border:1px solid var(--line);padding:.25rem .6rem;text-align:right}blockquote{border-left:3px solid var(--line);
margin:0;padding-left:1rem;color:var(--dim)}code{background:var(--soft);padding:.1em .3em;border-radius:.25rem;
font-size:.9em}pre code{background:none;padding:0}math[display=block]{overflow-x:auto;padding:.4rem 0}
.note{background:var(--soft);border:1px solid var(--line);border-radius:.4rem;padding:.6rem .8rem}
ul.files{list-style:none;padding:0}ul.files li{border-top:1px solid var(--line);padding:.45rem 0;display:flex;
justify-content:space-between;gap:1rem}ul.files span{color:var(--dim);font-size:.875rem;white-space:nowrap}
.k,.kn,.kd,.kc,.kr,.ow{color:#00692e;font-weight:600}.s,.s1,.s2,.sa,.sd,.se,.si{color:#9a2c22}.c,.c1,.ch,.cm{
color:#6b6a64;font-style:italic}.mi,.mf,.mh{color:#5b3f9c}.nf,.nc{color:#1c4f82}.nb{color:#7a5b00}
@media(prefers-color-scheme:dark){.k,.kn,.kd,.kc,.kr,.ow{color:#7fd19a}.s,.s1,.s2,.sa,.sd,.se,.si{color:#f0a59c}
.c,.c1,.ch,.cm{color:#97958c}.mi,.mf,.mh{color:#c3b0f2}.nf,.nc{color:#8fbbe8}.nb{color:#e2c26b}}
"""


def document(title: str, body: str, *, head: str = "", foot: str = "") -> str:
    """Return a whole page.

    Parameters
    ----------
    title
        Text, escaped here.
    body, head, foot
        Safe HTML.
    """
    above = f"<header>{head}</header>" if head else ""
    below = f"<footer>{foot}</footer>" if foot else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f'<base target="_blank"><title>{html.escape(title)}</title><style>{STYLE}</style></head>'
        f"<body>{above}<main>{body}</main>{below}</body></html>"
    )
