"""Send tests of a plain answer (see `courseware.screening`): compiled, several at once, with little around each.

Such an answer cannot look for its tests nor replace what they rely on, so neither has to be searched for. Each test
reports under its own nonce, in a message that also ends its outputs.
"""

from __future__ import annotations

import ast
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from types import CodeType

from nbformat import NotebookNode

from courseware.guard import GuardContext, Guarded, packed, prepared, unguard
from courseware.notebooks import node

_PROGRAM = """
def run(tests, names, shell, digest):
    import builtins
    names['__builtins__'] = builtins
    for test in tests:
        report = {"ok": True, "value": None}
        try:
            for bound, statement in test["imports"]:
                if bound in names:
                    try:
                        exec(statement, names)
                    except ImportError:
                        pass
            for helper in test["helpers"]:
                exec(helper, names)
            if test["last"] is not None:
                exec(test["code"], names)
                value = eval(test["last"], names)
            else:
                made = {}
                exec(test["code"], names, made)
                value = made["test"]() if "test" in made else None
            if value is not None:
                report["value"] = repr(value)[:1000]
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
    sent: list[dict[str, object]] = []
    guarded: list[Guarded] = []
    for number, (source, context) in enumerate(tests):
        plain, can_run, lasting = prepared(source)
        if not can_run:
            return None
        code, last = _compiled(plain, context.shared, source.rstrip().endswith(";"))
        nonce = secrets.token_hex(16)
        guarded.append(Guarded("", plain, nonce, lasting))
        made = {"number": number, "nonce": nonce, "code": code, "last": last}
        sent.append(made | _compiled_context(context.helpers, context.imports))
    source = _SENT.replace("PROGRAM", repr(_program())).replace("PAYLOAD", repr(packed(sent)))
    return PlainTests(source, tuple(guarded))


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


@lru_cache(maxsize=1024)
def _compiled(test: str, shared: tuple[str, ...] | None, is_quiet: bool) -> tuple[CodeType, CodeType | None]:
    """Return a test as code that defines a function, or as two codes, of statements and of a last expression.

    As a function, what only its hidden part binds is local to it; see `GuardContext`.
    """
    tree = ast.parse(test)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) and not is_quiet else None
    if shared is None:
        value = ast.Expression(last.value if isinstance(last, ast.Expr) else ast.Constant(None))
        return compile(tree, "<test>", "exec"), compile(ast.fix_missing_locations(value), "<test>", "eval")
    made = ast.parse("def test(): pass")
    body: list[ast.stmt] = [*([ast.Global(list(shared))] if shared else []), *tree.body]
    if isinstance(last, ast.Expr):
        body.append(ast.copy_location(ast.Return(last.value), last))
    vars(made.body[0])["body"] = body or [ast.Pass()]
    return compile(ast.fix_missing_locations(made), "<test>", "exec"), None


@lru_cache(maxsize=256)
def _compiled_context(helpers: tuple[str, ...], imports: tuple[tuple[str, str], ...]) -> dict[str, object]:
    return {
        "helpers": [compile(helper, "<locked cell>", "exec", dont_inherit=True) for helper in helpers],
        "imports": [(name, compile(text, "<imports>", "exec", dont_inherit=True)) for name, text in imports],
    }


@cache
def _program() -> str:
    return packed(compile(_PROGRAM, "<guard>", "exec", dont_inherit=True))
