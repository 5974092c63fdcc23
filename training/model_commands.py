"""`python -m training models` (list and add), `distill` and `publish`, as the command line has them."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from typing import Any

from hub.pulling import Progress
from training import distill, models, publishing
from training.errors import UserError
from training.models import catalogue, sources
from training.sentences import LANGUAGES


def listed() -> dict[str, Any]:
    """The base models that are here, and the ones that are known to fit."""
    here = models.names()
    folders = {name: models.place(name) for name in here}
    described = [
        {**asdict(models.describe(path)), "name": name, "path": str(path)}
        for name, path in folders.items()
        if path.is_dir()
    ]
    names = {path.name for path in folders.values() if path.is_dir()}
    known = [
        {**asdict(entry), "size": entry.size, "memory": entry.memory, "here": entry.name in names}
        for entry in catalogue.CATALOGUE
    ]
    return {"models": here, "folders": described, "catalogue": known}


def added(source: str, name: str) -> dict[str, Any]:
    """Add the model at `source`; tells how far it is on a terminal."""
    path = sources.add(source, name, progress=_tell, fetching=_tell_fetching)
    return {"model": name, **asdict(models.describe(path)), "path": str(path)}


def distilled(options: argparse.Namespace) -> dict[str, Any]:
    """Let a model answer what it has not answered yet; Ctrl+C keeps what there is."""
    if options.model == models.STARTER:
        models.starter.ensure(_tell)
    languages = [options.only] if options.only else LANGUAGES
    distill.start(options.model, languages)
    try:
        while (now := distill.look(options.model, languages)).live:
            if sys.stderr.isatty():
                print(f"\r{now.done} of {now.of}", end="\r", file=sys.stderr)
            time.sleep(0.3)
    except KeyboardInterrupt:
        distill.stop(options.model)
        raise
    if now.error:
        raise now.error
    own = distill.own(options.model)
    good = {language: sum(map(bool, answers.values())) for language, answers in own.items()}
    return {"model": options.model, "answered": now.done, "of": now.of, "good": good}


def published(options: argparse.Namespace) -> dict[str, Any]:
    """Push a run's model with its card to OpenXLab, once it was agreed to what there is to know first."""
    publishing.addressed(options.repo)
    lines = publishing.told_first(options.run, options.language)
    for line in lines:
        print(line, file=sys.stderr)
    if not options.yes:
        raise UserError("publishing_not_agreed")
    done = publishing.publish(options.run, options.repo, "", "", lambda now: _tell_fetching(now, "send"))
    return {"run": options.run, "page": publishing.addressed(options.repo).page, **asdict(done), "told": lines}


def _tell_fetching(now: Progress, stage: str = "fetch") -> None:
    _tell(f"{stage} {now.file}", now.total_done / max(1, now.total))


def _tell(stage: str, share: float) -> None:
    if sys.stderr.isatty():
        print(f"\r{stage} {share:4.0%}\033[K", end="\r", file=sys.stderr)
