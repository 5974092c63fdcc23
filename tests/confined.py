"""Run a program that can write nowhere but in some folders: python confined.py FOLDER[:FOLDER...] PROGRAM ARGUMENT...

Landlock does it, without any rights, and for all children too. Exit code 77 where the kernel has none.
"""

from __future__ import annotations

import ctypes
import os
import sys

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PR_SET_NO_NEW_PRIVS, _PATH_BENEATH = 38, 1
_WRITING = 0b111_1111_1111_0010
"""Everything that changes files or folders, and truncating; not executing and reading."""
UNAVAILABLE = 77


class _Ruleset(ctypes.Structure):
    _fields_ = [("handled", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def confine(folders: list[str]) -> bool:
    """Let this process and its children write below these folders only."""
    system = ctypes.CDLL(None, use_errno=True)
    rules = _Ruleset(_WRITING)
    ruleset = system.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    if ruleset < 0:
        return False
    for folder in folders:
        rule = _Beneath(_WRITING, os.open(folder, os.O_PATH))
        if system.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0):
            return False
    system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return not system.syscall(_RESTRICT_SELF, ruleset, 0)


if __name__ == "__main__":
    if not confine(sys.argv[1].split(":")):
        sys.exit(UNAVAILABLE)
    os.execv(sys.argv[2], sys.argv[2:])
