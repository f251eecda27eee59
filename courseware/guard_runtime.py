"""Runs inside the kernel, in the throw-away fork where a test is evaluated; sent there as source, never imported.

It takes the test away from where student code could read it, refuses introspection from student code while the test
runs, looks for patched builtins and helpers, watches comparisons, and reports what happened. It must not rely on any
name of the notebook.
"""

# A program for another interpreter, not a module of this one: it runs code by design and is kept small, untyped.
# ruff: noqa: S102, S108, S307
# mypy: ignore-errors

import _signal
import ast
import builtins
import sys
import types

_PLAIN = (int, float, complex, bool, str, bytes, list, tuple, dict, set, frozenset, type(None))
_OPERATORS = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__sub__", "__rsub__", "__abs__", "__bool__")
_ARRAYS = ("__array__", "__array_function__", "__array_ufunc__", "__float__", "__len__", "__contains__", "__repr__")
_WATCHED = (
    "sys._getframe",
    "sys._current_frames",
    "sys.settrace",
    "sys.setprofile",
    "sys.addaudithook",
    "gc.get_objects",
    "gc.get_referrers",
    "gc.get_referents",
    "sys.monitoring.register_callback",
)
_LIBRARY = (sys.prefix, sys.base_prefix, "<frozen", "<__array_function__")
_THROUGH = ("inspect.py", "traceback.py", "gc.py", "IPython/utils/frame.py")
_GIVES_FRAMES = ("<lambda>", "currentframe")  # of logging


class Guard:
    """One test."""

    def __init__(self, seal, source, nonce, defined, helpers, imports, shared, quiet):
        self.source, self.nonce, self.defined, self.quiet = source, nonce, defined, quiet
        self.helpers, self.imports, self.shared = helpers, imports, shared
        self.seal = seal
        self.silenced = []
        self.suspicion = ""
        self.is_checking = False

    def run(self, shell):
        """Run the test among the names of the notebook; return the report."""
        sys.settrace(None)
        sys.setprofile(None)
        sys.addaudithook(self.audit)  # before anything that the notebook may have made is touched
        names = shell.user_ns
        self.hide_history(shell, names)
        names["__builtins__"] = builtins
        report = {"ok": True, "value": None}
        try:
            self.import_again(names)
            for helper in self.helpers:
                exec(compile(helper, "<locked cell>", "exec"), names)
            tree = ast.fix_missing_locations(_Watch().visit(ast.parse(self.source)))
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) and not self.quiet else None
            self.look_for_patches(ast.parse("\n".join([*self.helpers, self.source])))
            self.silence_signals()
            watcher = _watching(self.watch)
            next(watcher)
            test = self.ready(tree, last, names, watcher.send)
            self.source = None
            value = test()
            if last is not None:
                self.watch((value,), False)
                report["value"] = None if value is None else repr(value)[:1000]
        except BaseException as error:
            report["ok"] = False
            report["ename"] = type(error).__name__
            report["evalue"] = _text_of(error)
            self.is_checking = True
            report["line"] = _line_of(error)
        self.is_checking = True
        for module, name, function in self.silenced:
            setattr(module, name, function)
        if any(map(_is_handled, range(1, _signal.NSIG))):
            self.suspect("the submission handled signals while a test ran")
        report["suspicion"] = self.suspicion
        # An f-string calls `repr` in C, whatever stands under that name.
        body = f"{report!r}"
        return Report(f"{body}|{self.seal(self.nonce.encode(), body.encode(), 'sha256').hex()}")

    def import_again(self, names):
        """Bind the names that the assignment imports to their modules, where the submission has kept them."""
        for bound, statement in self.imports:
            if bound in names:
                try:
                    exec(compile(statement, "<imports>", "exec"), names)
                except ImportError:
                    continue

    def ready(self, tree, last, names, watch):
        """Return the test as a function.

        What it binds is local to it, and so is the guard: nobody finds them among the notebook's names. Only `shared`
        are those of the notebook.
        """
        if self.shared is None:
            names["__collegium_watch__"] = watch
            code = compile(tree, "<test>", "exec")
            value = None if last is None else compile(ast.Expression(last.value), "<test>", "eval")
            return lambda: (exec(code, names), None if value is None else eval(value, names))[1]
        made = ast.parse("def test(__collegium_watch__): pass")
        shared = [ast.Global(self.shared)] if self.shared else []
        ending = [] if last is None else [ast.copy_location(ast.Return(last.value), last)]
        made.body[0].body = [*shared, *tree.body, *ending] or [ast.Pass()]
        found = {}
        exec(compile(ast.fix_missing_locations(made), "<test>", "exec"), names, found)
        return lambda: found["test"](watch)

    def silence_signals(self):
        """Take away the handlers of signals, which would be given the frames of the test, and the means to set them."""

        def refuse(*_arguments):
            raise RuntimeError("This is not possible while a test runs.")

        for number in filter(_is_handled, range(1, _signal.NSIG)):
            _signal.signal(number, _signal.SIG_DFL)
        for module in filter(None, (sys.modules.get("signal"), _signal)):
            for name in ("signal", "setitimer", "alarm", "set_wakeup_fd"):
                self.silenced.append((module, name, getattr(module, name)))
                setattr(module, name, refuse)

    def suspect(self, text):
        """Keep the first thing that was noticed."""
        self.suspicion = self.suspicion or text

    def hide_history(self, shell, names):
        """Forget the cell in which the test came."""
        if shell.ast_transformers or shell.input_transformers_post:
            self.suspect("the submission installed an input transformer")
        for history in (names.get("In"), names.get("_ih")):
            if isinstance(history, list) and history:
                history[-1] = ""
        for name in ("_i", "_ii", "_iii"):
            names[name] = ""
        for name in [name for name in names if name.startswith("_i") and name[2:].isdigit()]:
            names[name] = ""
        manager = shell.history_manager
        for history in (manager.input_hist_parsed, manager.input_hist_raw):
            if history:
                history[-1] = ""
        manager._i00 = ""
        linecache = sys.modules.get("linecache")
        for cache in (linecache.cache, getattr(linecache, "_ipython_cache", {})):
            for key in list(cache):
                if not str(key).startswith(_LIBRARY):
                    cache.pop(key)

    def look_for_patches(self, tree):
        """Look at builtins, and at the modules that the test uses, for functions that a notebook put there."""
        for name in _BUILTINS:
            found = getattr(builtins, name, None)
            kind = type(found)
            genuine = kind is type and found.__module__ == "builtins" and found.__name__ == name
            if not genuine and not (
                kind is types.BuiltinFunctionType and found.__name__ == name and found.__self__ is builtins
            ):
                self.suspect(f"the builtin {name} was replaced")
        names = sys.modules["__main__"].__dict__
        for name in _BUILTINS:
            if name in names and name not in self.defined:
                del names[name]
        packages = {"unittest", "math", "operator"}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                packages.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                packages.add(node.module.partition(".")[0])
            elif isinstance(node, ast.Name):
                value = names.get(node.id)
                module = value.__name__ if type(value) is types.ModuleType else getattr(value, "__module__", None)
                if isinstance(module, str) and module != "__main__":
                    packages.add(module.partition(".")[0])
        used = _names_in(tree)
        for key, module in list(sys.modules.items()):
            if key.partition(".")[0] in packages:
                if type(module) is type or getattr(type(module), "__module__", "") == "__main__":
                    self.suspect(f"the module {key} was replaced")
                elif type(module) is types.ModuleType:
                    self.look_at(key, vars(module), used)

    def look_at(self, where, found, used):
        """Look at the attributes of a module, and of its classes for assertions."""
        is_python = str(found.get("__file__", "")).endswith(".py")
        for name, value in list(found.items()):
            is_planted = getattr(type(value), "__module__", "") == "__main__" and callable(value)
            if is_python and name in used and type(value) is types.BuiltinFunctionType and value.__name__ != name:
                is_planted = True
            if is_planted or (type(value) is types.FunctionType and _is_foreign(value)):
                self.suspect(f"{where}.{name} was replaced")
            elif type(value) is type and name == "TestCase":
                for method, made in list(vars(value).items()):
                    if type(made) is types.FunctionType and _is_foreign(made):
                        self.suspect(f"{where}.{name}.{method} was replaced")

    def watch(self, values, result):
        """Look at what was compared, or given to an assertion: plain values must not meet objects that decide it."""
        for value in values:
            culprit = self.deciding(value, 0)
            others = [other for other in values if other is not value]
            if culprit and (not others or any(type(other) in _PLAIN or _is_library(type(other)) for other in others)):
                self.suspect(f"the comparison was decided by the submission's class {culprit}")
                return False
        return result

    def deciding(self, value, depth):
        """Name of the class of the notebook, not asked for by the assignment, that decides comparisons of a value."""
        kind = type(value)
        if type(kind) is not type and getattr(type(kind), "__module__", "") == "__main__":
            return kind.__name__
        for base in kind.__mro__:
            if base.__name__ in self.defined:
                continue
            methods = [vars(base)[name] for name in _OPERATORS + _ARRAYS if name in vars(base)]
            if (methods and not _is_library(base)) or any(_is_written(method) for method in methods):
                return kind.__name__
        if depth < 4 and kind in (list, tuple, set, frozenset):
            return next((found for item in list(value)[:1000] if (found := self.deciding(item, depth + 1))), "")
        if depth < 4 and kind is dict:
            return self.deciding(list(value.values()), depth + 1)
        return ""

    def audit(self, event, arguments):
        """Refuse what looks into the interpreter, when student code asks."""
        if self.is_checking or not (event in _WATCHED or event.startswith(("ctypes.", "object.__getattr__"))):
            return
        if event == "object.__getattr__" and arguments[1] not in ("tb_frame", "gi_frame", "cr_frame", "ag_frame"):
            return
        self.is_checking = True
        try:
            frame = sys._getframe(1)
            while frame is not None and _gives_frames(frame.f_code):
                frame = frame.f_back
            name = frame.f_code.co_filename if frame is not None else ""
        finally:
            self.is_checking = False
        if not name.startswith(_LIBRARY):
            self.suspect(f"the submission looked into the grader ({event})")
            raise RuntimeError("This is not possible while a test runs.")


def _watching(watch):
    """A generator whose `send` is the guard's eye: it shows who calls it nothing of the guard."""
    found = None
    while True:
        found = watch(*(yield found))


def _gives_frames(code):
    is_logging = code.co_filename.endswith("logging/__init__.py") and code.co_name in _GIVES_FRAMES
    return is_logging or code.co_filename.endswith(_THROUGH)


def _is_handled(number):
    handler = _signal.getsignal(number)
    return callable(handler) and handler is not _signal.default_int_handler


class Report:
    """What the shell shows as the result."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


class _Watch(ast.NodeTransformer):
    """Send comparisons and the arguments of assertions through the guard."""

    def visit_Compare(self, node):
        """`a == b` becomes a call that compares and looks at both."""
        self.generic_visit(node)
        if len(node.ops) != 1 or isinstance(node.ops[0], ast.Is | ast.IsNot):
            return node
        values = [ast.Name("__l", ast.Load()), ast.Name("__r", ast.Load())]
        compare = ast.Compare(values[0], node.ops, [values[1]])
        body = _watch(ast.Tuple(values, ast.Load()), compare)
        arguments = ast.arguments([], [ast.arg("__l"), ast.arg("__r")], None, [], [], None, [])
        return ast.copy_location(ast.Call(ast.Lambda(arguments, body), [node.left, *node.comparators], []), node)

    def visit_Call(self, node):
        """An assertion gets its arguments looked at first."""
        self.generic_visit(node)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        judges = name.lower().startswith("assert") or name in ("allclose", "isclose", "array_equal", "array_equiv")
        if not judges or not node.args or any(isinstance(a, ast.Starred) for a in node.args):
            return node
        names = [f"__a{i}" for i in range(len(node.args))]
        loads = [ast.Name(n, ast.Load()) for n in names]
        checked = _watch(ast.Tuple(loads, ast.Load()), ast.Constant(True))
        refused = _watch(ast.Tuple([], ast.Load()), ast.Constant(False))
        body = ast.IfExp(checked, ast.Call(node.func, loads, node.keywords), refused)
        arguments = ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])
        return ast.copy_location(ast.Call(ast.Lambda(arguments, body), node.args, []), node)


def _names_in(tree):
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.name)
    return found


def _watch(values, result):
    seen = ast.Tuple([values, result], ast.Load())
    return ast.Call(ast.Name("__collegium_watch__", ast.Load()), [seen], [])


def _is_library(kind):
    module = sys.modules.get(kind.__module__)
    if module is None or kind.__module__ == "__main__":
        return False
    path = getattr(module, "__file__", None)
    return path is None or path.startswith(_LIBRARY)


def _is_written(method):
    return type(method) is types.FunctionType and not method.__code__.co_filename.startswith(_LIBRARY)


def _is_foreign(function):
    return function.__module__ == "__main__" or function.__code__.co_filename.startswith(
        ("/tmp/ipykernel_", "<ipython-")
    )


def _text_of(error):
    try:
        return str(error)[:2000]
    except BaseException:
        return ""


def _line_of(error):
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<test>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


_BUILTIN_NAMES = """
abs all any bool bytes callable dict divmod enumerate filter float frozenset getattr hasattr hash int isinstance
issubclass iter len list map max min next object pow range repr reversed round set sorted str sum tuple type zip
exec eval compile __import__ setattr delattr vars Exception AssertionError ValueError TypeError BaseException
"""
_BUILTINS = _BUILTIN_NAMES.split()
