"""The model of a hosted app: MODEL_REPO=USER/REPO[@REVISION] on OpenXLab, fetched at start and kept across restarts.

The fetching is that of every added model (models/adding.py): in a process of its own, checked, resumed, whole or not
at all. Until it is there, and when it cannot be had, another model answers.
"""

from __future__ import annotations

import os

from hub import address
from training import models, runs
from training.errors import UserError
from training.files import read_json, write_json
from training.home import models_dir
from training.models import adding, sources
from training.models.adding import Look

_RECORD = ".hosted.json"
"""In HOME/models: which repo the hosted model came from."""


def is_hosted() -> bool:
    """Whether strangers visit: a model repo is named, or STUDIO_HOSTED says so."""
    return bool(source() or os.environ.get("STUDIO_HOSTED"))


def source() -> str:
    """Where the model is; empty when the variable does not say. A hub may be named before the repo (`hf:USER/REPO`)."""
    told = os.environ.get("MODEL_REPO", "").strip()
    return told if not told or address.is_address(told) else f"openxlab:{told}"


def model() -> str:
    """Who answers now: the hosted model when it is here, else what was trained here last, else the starter."""
    return _here() or next((run for run in runs.names() if runs.merged(run)), models.STARTER)


def look() -> Look | None:
    """How the fetching stands; None when the model is here, or none is wanted.

    The end of a fetching is written down here, so that the next start knows the model.
    """
    if not source() or _here():
        return None
    now = adding.look()
    if now and now.done and now.source == source():
        _record(now.name)
        adding.forget()
        return None
    return now if now and now.source == source() else None


def fetch() -> UserError | None:
    """Begin to fetch the model if it is wanted and not here; why that cannot even begin, if so."""
    if not source() or _here():
        return None
    try:
        with sources.told():
            where = address.parse(source())
        name = "-".join(filter(None, (where.repo, where.revision[:12]))).replace("/", "-")[:64]
        if name in models.names():  # it arrived, and the app ended before that was written down
            _record(name)
        else:
            adding.start(source(), name, by_owner=True)
    except UserError as error:
        return error
    return None


def _record(name: str) -> None:
    write_json(models_dir() / _RECORD, {"source": source(), "model": name})


def _here() -> str:
    try:
        told = read_json(models_dir() / _RECORD)
        name = str(told["model"])
        return name if told["source"] == source() and name in models.names() else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
