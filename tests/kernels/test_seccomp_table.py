"""The numbers of the forbidden system calls, against the headers of Linux: arm64 has the generic ones."""

from __future__ import annotations

import platform
import re
import struct
from pathlib import Path

import pytest

from kernels._forked import seccomp

HEADERS = {
    "x86-64": (0, Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")),
    "arm64": (1, Path("/usr/include/asm-generic/unistd.h")),
}
ONLY_X86 = {"create_module", "get_kernel_syms", "ioperm", "iopl", "mknod", "modify_ldt", "query_module", "sysfs"}
ONLY_X86 |= {"uselib", "ustat"}


@pytest.mark.parametrize("architecture", HEADERS)
def test_numbers_are_those_of_the_headers(architecture: str) -> None:
    column, header = HEADERS[architecture]
    if not header.exists():
        pytest.skip(f"{header} is not installed")
    pattern = re.compile(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\s")
    numbers = {name: int(number) for name, number in pattern.findall(header.read_text())}
    table = dict(seccomp._CALLS) | {"socket": seccomp._SOCKET, "clone": seccomp._CLONE, "ioctl": seccomp._IOCTL}
    known = {name: pair[column] for name, pair in table.items() if pair[column] is not None}
    assert {name: numbers.get(name, number) for name, number in known.items()} == known
    assert len(known.keys() & numbers.keys()) > 0.9 * len(known)
    assert numbers["clone3"] == seccomp._CLONE3


def test_arm64_leaves_out_only_what_it_does_not_have() -> None:
    assert {name for name, (_x86, arm) in seccomp._CALLS.items() if arm is None} == ONLY_X86


@pytest.mark.parametrize(("machine", "column"), [("x86_64", 0), ("aarch64", 1)])
def test_filter_of_each_architecture_denies_what_its_table_says(
    machine: str, column: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    code = seccomp.build()
    audit = seccomp._ARCHITECTURES[machine][1]
    for name, pair in seccomp._CALLS.items():
        if pair[column] is not None:
            assert _run(code, audit, pair[column] or 0) == seccomp._ERRNO | 1, name
    allowed = {"read": (0, 63), "write": (1, 64), "openat": (257, 56), "mmap": (9, 222), "futex": (202, 98)}
    for name, numbers in allowed.items():
        assert _run(code, audit, numbers[column]) == seccomp._ALLOW, name
    assert _run(code, audit ^ 1, 0) == seccomp._KILL_PROCESS
    assert _run(code, audit, seccomp._SOCKET[column], 16) == seccomp._ERRNO | 97  # netlink: EAFNOSUPPORT
    assert _run(code, audit, seccomp._SOCKET[column], 2) == seccomp._ALLOW
    assert _run(code, audit, seccomp._CLONE[column], 0x10000000) == seccomp._ERRNO | 1  # a new user namespace
    assert _run(code, audit, seccomp._CLONE[column], 0x3D0F00) == seccomp._ALLOW  # a thread


def _run(code: bytes, architecture: int, number: int, first: int = 0, second: int = 0) -> int:
    """Interpret the filter: classic BPF with the few instructions that it consists of."""
    data = struct.pack("<IIQQQ", number, architecture, 0, first, second)
    value, at = 0, 0
    while True:
        kind, if_true, if_false, operand = struct.unpack_from("HBBI", code, at * 8)
        at += 1
        if kind == seccomp._LOAD_WORD:
            (value,) = struct.unpack_from("<I", data, operand)
        elif kind == seccomp._RETURN:
            return int(operand)
        else:
            holds = {
                seccomp._JUMP_EQUAL: value == operand,
                seccomp._JUMP_GREATER_OR_EQUAL: value >= operand,
                seccomp._JUMP_ANY_BIT: bool(value & operand),
            }[kind]
            at += if_true if holds else if_false
