"""Send tests of a plain answer (see `courseware.screening`): several in one fork, with little around each.

Such an answer cannot look for its tests nor replace what they rely on, so neither has to be searched for. Each test
reports under its own nonce, in a message that also ends its outputs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from nbformat import NotebookNode

from courseware.guard import GuardContext, Guarded, guard, packed, unguard
from courseware.notebooks import node

_PROGRAM = """
def run(tests, names, shell, digest):
    import ast
    import builtins
    names['__builtins__'] = builtins
    for test in tests:
        report = {"ok": True, "value": None}
        try:
            for helper in test["helpers"]:
                exec(compile(helper, "<locked cell>", "exec"), names)
            tree = ast.parse(test["source"])
            last = tree.body.pop() if tree.body and type(tree.body[-1]) is ast.Expr and not test["quiet"] else None
            exec(compile(tree, "<test>", "exec"), names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), "<test>", "eval"), names)
                report["value"] = None if value is None else repr(value)[:1000]
        except BaseException as error:
            report["ok"], report["ename"] = False, type(error).__name__
            try:
                report["evalue"] = str(error)[:2000]
            except BaseException:
                report["evalue"] = ""
            trace = error.__traceback__
            while trace is not None:
                if trace.tb_frame.f_code.co_filename == "<test>":
                    report["line"] = trace.tb_lineno
                trace = trace.tb_next
        body = repr(report)
        seal = digest(test["nonce"].encode(), body.encode(), "sha256").hex()
        shell.display_pub.publish({"text/plain": body + "|" + seal}, {"test": test["number"]})
"""

_SENT = (
    "(lambda m, z, b, n: exec(m(z(b(PROGRAM))), n) or n['run'](m(z(b(PAYLOAD))), get_ipython().user_ns, get_ipython(),"
    " __import__('_hashlib').hmac_digest))(__import__('marshal').loads, __import__('zlib').decompress,"
    " __import__('binascii').a2b_base64, {'__name__': 'guard'})"
)


@dataclass(frozen=True, slots=True)
class PlainTests:
    """Tests ready to be sent together.

    Attributes
    ----------
    source
        What is sent.
    tests
        Each of them, guarded.
    """

    source: str
    tests: tuple[Guarded, ...]


def send_together(tests: Sequence[tuple[str, GuardContext]]) -> PlainTests | None:
    """Return consecutive tests as one program; `None` when one of them cannot be sent so."""
    prepared = [guard(source, context, is_plain=True) for source, context in tests]
    if not all(test.nonce for test in prepared):
        return None
    payload = [json.loads(test.source) | {"number": number} for number, test in enumerate(prepared)]
    source = _SENT.replace("PROGRAM", repr(_program())).replace("PAYLOAD", repr(packed(payload)))
    return PlainTests(source, tuple(prepared))


def split_outputs(outputs: Iterable[NotebookNode], sent: PlainTests) -> list[tuple[list[NotebookNode], str]] | None:
    """Return the outputs of each test and what was noticed, as `unguard` does; `None` when a report is missing."""
    found: list[tuple[list[NotebookNode], str]] = []
    pending: list[NotebookNode] = []
    waiting = list(sent.tests)
    for output in outputs:
        number = output.metadata.get("test") if output.output_type == "display_data" else None
        if waiting and number == len(found):
            reported = node({**output, "output_type": "execute_result"})
            found.append(unguard([*pending, reported], waiting.pop(0)))
            pending = []
        else:
            pending.append(output)
    return None if waiting else found


@cache
def _program() -> str:
    return packed(compile(_PROGRAM, "<guard>", "exec"))
