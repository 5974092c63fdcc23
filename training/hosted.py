"""The model of a hosted app: MODEL_REPO=USER/REPO[@REVISION] on OpenXLab, fetched at start and kept across restarts.

The fetching is that of every added model (models/adding.py): in a process of its own, checked, resumed, whole or not
at all. Until it is there, and when it cannot be had, another model answers.
"""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import replace

from hub import address
from hub.address import Address
from hub.errors import HubError
from training import models, runs
from training.errors import UserError
from training.home import ROOT, home
from training.models import adding, sources
from training.models.adding import Look

_PAUSE, _LONGEST_PAUSE = 10.0, 600.0
"""Seconds until a fetching that broke off is begun again; each later pause is twice as long."""
_AGAIN = ("hub_unreachable", "hub_broken", "hub_busy", "model_adding_died")
"""Errors that may be gone the next time."""


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


def name_of(where: Address) -> str:
    """What a hosted model is called here: another source has another name, however much alike they are."""
    told = "-".join(filter(None, (where.repo, where.revision))).replace("/", "-")
    return f"{told[:48]}-{hashlib.sha256(str(where).encode()).hexdigest()[:8]}"


def look() -> Look | None:
    """How the fetching stands; None when the model is here, or none is wanted."""
    if not source() or _here():
        return None
    now = adding.look()
    if not now or now.source != source():
        return None
    return replace(now, error=_for_strangers(now.error)) if now.error else now


def _for_strangers(error: UserError) -> UserError:
    """The same, without where on this machine our folders are."""
    told = {key: str(value).replace(f"{home()}/", "").replace(f"{ROOT}/", "") for key, value in error.details.items()}
    return UserError(error.code, **told)


def fetch() -> UserError | None:
    """Begin to fetch the model if it is wanted and not here; why that cannot even begin, if so, for strangers' eyes."""
    if not source() or _here():
        return None
    try:
        with sources.told():
            where = address.parse(source())
        adding.start(source(), name_of(where), by_owner=True)
    except UserError as error:
        return _for_strangers(error)
    return None


def watch(ended: threading.Event) -> None:
    """Begin the fetching again, until the model is here, where only the network or another model stood in its way."""
    threading.Thread(target=_begin_again, args=(ended,), name="hosted-model", daemon=True).start()


def _begin_again(ended: threading.Event) -> None:
    pause = _PAUSE
    while source() and not _here() and not ended.wait(pause):
        now = adding.look()
        ours = look()
        refused = ours and ours.error and ours.error.code not in _AGAIN
        if not refused and not (now and now.live):
            fetch()
            pause = min(2 * pause, _LONGEST_PAUSE)


def _here() -> str:
    try:
        name = name_of(address.parse(source()))
    except HubError:
        return ""
    return name if name in models.names() else ""
