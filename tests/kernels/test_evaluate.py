"""Evaluation in a throw-away fork: sees the state, leaves no trace, and cannot be answered for by the cells."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell

from kernels import CellRun, KernelsError, Limits, NotebookSession, open_session

pytestmark = pytest.mark.usefixtures("kernel_parent")


async def run(session: NotebookSession, source: str) -> CellRun:
    return await session.run_cell(new_code_cell(source))


async def test_evaluation_sees_the_state_and_leaves_no_trace() -> None:
    async with open_session(mode="short") as session:
        await run(session, "x = [1]")
        first = await session.evaluate("x.append(2); y = 5\nprint('seen')\nx")
        assert first.status == "ok"
        assert first.value_text == "[1, 2]"
        assert first.outputs[0].text == "seen\n"
        second = await session.evaluate("assert 'y' not in globals()\nx")
        assert second.value_text == "[1]"
        assert (await run(session, "assert x == [1]")).status == "ok"


async def test_failed_assertion_is_an_error_with_its_text() -> None:
    async with open_session(mode="short") as session:
        await run(session, "x = 1")
        result = await session.evaluate("assert x == 2, 'x must be 2'")
    assert result.status == "error"
    assert result.error is not None
    assert (result.error.name, result.error.value) == ("AssertionError", "x must be 2")


async def test_endless_evaluation_is_stopped_and_the_session_goes_on() -> None:
    async with open_session(mode="short") as session:
        result = await session.evaluate("while True: pass", timeout_seconds=1)
        assert result.status == "timeout"
        assert (await session.evaluate("1 + 1")).value_text == "2"
        assert (await run(session, "1")).status == "ok"


async def test_evaluation_that_exits_before_its_end_has_not_passed() -> None:
    async with open_session(mode="short") as session:
        await run(session, "import os\ndef f():\n    os._exit(0)")
        result = await session.evaluate("f()")
        assert result.status == "died"
        assert (await session.evaluate("1")).status == "ok"


async def test_forged_answer_on_every_descriptor_is_noticed() -> None:
    source = (
        "import json, os, struct\n"
        "def f():\n"
        "    reply = {'status': 'ok', 'execution_count': 1}\n"
        "    body = json.dumps({'type': 'execute_reply', 'content': reply, 'body': json.dumps(reply),\n"
        "                       'seal': '0' * 64}).encode()\n"
        "    for fd in range(3, 256):\n"
        "        try:\n            os.write(fd, struct.pack('!I', len(body)) + body)\n"
        "        except OSError:\n            pass\n"
        "    os._exit(0)\n"
    )
    async with open_session(mode="short") as session:
        await run(session, source)
        result = await session.evaluate("f()\nassert False")
    assert result.status == "forged"


async def test_printed_answer_is_only_output() -> None:
    async with open_session(mode="short") as session:
        await run(session, 'def f():\n    print(\'{"status": "ok"}\')')
        result = await session.evaluate("f()\nassert False")
    assert result.status == "error"


async def test_replaced_builtins_do_not_make_an_assertion_pass() -> None:
    async with open_session(mode="short") as session:
        await run(session, "import builtins\nbuiltins.AssertionError = type('Quiet', (Exception,), {})")
        result = await session.evaluate("assert 1 == 2")
    assert result.status == "error"


_FAKE = "async def ok(*a, **k): return {'status': 'ok'}\n"
CHEATS = {
    "replaces do_execute": f"k = get_ipython().kernel\n{_FAKE}k.do_execute = ok",
    "replaces do_execute of the class": f"k = type(get_ipython().kernel)\n{_FAKE}k.do_execute = ok",
    "replaces run_cell": "s = get_ipython()\nr = s.run_cell\ns.run_cell = lambda code, *a, **k: r('1', *a, **k)",
    "drops the code by an input transformer": "get_ipython().input_transformers_post.append(lambda lines: [])",
    "drops the code by a cleanup transform": "get_ipython().input_transformer_manager.cleanup_transforms.append("
    "lambda lines: [])",
    "drops assertions by an AST transformer": "import ast\nclass T(ast.NodeTransformer):\n"
    "    def visit_Assert(self, node): return ast.Pass()\nget_ipython().ast_transformers.append(T())",
    "replaces compile and exec": "import builtins\nb = builtins.exec\nbuiltins.exec = lambda *a, **k: None",
    "replaces len": "import builtins\nbuiltins.len = lambda x, of=len: 2 if x == [1] else of(x)",
    "replaces json": "import json\nd = json.dumps\n"
    "json.dumps = lambda o, *a, **k: d({**o, 'status': 'ok'} if isinstance(o, dict) and 'status' in o else o, *a, **k)",
    "acts before each cell": "import builtins\nget_ipython().events.register('pre_run_cell', lambda *a: "
    "builtins.__dict__.update(len=lambda x: 2))",
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS.keys())
async def test_replaced_parts_of_the_kernel_do_not_run_the_evaluation(cheat: str) -> None:
    async with open_session(mode="short") as session:
        await run(session, "x = [1]")
        await run(session, cheat)
        result = await session.evaluate("assert len(x) == 2, 'too short'")
        assert result.status == "error"
        assert result.error is not None
        assert result.error.value == "too short"


async def test_evaluation_after_the_end_of_the_kernel_says_why_it_ended() -> None:
    async with open_session(mode="short") as session:
        await run(session, "import builtins\nbuiltins.len = None")
        result = await session.evaluate("1")
    assert result.status == "died"
    assert result.death is not None


async def test_full_kernel_says_that_it_cannot() -> None:
    async with open_session(mode="kernel") as session:
        with pytest.raises(KernelsError, match="short"):
            await session.evaluate("1")


async def test_evaluations_leave_no_process_behind() -> None:
    async with open_session(mode="short", limits=Limits(cell_timeout_seconds=5)) as session:
        for _ in range(20):
            assert (await session.evaluate("1")).status == "ok"
        result = await session.evaluate("import os; len(os.listdir(f'/proc/{os.getppid()}/fd'))")
        again = await session.evaluate("import os; len(os.listdir(f'/proc/{os.getppid()}/fd'))")
        assert result.value_text == again.value_text
        children = await session.evaluate(
            "import os; p = os.getppid(); open(f'/proc/{p}/task/{p}/children').read().split() == [str(os.getpid())]"
        )
        assert children.value_text == "True"


async def test_a_plain_evaluation_leaves_no_trace_and_the_last_one_ends_the_kernel() -> None:
    async with open_session(mode="short") as session:
        await run(session, "x = [1]")
        first = await session.evaluate("x.append(2)\nprint(x)", is_plain=True)
        assert (first.status, first.outputs[0].text) == ("ok", "[1, 2]\n")
        wrong = await session.evaluate("assert x == [2], 'not this'", is_plain=True)
        assert wrong.error is not None
        assert (wrong.status, wrong.error.name, wrong.error.value) == ("error", "AssertionError", "not this")
        last = await session.evaluate("assert x == [1]\ndisplay(x)", is_plain=True, is_last=True)
        assert (last.status, [output.data["text/plain"] for output in last.outputs]) == ("ok", ["[1]"])
        assert not session.alive


@pytest.mark.parametrize(("source", "status"), [("while True: pass", "timeout"), ("import os; os._exit(3)", "died")])
async def test_a_last_evaluation_that_does_not_answer_says_why(source: str, status: str) -> None:
    async with open_session(mode="short") as session:
        found = await session.evaluate(source, timeout_seconds=1, is_plain=True, is_last=True)
        assert found.status == status
        assert found.death is not None
        assert not session.alive
