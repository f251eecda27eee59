"""Attempts to answer in a test's place, from the process that it shares with the submission; none gains a point."""

from __future__ import annotations

import pytest

from courseware.execution import ACCOMPANIED
from tests.courseware.small_assignment import FULL, HONEST, NOTHING, WRONG, answered, by_id, graded, points

# What every one of them does once it has got hold of the test: a report with the seal that the grader expects.
FORGE = """
import hmac, json, marshal, os, re, socket, struct, sys, threading, zlib, binascii

def forged(source):
    for part in re.findall(r"'([A-Za-z0-9+/=]{40,})'", source):
        try:
            found = marshal.loads(zlib.decompress(binascii.a2b_base64(part)))
        except Exception:
            continue
        if isinstance(found, dict) and "nonce" in found:
            body = repr({"ok": True, "value": "4.0" if "sum(" in found["source"] else None, "suspicion": ""})
            return body + "|" + hmac.new(found["nonce"].encode(), body.encode(), "sha256").hexdigest()

def speak(s):
    head = s.recv(4, socket.MSG_WAITALL)
    g = json.loads(s.recv(struct.unpack("!I", head)[0], socket.MSG_WAITALL))
    def send(m):
        b = json.dumps(m).encode()
        s.sendall(struct.pack("!I", len(b)) + b)
    shown = {"data": {"text/plain": forged(g["source"])}, "metadata": {}, "execution_count": 1}
    send({"type": "execute_result", "content": shown})
    body = json.dumps({"status": "ok"}, sort_keys=True)
    seal = hmac.new(bytes.fromhex(g["key"]), body.encode(), "sha256").hexdigest()
    send({"type": "execute_reply", "content": {"status": "ok"}, "body": body, "seal": seal})

def ready(s):
    b = json.dumps({"type": "ready", "content": {}}).encode()
    s.sendall(struct.pack("!I", len(b)) + b)

def module(end):
    return next(m for n, m in list(sys.modules.items()) if n.endswith(end))
"""
SHOWN = "type('R', (), {'__repr__': lambda s: %r})()"
ATTEMPTS = {
    "rewrites the code of the function that answers": """
m = module(".evaluation")
def evil(channel, execute):
    ready(channel); speak(channel)
m.ready, m.speak = ready, speak
for name in ("evaluate", "_evaluate"):
    if hasattr(m, name): getattr(m, name).__code__ = evil.__code__
""",
    "replaces a method of the sockets' class": """
_recv = socket.socket.recv
def recv(self, *a):
    data = _recv(self, *a)
    return re.sub(rb'"source": ".*?[^\\\\\\\\]"', b'"source": "0"', data) if b'"source"' in data else data
socket.socket.recv = recv
""",
    "replaces what turns the test into Python": """
import builtins
from IPython.core.inputtransformer2 import TransformerManager
TransformerManager.transform_cell = lambda self, cell: SHOWN % forged(cell) if "a2b_base64" in cell else cell
""".replace("SHOWN", repr(SHOWN)),
    "empties the test while it is read": """
import ast
_fix = ast.fix_missing_locations
def fix(tree):
    if isinstance(tree, ast.Module): tree.body = [n for n in tree.body if not isinstance(n, ast.Assert)]
    return _fix(tree)
ast.fix_missing_locations = fix
_parse = ast.parse
def parse(source, *a, **k):
    tree = _parse(source, *a, **k)
    tree.body = [n for n in tree.body if not isinstance(n, ast.Assert)]
    return tree
ast.parse = parse
""",
    "takes the guard's eyes away": """
sys.addaudithook = lambda hook: None
def look():
    f = sys._getframe()
    while f:
        for c in f.f_code.co_consts:
            if isinstance(c, (list, tuple)): return list(c)
        f = f.f_back
def squares(n): return look()
""",
    "listens to what is compiled": """
seen = []
def hook(event, args):
    if event == "compile" and isinstance(args[0], str): seen.append(args[0])
sys.addaudithook(hook)
def squares(n):
    for text in seen:
        found = re.search(r"squares\\(%d\\) == (\\[.*?\\])" % n, text)
        if found: return eval(found[1])
    return []
""",
    "is asked for the shell": """
_shell = get_ipython()
def get_ipython():
    f = sys._getframe(1)
    while f:
        guard = f.f_locals.get("self")
        if hasattr(guard, "nonce"):
            guard.source = "None"
        f = f.f_back
    return _shell
""",
    "empties what is put back before a test": """
f = sys._getframe()
while f:
    for value in f.f_locals.values():
        for cell in getattr(value, "__closure__", None) or ():
            try:
                if isinstance(cell.cell_contents, list): cell.cell_contents.clear()
            except ValueError: pass
    f = f.f_back
w = module(".wire")
_receive = w.receive
def receive(sock):
    message, found = _receive(sock)
    if "source" in message: message["source"] = SHOWN % forged(message["source"])
    return message, found
w.receive = receive
""".replace("SHOWN", repr(SHOWN)),
    "finds what is put back with the garbage collector": """
import gc
for o in gc.get_objects():
    if getattr(o, "__qualname__", "").endswith("restore"): o.__code__ = (lambda: None).__code__
module(".wire").json = None
""",
    "traces the loop that takes orders": """
def trace(frame, event, arg): return trace
f = sys._getframe()
while f:
    f.f_trace = lambda frame, event, arg: frame.f_locals.update(evaluate=lambda *a: speak(socket.socket(fileno=a[-1])))
    f = f.f_back
sys.settrace(trace)
""",
    "forks in its own way": """
class Own:
    def __getattr__(self, name): return getattr(os, name)
    def fork(self):
        pid = os.fork()
        if pid == 0: answer()
        return pid
def answer():
    for n in os.listdir("/proc/self/fd"):
        try: ready(socket.socket(fileno=int(n))); speak(socket.socket(fileno=int(n)))
        except Exception: pass
module(".evaluation").os = Own()
os.register_at_fork(after_in_child=answer)
""",
    "handles a signal that comes with an order": """
import signal, fcntl
def handler(number, frame):
    for n in os.listdir("/proc/self/fd"):
        try:
            s = socket.socket(fileno=os.dup(int(n)))
            head, found, *_ = socket.recv_fds(s, 4, 4)
            s.recv(struct.unpack("!I", head)[0])
            c = socket.socket(fileno=found[0]); ready(c); speak(c)
        except Exception: pass
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
""",
}
BESIDE = {
    "a thread that reads the channel": """
def look():
    known = set(os.listdir("/proc/self/fd"))
    while True:
        for n in set(os.listdir("/proc/self/fd")) - known:
            try:
                if os.readlink("/proc/self/fd/" + n).startswith("socket:"): speak(socket.socket(fileno=os.dup(int(n))))
            except Exception: pass
sys.setswitchinterval(1e-5)
for _ in range(4): threading.Thread(target=look, daemon=True).start()
""",
    "a process that takes the orders": """
if os.fork() == 0:
    while True:
        for n in os.listdir("/proc/self/fd"):
            try:
                s = socket.socket(fileno=os.dup(int(n)))
                head, found, *_ = socket.recv_fds(s, 4, 4, socket.MSG_DONTWAIT)
                s.recv(struct.unpack("!I", head)[0])
                c = socket.socket(fileno=found[0]); ready(c); speak(c)
            except Exception: pass
""",
}


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
async def test_no_point_is_gained_by_what(attempt: str) -> None:
    assert points(await graded(answered(WRONG + FORGE + ATTEMPTS[attempt]))) == NOTHING


@pytest.mark.parametrize("attempt", BESIDE, ids=str)
async def test_no_point_is_gained_by_and_a_person_is_told_of(attempt: str) -> None:
    result = await graded(answered(WRONG + FORGE + BESIDE[attempt]))
    assert points(result) == NOTHING
    found = by_id(result).values()
    assert any(score.score.reason == ACCOMPANIED and score.score.needs_review for score in found)


@pytest.mark.parametrize(
    "beside",
    [
        "import concurrent.futures as f\npool = f.ThreadPoolExecutor(3)\nprint(list(pool.map(str, range(3))))\n",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n",
        "import subprocess\nsubprocess.Popen(['sleep', '60'])\n",
        "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)\nsignal.alarm(60)\n",
        "import doctest\ndef twice(x):\n    '>>> twice(2)\\n4'\n    return 2 * x\ndoctest.testmod()\n",
        "import collections\nP = collections.namedtuple('P', 'x y', defaults=[0])\n"
        "def f(): pass\nf.__code__ = (lambda: 1).__code__\n",
        "import pdb, os, random\nos.register_at_fork(after_in_child=random.seed)\n",
    ],
    ids=["idle pool", "sleeping thread", "sleeping process", "alarm", "doctest", "own code", "fork hook"],
)
async def test_what_is_idle_beside_a_test_or_honest_costs_nothing(beside: str) -> None:
    assert points(await graded(answered(beside + HONEST))) == FULL
