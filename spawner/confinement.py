"""A project's server as a user of its own, with a view of the machine that holds its own project and no other.

Needs root and Linux 5.12. Each project has a user id that no account of the machine has. The project's folders are
shown to it through id-mapped mounts: on the disk everything belongs to the platform, in the project's view to the
project's user. So nothing is ever re-owned, the platform writes into projects without a second thought, and a backup
knows nothing of all this. The rest of the view is read-only: programs, libraries, settings of the machine; other
projects, the platform's data and other people's processes are not in it.

Uses the standard library only: run as a program, it tries itself out and says what is in the way.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import signal
import stat
import struct
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

USER_ID_VARIABLE = "COLLEGIUM_USER_ID"
RESULTS_FOLDER = "runs"
"""Beside a project's files and state: the results of its runs, which its own code reads and cannot change."""
FIRST_USER_ID = 1_900_000_000
LAST_USER_ID = 2_100_000_000
_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWUSER = 0x00020000, 0x08000000, 0x10000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC = 1, 2, 4, 8
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE, _AT_EMPTY_PATH = -100, 0x8000, 0x1000
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_OPEN_TREE_CLONE, _MOVE_EMPTY_PATH = 1, 4
_ATTR_IDMAP = 0x00100000
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_SHOWN = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/etc", "/sys", "/nix/store")
GPUS_VARIABLE = "COLLEGIUM_GPUS"  # of kernels.gpus, which is not imported before the view of the files is made
_NOT_SHOWN = ("/", "/tmp", "/root", "/home", "/var", "/run")
_OUR_FOLDERS = ("spawner", "kernels", "handcalc", "pipelines", "frontend/lab/dist")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_libc = ctypes.CDLL(None, use_errno=True)


class ConfinementError(Exception):
    """The machine does not allow it; the message says what is missing."""


@dataclass(frozen=True)
class View:
    """What a confined server sees besides the read-only system.

    Parameters
    ----------
    files, state
        Folders of the project, writable.
    user_id
        Who the server is.
    results
        Folder of the results of the project's runs, read-only; `None` when there is none.
    """

    files: Path
    state: Path
    user_id: int
    results: Path | None = None


def user_id_of(projects_dir: Path, project_id: str) -> int:
    """Return the user id of a project, a new one when it has none yet. No two projects ever have the same.

    Raises
    ------
    ConfinementError
        All ids are taken.
    """
    own = projects_dir / project_id / "user_id"
    own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (projects_dir / ".user_ids").open("a+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        if own.exists():
            return int(own.read_text())
        counter.seek(0)
        last = int(counter.read() or FIRST_USER_ID)
        given = 1 + max([last, *(int(path.read_text()) for path in projects_dir.glob("*/user_id"))])
        if given > LAST_USER_ID:
            raise ConfinementError("All user ids for projects have been given out.")
        counter.seek(0)
        counter.truncate()
        counter.write(str(given))
        counter.flush()
        os.fsync(counter.fileno())
        own.write_text(str(given))
        return given


def confine(view: View) -> None:
    """Take this process, for good, into the view of one project; call it before there is a second thread.

    Raises
    ------
    OSError
        The system refused; nothing can be assumed about what this process sees now, so end it.
    """
    working_folder = Path.cwd()
    mapping = _user_namespace(view.user_id)
    _check(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWIPC))
    _mount("none", "/", None, _REC | _PRIVATE)
    shared = (view.files, view.state, *([view.results] if view.results else []))
    temporary = _temporary_folder(view.state, shared)
    shown = [(path, os.open(path, os.O_PATH | os.O_NOFOLLOW)) for path in _read_only()]
    own = [(str(path), _mapped(path, mapping)) for path in (Path(f"/proc/self/fd/{temporary}"), *shared)]
    os.close(temporary)
    base = "/tmp"
    _mount("tmpfs", base, "tmpfs", _NOSUID | _NODEV, "size=4m,mode=755")
    for path, descriptor in shown:
        _show(path, descriptor, base)
    _mount(_passwd(view, base), f"{base}/etc/passwd", None, _BIND)
    _make_proc(base)
    _make_devices(base, view.user_id)
    for name in ("run", "mnt", "home", "root", "var"):
        os.makedirs(f"{base}/{name}", exist_ok=True)
    os.symlink("/tmp", f"{base}/var/tmp")
    inner_tmp = f"{base}/tmp"
    Path(inner_tmp).mkdir()
    for (path, descriptor), target in zip(own, (inner_tmp, *(base + str(path) for path in shared)), strict=True):
        if not path.startswith("/tmp/") or target == inner_tmp:
            os.makedirs(target, exist_ok=True)
        _move(descriptor, target)
        _set_attributes(target, _NOSUID | _NODEV | (_RDONLY if path == str(view.results) else 0))
    os.chdir(base)
    _check(_syscall(_PIVOT_ROOT[os.uname().machine], b".", b"."))
    _check(_libc.umount2(b".", _MNT_DETACH))
    _set_attributes("/", _RDONLY, recursive=False)
    for _path, descriptor in (*shown, *own):
        os.close(descriptor)
    os.close(mapping)
    _become(view.user_id)
    os.chdir(working_folder if working_folder in (view.files, view.state) else view.files)


def confine_as_told() -> None:
    """Confine this process when its environment says so, as the spawner wrote it."""
    if user_id := os.environ.pop(USER_ID_VARIABLE, ""):
        files, state = Path(os.environ["JUPYTERHUB_ROOT_DIR"]), Path(os.environ["COLLEGIUM_STATE_DIR"])
        results = state.parent / RESULTS_FOLDER
        confine(View(files, state, int(user_id), results if results.is_dir() else None))


def problem() -> str:
    """Return what is in the way of confining servers on this machine, tried and not guessed; empty when nothing is."""
    if sys.platform != "linux":
        return "this is not Linux"
    if os.geteuid() != 0:
        return "the platform does not run as root"
    with tempfile.TemporaryDirectory(prefix="collegium-probe-") as folder:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _try_out(Path(folder), writer)
        os.close(writer)
        with os.fdopen(reader) as answer:
            said = answer.read()
        os.waitpid(pid, 0)
    return "" if said == "ok" else said or "the trial ended without a word"


def _try_out(folder: Path, writer: int) -> None:
    try:
        view = View(folder / "files", folder / "state", LAST_USER_ID + 1)
        view.files.mkdir()
        view.state.mkdir()
        (folder / "secret").write_text("x")
        confine(view)
        (view.files / "probe").write_text("x")
        seen = (folder / "secret").exists()
        os.write(writer, b"a file outside of the view can be seen" if seen else b"ok")
    except OSError as error:
        os.write(writer, f"the system refuses: {error}".encode())
    finally:
        os._exit(0)


def _user_namespace(user_id: int) -> int:
    """Return a user namespace, as a descriptor, that maps the platform's user to the project's."""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        answer = b"y" if _libc.unshare(_CLONE_NEWUSER) == 0 else b"n"
        os.write(told, answer)
        signal.pause()
        os._exit(0)
    try:
        if os.read(ready, 1) != b"y":
            raise OSError(1, "user namespaces are switched off")
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{pid}/{name}").write_text(f"{os.geteuid()} {user_id} 1")
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready)
        os.close(told)


def _mapped(path: Path, mapping: int) -> int:
    """Return a copy of a folder's mount in which the platform's files belong to the project's user."""
    tree = _syscall(_OPEN_TREE, _AT_FDCWD, str(path).encode(), _OPEN_TREE_CLONE | os.O_CLOEXEC)
    _check(-1 if tree < 0 else 0)
    attributes = struct.pack("QQQQ", _ATTR_IDMAP, 0, 0, mapping)
    _check(_syscall(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, attributes, len(attributes)))
    return tree


def _move(tree: int, target: str) -> None:
    _check(_syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, target.encode(), _MOVE_EMPTY_PATH))


def _read_only() -> list[str]:
    """Return the folders of the system, of Python and of the platform's programs."""
    folders = {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path) if path}
    folders |= {os.path.abspath(path) for path in (sys.prefix, sys.base_prefix, *sys.path) if path}
    # of a checkout only what servers and kernels need
    checkout = Path(__file__).resolve().parents[1]
    folders |= {str(checkout / name) for name in _OUR_FOLDERS}
    found = [path for path in (*_SHOWN, *folders) if os.path.isdir(path) and path not in _NOT_SHOWN]
    found = [path for path in found if not path.startswith("/tmp/")]  # /tmp is the view's own
    if sys.prefix.startswith("/tmp/"):
        raise OSError(22, f"Python lies below /tmp ({sys.prefix}), which every project has one of its own of")
    return _outermost(found)


def _outermost(paths: Iterable[str]) -> list[str]:
    """Return the paths without those that lie in another; symbolic links stay, because they are made again."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not kept or not path.startswith(kept[-1] + "/") or os.path.islink(kept[-1]):
            kept.append(path)
    return kept


def _show(path: str, descriptor: int, base: str) -> None:
    target = base + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if stat.S_ISLNK(os.fstat(descriptor).st_mode):
        if not os.path.lexists(target):
            os.symlink(os.readlink(path), target)
        return
    os.makedirs(target, exist_ok=True)
    _mount(f"/proc/self/fd/{descriptor}", target, None, _BIND | _REC)
    _set_attributes(target, _RDONLY | _NOSUID | _NODEV)


def _make_proc(base: str) -> None:
    """Mount a /proc that shows the project's own processes only."""
    os.makedirs(f"{base}/proc")
    _mount("proc", f"{base}/proc", "proc", _NOSUID | _NODEV | _NOEXEC, "hidepid=2")


def _make_devices(base: str, user_id: int) -> None:
    os.makedirs(f"{base}/dev/pts")
    os.makedirs(f"{base}/dev/shm")
    names = list(_DEVICES)
    if os.environ.get(GPUS_VARIABLE, "0") != "0":
        names += [name for name in os.listdir("/dev") if name.startswith("nvidia")]
    for name in names:
        if os.path.exists(f"/dev/{name}") and not os.path.isdir(f"/dev/{name}"):
            os.close(os.open(f"{base}/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o644))
            # through the mount table outside: it is still there
            _mount(f"/dev/{name}", f"{base}/dev/{name}", None, _BIND)
    _mount("devpts", f"{base}/dev/pts", "devpts", _NOSUID | _NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
    _mount("tmpfs", f"{base}/dev/shm", "tmpfs", _NOSUID | _NODEV, f"mode=700,uid={user_id},gid={user_id},size=50%")
    for link, place in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1")):
        os.symlink(place, f"{base}/dev/{link}")


def _temporary_folder(state: Path, folders: Iterable[Path]) -> int:
    """Return a descriptor of the project's own /tmp, with places to show folders at that lie below /tmp themselves.

    It lies in a folder that the project writes to, which may have put a link there that leads to something else.
    """
    above = os.open(state, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    temporary = _own_folder(above, "tmp", 0o700)
    os.close(above)
    for folder in folders:
        if folder.is_relative_to("/tmp"):  # as they do in tests
            inner = os.dup(temporary)
            for part in folder.relative_to("/tmp").parts:
                below = _own_folder(inner, part, 0o755)
                os.close(inner)
                inner = below
            os.close(inner)
    return temporary


def _own_folder(above: int, name: str, mode: int) -> int:
    """Open a folder in a folder, a new one when there is none; a link or a file in its place gives way."""
    for _attempt in range(2):
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, mode, dir_fd=above)
        try:
            return os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
        except NotADirectoryError:
            os.unlink(name, dir_fd=above)
    raise OSError(errno.ENOTDIR, f"{name} cannot be made: something else is put in its place")


def _passwd(view: View, base: str) -> str:
    """Write the list of users that the project sees, the system's and its own, where the project cannot write."""
    lines = [line for line in Path("/etc/passwd").read_text(encoding="utf-8").splitlines() if line]
    lines.append(f"project:x:{view.user_id}:{view.user_id}:Project:{view.files}:/bin/bash")
    path = Path(base, ".passwd")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o644)
    return str(path)


def _become(user_id: int) -> None:
    """Give up root, and the ways back to it."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(user_id, user_id, user_id)
    os.setresuid(user_id, user_id, user_id)
    # After a change of user /proc/self would belong to root, and a process could not look at itself.
    _check(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0))
    os.umask(0o077)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    kind_bytes = kind.encode() if kind else None
    _check(_libc.mount(source.encode(), target.encode(), kind_bytes, ctypes.c_ulong(flags), options.encode() or None))


def _set_attributes(path: str, flags: int, *, recursive: bool = True) -> None:
    attributes = struct.pack("QQQQ", flags, 0, 0, 0)  # MOUNT_ATTR_* equal MS_* for these flags
    at = _AT_RECURSIVE if recursive else 0
    _check(_syscall(_MOUNT_SETATTR, _AT_FDCWD, path.encode(), at, attributes, len(attributes)))


def _syscall(number: int, *arguments: int | bytes) -> int:
    return int(_libc.syscall(ctypes.c_long(number), *arguments))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    found = problem()
    print(found)
    sys.exit(1 if found else 0)
