"""Namespaces and mounts for code of strangers (Linux)."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from functools import cache

from .system import check, libc, syscall

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 32, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_SETATTR = 442
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

HOME = "/home/kernel"
OUTSIDE_USER_ID = 65534
"""Who a sandboxed process is outside, when the parent is root: nobody."""
INSIDE_USER_ID = 1000

_SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
_SYSTEM_FILES = (
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/timezone", "/etc/fonts",
    "/etc/nsswitch.conf", "/etc/mime.types", "/etc/ssl/certs", "/etc/alternatives",
)  # fmt: skip
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def unshare(flags: int) -> None:
    """Leave the namespaces that the flags name; raises `OSError`."""
    check(libc.unshare(ctypes.c_int(flags)))


def fork_into_pid_namespace() -> tuple[int, bool]:
    """Fork a child that is the first process of a new pid namespace, where this process has the right to.

    Returns what `os.fork` does, and whether the child is in such a namespace. It takes one fork, where a child that
    unshares by itself takes two, and a fork of a process with much memory is what costs.
    """
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            unshare(CLONE_NEWPID)
        except OSError:
            return os.fork(), False
        pid = os.fork()
        if pid:
            check(libc.setns(own, CLONE_NEWPID))
        return pid, True
    finally:
        os.close(own)


def map_user(outside: int) -> None:
    """In a new user namespace, be `INSIDE_USER_ID` inside and `outside` outside; nobody else exists."""
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{INSIDE_USER_ID} {outside} 1")
    _write("/proc/self/gid_map", f"{INSIDE_USER_ID} {outside} 1")


def build_root(readable: list[str], private_bytes: int, owner: int) -> None:
    """Make the root folder one that holds the readable paths, read-only, and a private writable folder.

    Must run in new mount and pid namespaces. The private folder is at `HOME`; `/tmp` and `/dev/shm` are in the
    same file system, so that its size bounds everything that is written.
    """
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    paths = [path for path in (*_SYSTEM_FOLDERS, *_SYSTEM_FILES, *_DEVICES, *readable) if os.path.exists(path)]
    sources = [(path, os.open(path, os.O_PATH | os.O_NOFOLLOW)) for path in _outermost(paths)]
    base = "/tmp"  # noqa: S108 - any folder will do: it is hidden in this namespace only
    _mount("tmpfs", base, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,nr_inodes=4k,mode=755")
    os.makedirs(f"{base}/proc")
    _mount("proc", f"{base}/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    _make_terminals(base)
    _make_private_folder(base, private_bytes, owner)
    for path, descriptor in sources:  # last: a readable path may lie where the private folder is shown
        _show(path, descriptor, base)
        os.close(descriptor)
    os.chdir(base)
    check(syscall(_PIVOT_ROOT[os.uname().machine], b".", b"."))
    check(libc.umount2(b".", _MNT_DETACH))
    os.chdir("/")
    _set_attributes("/", _MS_RDONLY, recursive=False)
    os.chdir(HOME)


@cache
def python_folders(own: tuple[str, ...]) -> list[str]:
    """What Python needs to import later what the parent has not: prefixes, folders of `sys.path`, own packages.

    The parent asks, too, so that its children have the answer.
    """
    folders = {sys.prefix, sys.base_prefix, sys.exec_prefix, *(path for path in sys.path if os.path.isdir(path))}
    for name in own:
        module = sys.modules.get(name)
        folders.update(getattr(module, "__path__", ()))
    return sorted(os.path.realpath(folder) for folder in folders | set(map(os.path.abspath, folders)) if folder)


def _outermost(paths: list[str]) -> list[str]:
    """Without those that lie in another; symbolic links stay, because they are made again."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not kept or not path.startswith(kept[-1] + "/") or os.path.islink(kept[-1]):
            kept.append(path)
    return kept


def _show(path: str, descriptor: int, base: str) -> None:
    target = base + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(path), target)
        return
    if stat.S_ISDIR(mode):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(f"/proc/self/fd/{descriptor}", target, None, _MS_BIND | _MS_REC)
    devices = 0 if path in _DEVICES else _MS_NODEV
    _set_attributes(target, _MS_RDONLY | _MS_NOSUID | devices, recursive=True)


def _make_terminals(base: str) -> None:
    """Pseudo-terminals of its own, which `!command` needs; without them the command fails and nothing else."""
    os.makedirs(f"{base}/dev/pts")
    options = "newinstance,ptmxmode=0666,mode=0600,max=16"
    try:
        _mount("devpts", f"{base}/dev/pts", "devpts", _MS_NOSUID | _MS_NOEXEC, options)
    except OSError:
        os.rmdir(f"{base}/dev/pts")
        return
    for link, place in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0")):
        os.symlink(place, f"{base}/dev/{link}")


def _make_private_folder(base: str, private_bytes: int, owner: int) -> None:
    private = f"{base}/private"
    os.makedirs(private)
    options = f"size={private_bytes},nr_inodes=64k,mode=700,uid={owner},gid={owner}"
    _mount("tmpfs", private, "tmpfs", _MS_NOSUID | _MS_NODEV, options)
    for name, mode, place in (("home", 0o700, HOME), ("tmp", 0o700, "/tmp"), ("shm", 0o700, "/dev/shm")):  # noqa: S108
        os.mkdir(f"{private}/{name}", mode)
        os.chown(f"{private}/{name}", owner, owner)
        os.makedirs(base + place, exist_ok=True)
        _mount(f"{private}/{name}", base + place, None, _MS_BIND)
    check(libc.umount2(private.encode(), _MNT_DETACH))
    os.rmdir(private)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    check(
        libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            options.encode() or None,
        )
    )


def _set_attributes(path: str, flags: int, *, recursive: bool) -> None:
    """Add mount flags (`mount_setattr(2)`, Linux 5.12); on older kernels, remount the top."""
    # struct mount_attr: attr_set, attr_clr, propagation, userns_fd; MOUNT_ATTR_* equal MS_* for these flags
    attributes = struct.pack("QQQQ", flags, 0, 0, 0)
    at = _AT_RECURSIVE if recursive else 0
    if syscall(_MOUNT_SETATTR, _AT_FDCWD, path.encode(), at, attributes, len(attributes)) == 0:
        return
    _mount("none", path, None, _MS_REMOUNT | _MS_BIND | flags)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as stream:
        stream.write(text)
