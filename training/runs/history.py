"""What can be done with runs that were: rename, note, weigh, clean up, delete."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from training import xtuner
from training.errors import UserError
from training.exam import recommendation
from training.files import write_json, writing_failed
from training.runs import holding, queue, record, resumption, stages
from training.runs.stages import Stage

NAME_LENGTH, NOTE_LENGTH = 80, 4000


def rename(run: str, name: str) -> None:
    """Give a run another name; its id and folder stay. Raises UserError (run_missing, run_name_bad)."""
    name = " ".join(name.split())
    if not name or len(name) > NAME_LENGTH:
        raise UserError("run_name_bad", limit=NAME_LENGTH)
    _change(run, name=name)


def note(run: str, text: str) -> None:
    """Keep a remark with a run, in place of the last one. Raises UserError (run_missing, run_note_too_long)."""
    if len(text) > NOTE_LENGTH:
        raise UserError("run_note_too_long", limit=NOTE_LENGTH, length=len(text))
    _change(run, note=text.strip())


def _change(run: str, **values: Any) -> None:
    with queue.locked():  # a run that takes its turn may write its spec, too
        write_json(record.folder(run) / "spec.json", {**record.spec(run), **values})


def size(run: str) -> int:
    """Bytes that deleting the run would free. Raises UserError(run_missing)."""
    return sum(_weight(path) for path in _files(record.folder(run)))


def _files(place: Path) -> list[Path]:
    if not place.is_dir() or place.is_symlink():
        return [place]
    return [Path(root) / name for root, _, names in os.walk(place) for name in names]


def _weight(path: Path) -> int:
    try:
        found = path.lstat()
    except OSError:
        return 0  # it went away while we looked
    # A second name of a file that somebody else keeps (the dataset's rows) frees nothing.
    return found.st_blocks * 512 if found.st_nlink == 1 else 0


def clean_up(run: str) -> int:
    """Remove what a finished run no longer needs; returns the bytes that this freed.

    Kept: the recommended checkpoint, the last of each stage, and the one that a resume would go on from; the exam, the
    adapter and the merged model, the curve and the logs. Raises UserError (run_missing, run_active, run_spec_broken).
    """
    with queue.locked():
        place = _at_rest(run)
        found = [place / "aside", place / ".merged", place / ".adapter"]
        for stage in stages.of(place, record.spec(run)):
            kept = _needed(run, stage)
            checkpoints = xtuner.checkpoints(stage.work).items()
            found += [path for iteration, path in checkpoints if stage.before + iteration not in kept]
            found.append(stage.work / "datasets_cache")
        found = [path for path in found if path.exists()]
        freed = sum(_weight(file) for path in found for file in _files(path))
        for path in found:
            _remove(path)
    return freed


def _needed(run: str, stage: Stage) -> set[int]:
    """The checkpoints of a stage that stay, by the run's iterations."""
    chosen = recommendation.load(record.folder(run)) if stage.phase == "training" else None
    recommended = {stage.before + chosen.iteration} if chosen else set()
    return {max(stage.checkpoints(), default=0), resumption.resume_point(run), *recommended}


def delete(run: str) -> None:
    """Remove a run with its checkpoints and its model. Raises UserError (run_missing, run_active)."""
    with queue.locked():
        place = _at_rest(run)
        gone = place.with_name(f".deleted-{run}")
        try:
            place.rename(gone)  # from here on it is deleted, even if this process dies now
        except OSError as error:
            raise writing_failed(error, place) from error
        _remove(gone)


def _at_rest(run: str) -> Path:
    place = record.folder(run)
    if record.look(run).live or holding.is_held(place):
        raise UserError("run_active", run=run)
    return place


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        raise writing_failed(error, path) from error
