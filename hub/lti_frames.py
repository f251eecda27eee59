"""Learning platforms show tools within frames of their pages, where browsers keep no cookies of ours.

What is asked for within a frame goes on in a window of its own. The frame waits: what was chosen in the window is
posted to the learning platform from the frame, where the platform's own page listens for it.
"""

from __future__ import annotations

import json
import secrets
from collections import OrderedDict
from datetime import datetime, timedelta

from tornado import web
from tornado.template import Template

CHOICE_LIFETIME = timedelta(hours=1)
FRAMES_LIMIT = 10_000
_LOOK = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 34rem; padding: 0 1rem }
a, button { display: inline-block; font: inherit; font-weight: 600; padding: .6rem 1.1rem; border: 0;
  border-radius: .4rem; background: #1f5fa8; color: #fff; text-decoration: none; cursor: pointer }
:focus-visible { outline: 3px solid #7fb2ee; outline-offset: 2px }
"""
_OPENING = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Collegium</title><style nonce="{{ nonce }}">{{ look }}</style></head>
<body><main><p id="told">Collegium opens in a window of its own.</p>
<p><a id="open" href="{{ address }}" target="_blank" rel="noopener">Open Collegium</a></p></main>
<form id="form" method="post" action="{{ answer }}"><input type="hidden" name="form"></form>
<script nonce="{{ nonce }}">
const told = document.getElementById("told");
const pause = () => new Promise((resolve) => setTimeout(resolve, 2000));
async function wait() {
  const end = Date.now() + {{ milliseconds }};
  let until = Date.now() + 600000;
  while (Date.now() < until) {
    await pause();
    const found = await fetch({% raw waiting %}).then((answer) => answer.json()).catch(() => ({}));
    if (found.state === "opened") return;
    if (found.state === "choosing") {
      told.textContent = "Choose in the other window what is added here.";
      until = end;
    }
    if (found.state !== "chosen") continue;
    document.querySelector("[name=form]").value = found.form;
    document.getElementById("form").submit();
    return;
  }
}
document.getElementById("open").addEventListener("click", () => {
  told.textContent = "Collegium is open in another window.";
  void wait();
}, { once: true });
</script></body></html>
""")
_ANSWER = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Back to your learning platform</title><style nonce="{{ nonce }}">{{ look }}</style></head>
<body><form method="post" action="{{ address }}"><input type="hidden" name="JWT" value="{{ message }}">
<p>What you chose goes back to your learning platform.</p><button>Go back</button></form>
<script nonce="{{ nonce }}">document.forms[0].submit()</script></body></html>
""")


class Frames:
    """What frames wait for; kept in memory: who chooses while the service is started again chooses once more."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, tuple[datetime, dict[str, str]]] = OrderedDict()

    def note(self, frame: str, now: datetime, state: str, form: str = "") -> None:
        """Note what became of what a frame opened: "opened", "choosing", or "chosen" with the sealed form."""
        while self._states and (
            len(self._states) >= FRAMES_LIMIT or next(iter(self._states.values()))[0] < now - CHOICE_LIFETIME
        ):
            self._states.popitem(last=False)
        self._states[frame] = now, {"state": state, "form": form}
        self._states.move_to_end(frame)

    def state(self, frame: str) -> dict[str, str]:
        """Return what a frame waits for."""
        return self._states.get(frame, (None, {"state": "waiting"}))[1]


def show_opening(handler: web.RequestHandler, *, address: str, waiting: str, answer: str) -> None:
    """Answer within a frame: with a button that opens an address in a window of its own."""
    _show(handler, _OPENING, address=address, waiting=json.dumps(waiting), answer=answer,
          milliseconds=int(CHOICE_LIFETIME.total_seconds() * 1000))  # fmt: skip


def show_answer(handler: web.RequestHandler, *, address: str, message: str) -> None:
    """Answer with a page that posts a message on to a learning platform."""
    _show(handler, _ANSWER, address=address, message=message)


def _show(handler: web.RequestHandler, page: Template, **values: object) -> None:
    nonce = secrets.token_urlsafe(16)
    handler.set_header("Content-Type", "text/html; charset=utf-8")
    # No limits on where forms lead: the learning platform may lead on to elsewhere.
    own = f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'"
    handler.set_header("Content-Security-Policy", f"default-src 'none'; {own}; base-uri 'none'")
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Cache-Control", "no-store")
    handler.finish(page.generate(nonce=nonce, look=_LOOK, **values))
