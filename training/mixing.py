"""Mixes as the page sees them: start, look, discard. The mixing is done by a process of its own:

python -m training.mixing FOLDER
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import dataset, errand, mix
from training.errors import UserError
from training.files import read_json, write_json
from training.importing import desk, staging


@dataclass(frozen=True)
class Look:
    """How a mix stands: it is being written, it is a dataset, or it failed."""

    rows: int = 0
    of: int = 0
    done: bool = False
    error: UserError | None = None

    @property
    def live(self) -> bool:
        return not self.done and not self.error

    @property
    def share(self) -> float:
        return self.rows / self.of if self.of else 0.0


def start(name: str, parts: Mapping[str, float], seed: int = 0, distinct: bool = False) -> str:
    """Begin to mix dataset `name`; returns the mix's id. Raises UserError (mix_*, dataset_*)."""
    desk.tidy()
    wanted = {"name": dataset.checked_name(name), "parts": dict(parts), "seed": seed, "distinct": distinct}
    mix.check(parts)
    folder = staging.new()
    errand.start("training.mixing", folder, wanted)
    return folder.name


def look(mixed: str) -> Look:
    """How the mix stands. Raises UserError(mix_not_there)."""
    folder = _folder(mixed)
    alive = errand.is_alive(folder)
    # Asked before the files are: what ends in between has written its last word.
    if (folder / "done.json").is_file():
        return Look(done=True)
    error = errand.error(folder)
    if not error and not alive:
        error = UserError("mix_died", reason=errand.last_line(folder), log=folder / errand.LOG)
    return Look(**errand.progress(folder), error=error)


def finish(mixed: str) -> str:
    """The name of the dataset that came out; the mix is forgotten. Raises UserError: why none did."""
    folder, how = _folder(mixed), look(mixed)
    name: str = read_json(folder / "request.json")["name"]
    discard(mixed)
    if how.error or not how.done:
        raise how.error or UserError("mix_not_there")
    return name


def discard(mixed: str) -> None:
    """End a mix, or forget one that has ended; its dataset stays. One that is not there any more is none."""
    try:
        folder = _folder(mixed)
    except UserError:
        return
    errand.end(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _folder(mixed: str) -> Path:
    folder = staging.imports_dir() / mixed
    if not mixed or Path(mixed).name != mixed or not (folder / "request.json").is_file():
        raise UserError("mix_not_there")
    return folder


def main(folder: Path) -> int:
    """Mix what request.json wants. Returns the exit code."""

    def work(request: dict[str, Any], tell: errand.Tell) -> None:
        parts, seed, distinct = request["parts"], request["seed"], request["distinct"]
        mix.write(folder, parts, seed, distinct, lambda rows, of: tell({"rows": rows, "of": of}))
        dataset.take(request["name"], folder)
        write_json(folder / "done.json", {"dataset": request["name"]})

    return errand.perform(folder, work, UserError("mix_memory"), "mix_died")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
