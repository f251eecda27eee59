"""A seccomp filter for code of strangers (Linux, x86-64 and arm64).

System calls that reach the kernel's less trodden parts, other processes, namespaces, devices or the machine as a
whole fail with `EPERM`; calls newer than the table below fail with `ENOSYS`, as on an older kernel, which makes
libraries fall back. Sockets are for Unix and Internet addresses only (vsock, for one, is not confined by a network
namespace). The filter is classic BPF, see seccomp(2) and `linux/filter.h`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct

from .system import prctl

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2

_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_GREATER_OR_EQUAL = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_JUMP_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000

_NUMBER_OFFSET, _ARCH_OFFSET, _FIRST_ARGUMENT_OFFSET, _SECOND_ARGUMENT_OFFSET = 0, 4, 16, 24

_CLONE_NEW_ANY = 0x7E020080  # every CLONE_NEW* flag that clone(2) knows, time namespaces included
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C

# name: (x86-64, arm64); None where the architecture has no such call
_CALLS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "chroot": (161, 51),
    "clock_adjtime": (305, 266), "clock_settime": (227, 112), "create_module": (174, None),
    "delete_module": (176, 106), "fanotify_init": (300, 262), "finit_module": (313, 273), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fsopen": (430, 430), "fspick": (433, 433), "get_kernel_syms": (177, None),
    "init_module": (175, 105), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425), "ioperm": (173, None), "iopl": (172, None), "kcmp": (312, 272),
    "kexec_file_load": (320, 294), "kexec_load": (246, 104), "keyctl": (250, 219), "lookup_dcookie": (212, 18),
    "migrate_pages": (256, 238), "mknod": (133, None), "mknodat": (259, 33), "modify_ldt": (154, None),
    "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429), "move_pages": (279, 239),
    "name_to_handle_at": (303, 264), "nfsservctl": (180, 42), "open_by_handle_at": (304, 265),
    "open_tree": (428, 428), "perf_event_open": (298, 241), "personality": (135, 92), "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41), "process_madvise": (440, 440), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "ptrace": (101, 117), "query_module": (178, None), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "reboot": (169, 142), "request_key": (249, 218), "setdomainname": (171, 162),
    "setns": (308, 268), "settimeofday": (164, 170), "swapoff": (168, 225), "swapon": (167, 224),
    "sysfs": (139, None), "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97), "uselib": (134, None),
    "userfaultfd": (323, 282), "ustat": (136, None), "vhangup": (153, 58),
}  # fmt: skip
_SOCKET, _CLONE, _IOCTL = (41, 198), (56, 220), (16, 29)
_CLONE3 = 435
_LAST_KNOWN = 450
_X32_BIT = 0x40000000
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def build() -> bytes:
    """The filter's instructions for this machine.

    Raises
    ------
    OSError
        If there is no table for its architecture.
    """
    try:
        column, audit_name = _ARCHITECTURES[platform.machine()]
    except KeyError as error:
        raise OSError(errno.ENOSYS, f"no seccomp table for {platform.machine()}") from error
    denied = sorted({numbers[column] for numbers in _CALLS.values()} - {None})  # type: ignore[type-var]
    code = [
        _instruction(_LOAD_WORD, _ARCH_OFFSET),
        _instruction(_JUMP_EQUAL, audit_name, 1, 0),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD_WORD, _NUMBER_OFFSET),
        # x32 calls run the same code under other numbers
        *_when(_JUMP_GREATER_OR_EQUAL, _X32_BIT, _ERRNO | errno.EPERM),
        *_when(_JUMP_GREATER_OR_EQUAL, _LAST_KNOWN + 1, _ERRNO | errno.ENOSYS),
        # its flags are in memory, out of a filter's reach; the C library falls back to clone
        *_when(_JUMP_EQUAL, _CLONE3, _ERRNO | errno.ENOSYS),
    ]
    for number in denied:
        code += _when(_JUMP_EQUAL, int(number or 0), _ERRNO | errno.EPERM)
    code += _argument_checks(column)
    code.append(_instruction(_RETURN, _ALLOW))
    return b"".join(code)


def install(program: bytes) -> None:
    """Put the filter on this process and all its descendants, for good; raises `OSError`."""
    forbid_new_privileges()
    structure = _Program(len(program) // 8, program)
    prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(structure))


def forbid_new_privileges() -> None:
    """No program that is started gains rights by its file's mode; raises `OSError`."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _argument_checks(column: int) -> list[bytes]:
    """Calls that are allowed with some arguments only; each block ends the program when its call matches."""
    families = [_instruction(_JUMP_EQUAL, int(family), len(_FAMILIES) - i, 0) for i, family in enumerate(_FAMILIES)]
    sockets = [
        _instruction(_LOAD_WORD, _FIRST_ARGUMENT_OFFSET),
        *families,
        _instruction(_RETURN, _ERRNO | errno.EAFNOSUPPORT),
        _instruction(_RETURN, _ALLOW),
    ]
    clones = [
        _instruction(_LOAD_WORD, _FIRST_ARGUMENT_OFFSET),
        _instruction(_JUMP_ANY_BIT, _CLONE_NEW_ANY & ~0x80, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.EPERM),
        _instruction(_RETURN, _ALLOW),
    ]
    controls = [
        _instruction(_LOAD_WORD, _SECOND_ARGUMENT_OFFSET),
        _instruction(_JUMP_EQUAL, _TIOCSTI, 2, 0),
        _instruction(_JUMP_EQUAL, _TIOCLINUX, 1, 0),
        _instruction(_RETURN, _ALLOW),
        _instruction(_RETURN, _ERRNO | errno.EPERM),
    ]
    result: list[bytes] = []
    for number, block in ((_SOCKET[column], sockets), (_CLONE[column], clones), (_IOCTL[column], controls)):
        result += [_instruction(_JUMP_EQUAL, number, 0, len(block)), *block]
    return result


def _when(comparison: int, value: int, outcome: int) -> list[bytes]:
    return [_instruction(comparison, value, 0, 1), _instruction(_RETURN, outcome)]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value & 0xFFFFFFFF)


def self_test() -> bool:
    """Whether this kernel accepts the filter, found out in a throw-away child."""
    pid = os.fork()
    if pid == 0:
        try:
            install(build())
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0
