"""A model being added as the page sees it: start, look, cancel. One at a time, in a process of its own:

python -m training.models.adding FOLDER

A reload of the page finds it again. The token is in that process's environment and nowhere else.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from hub import address, openxlab_api
from hub.address import Credentials
from hub.pulling import Progress
from training import errand
from training.errors import UserError
from training.files import read_json, write_json
from training.home import models_dir
from training.models import arrival, sources

_TOKEN = "STUDIO_ADDING_TOKEN"


@dataclass(frozen=True)
class Look:
    """How it stands: it goes on, it is there, or it failed."""

    source: str
    name: str
    done: bool = False
    error: UserError | None = None
    told: dict[str, Any] = field(default_factory=dict)
    """stage ("fetch", "wait", "copy", "convert") and share; while fetching, hub.Progress as well."""

    @property
    def live(self) -> bool:
        return not self.done and not self.error


def start(source: str, name: str = "", token: str = "", by_owner: bool = False) -> str:
    """Begin to add a model; returns what it will be called.

    Where strangers visit, only what is done `by_owner` is asked for with this machine's tokens and keys.

    Raises UserError: model_adding_already, model_folder_not_here, model_name_bad, model_name_taken, and what
    sources.checked() has to say.
    """
    before = look()
    if before and before.live:
        raise UserError("model_adding_already", source=before.source)
    if not sources.takes_folders() and not address.is_address(source):
        raise UserError("model_folder_not_here")
    sources.checked(source)
    called = arrival.checked_name(name if name.strip() else sources.suggested_name(source))
    with sources.told():
        Credentials(token=token.strip())
    shutil.rmtree(_folder(), ignore_errors=True)
    _folder().mkdir()
    variables = {_TOKEN: token.strip()}
    if not sources.takes_folders() and not by_owner:
        variables |= openxlab_api.NOBODY
    errand.start("training.models.adding", _folder(), {"source": source.strip(), "name": called}, variables)
    return called


def look() -> Look | None:
    """How the adding stands; None when there is none."""
    folder = _folder()
    try:
        wanted = read_json(folder / "request.json")
        source, name = str(wanted["source"]), str(wanted["name"])
    except (OSError, ValueError, KeyError):
        return None
    alive = errand.is_alive(folder)
    # Asked before the files are: what ends in between has written its last word.
    if (folder / "done.json").is_file():
        return Look(source, name, done=True)
    error = errand.error(folder)
    if not error and not alive and (folder / "process.json").is_file():
        error = UserError("model_adding_died", reason=errand.last_line(folder), log=folder / errand.LOG)
    return Look(source, name, error=error, told=errand.progress(folder))


def cancel() -> None:
    """End the adding, and leave nothing of it."""
    now = look()
    if not now:
        return
    errand.cancel(_folder())  # it ends git, or the conversion, before itself
    if not now.done:
        sources.forget(now.source)
    forget()


def forget() -> None:
    """It was seen how it ended."""
    shutil.rmtree(_folder(), ignore_errors=True)


def _folder() -> Path:
    return models_dir() / ".addition"


def _ended(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit("it was told to end")  # what has arrived stays; a page that cancels removes it itself


def main(folder: Path) -> int:
    """Add what request.json wants. Returns the exit code."""
    token = os.environ.pop(_TOKEN, "")  # the conversion's process has no use for it
    signal.signal(signal.SIGTERM, _ended)

    def work(request: dict[str, Any], tell: errand.Tell) -> None:
        def fetching(now: Progress) -> None:
            tell({"stage": "fetch", "share": now.total_done / max(1, now.total), **asdict(now)})

        def arriving(stage: str, share: float) -> None:
            tell({"stage": stage, "share": share})

        sources.add(request["source"], request["name"], token, arriving, fetching)
        write_json(folder / "done.json", {"model": request["name"]})

    return errand.perform(folder, work, UserError("model_adding_memory"), "model_adding_died")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
