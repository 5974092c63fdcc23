"""The manners of our commands at a terminal: Ctrl-C, a reader that is gone, letters it cannot show, empty arguments.

For `python -m hub`, `training` and `serving` alike. What a command does is told by its own room. Light: Ctrl-C also
comes while the rest is still being loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any

CANCELLED = 130
"""The exit code after Ctrl-C; as shells have it, 128 and the signal's number."""
_CLOSED = 141
"""The one where nobody reads any more (`| head -1`)."""
_SENTENCES = Path(__file__).resolve().parent.parent / "assets" / "i18n"


def run(main: Callable[[], int]) -> int:
    """main() with good manners; returns the exit code. Until it calls begun(), Ctrl-C ends it wherever it is."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGINT, _end)
    try:
        try:
            code = main()
        except SystemExit as end:  # argparse, which has told what it had to
            code = end.code if isinstance(end.code, int) else 1
        for stream in (sys.stdout, sys.stderr):
            if stream:
                stream.flush()
        return code
    except KeyboardInterrupt:
        return cancelled()
    except OSError as error:
        if not _unwritable():
            raise
        if isinstance(error, BrokenPipeError):
            return _CLOSED
        _tell(_sentence("terminal_unwritable").format(reason=error.strerror))
        return 1


def begun() -> None:
    """From here on Ctrl-C is a KeyboardInterrupt, so that work can be put away."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def cancelled() -> int:
    """Say that Ctrl-C has ended the command; returns the exit code."""
    sentence = _sentence("hub_cancelled")
    _tell(sentence)
    if "--json" in sys.argv:
        print(json.dumps({"ok": False, "error": "cancelled", "message": sentence}, ensure_ascii=False), flush=True)
    return CANCELLED


def answered(answer: Mapping[str, Any], as_json: bool) -> None:
    """Print what a command found: as one line of JSON, or for people, as YAML without what is empty."""
    if as_json:
        print(json.dumps(answer, ensure_ascii=False))
        return
    import yaml  # not everybody who comes here has something to be told

    told = {key: value for key, value in json.loads(json.dumps(answer)).items() if value not in (None, "", [], {})}
    if told:
        print(yaml.safe_dump(told, allow_unicode=True, sort_keys=False, width=1000), end="")


def filled(text: str) -> str:
    """An argument's type, for argparse: an empty path would be the folder that one is in."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _end(_signal: int, _frame: FrameType | None) -> None:
    # No exception: it would come up in some import, or be lost there.
    try:
        cancelled()
    finally:
        os._exit(CANCELLED)


def _unwritable() -> bool:
    """Whether it is our own output that failed. It then goes nowhere: Python would try once more at its end."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            os.write(stream.fileno(), b"\n")  # what could not be written before may not be in the buffer any more
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            return True
    return False


def _sentence(code: str) -> str:
    language = "zh" if re.search(r"--language[ =]zh", " ".join(sys.argv)) else "en"
    text: str = json.loads((_SENTENCES / f"{language}.json").read_text(encoding="utf-8"))[f"error.{code}"]
    return text


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
