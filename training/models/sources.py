"""A base model by its source: a folder on this machine, or a repo on a hub, which is fetched first and then arrives.

What was fetched lies in HOME/models/.fetched until it has arrived; a fetch that broke off goes on from there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hub import address as addresses
from hub.address import Address
from hub.errors import HubError
from hub.pulling import Progress, pull
from training.errors import UserError
from training.home import models_dir
from training.models import arrival

_AGAIN = ("disk_full", "not_writable", "model_no_space")
"""Errors after which what was fetched is still good."""


def takes_folders() -> bool:
    """Whether a folder of this machine may be named: not where strangers visit (MODEL_REPO: a hosted app)."""
    return not os.environ.get("MODEL_REPO")


def suggested_name(source: str) -> str:
    """What the model is called when nobody says so: as its repo or its folder."""
    if not addresses.is_address(source):
        return Path(source.strip()).name
    with told():
        return addresses.parse(source).repo.partition("/")[2]


def checked(source: str) -> None:
    """Refuse at once what cannot be a source. Raises UserError(hub_address_bad, model_folder_missing)."""
    if addresses.is_address(source):
        with told():
            addresses.parse(source)
    elif not source.strip() or not Path(source.strip()).expanduser().is_dir():
        raise UserError("model_folder_missing", path=source)


def add(
    source: str,
    name: str,
    token: str = "",
    progress: arrival.Progress | None = None,
    fetching: Callable[[Progress], None] = lambda progress: None,
) -> Path:
    """Make the model at `source` the base model `name`; without a token, the environment's is taken.

    Raises UserError: what arrival.add() and hub.pull() have to say.
    """
    if not addresses.is_address(source):
        return arrival.add(source, name, progress)
    with told():
        address = addresses.parse(source)
        called = arrival.checked_name(name)
        who = addresses.signed_in(address, token) if token else addresses.from_environment(address)
        place = fetched(address)
        with _by_source(address, place):
            if not place.is_dir():  # else it was fetched before, and there was no room for it
                pull(address, place, who, fetching, arrival.promised)
            return _arrive(place, called, progress)


def fetched(address: Address) -> Path:
    """Where a repo's files lie until they have arrived."""
    revision = address.revision.replace("/", "+")
    return models_dir() / ".fetched" / "+".join([address.hub, *address.repo.split("/"), revision]).rstrip("+")


def forget(source: str) -> None:
    """Remove what was fetched of a source, whole or half."""
    if addresses.is_address(source):
        place = fetched(addresses.parse(source))
        for left in (place, place.with_name(f".{place.name}.part")):
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def told() -> Iterator[None]:
    """What a hub has to say becomes the user's sentence."""
    try:
        yield
    except HubError as error:
        raise UserError(error.code, **error.details) from error


def _arrive(place: Path, name: str, progress: arrival.Progress | None) -> Path:
    try:
        made = arrival.add(place, name, progress)
    except UserError as error:
        if error.code not in _AGAIN:
            shutil.rmtree(place, ignore_errors=True)
        raise
    shutil.rmtree(place, ignore_errors=True)
    return made


@contextmanager
def _by_source(address: Address, place: Path) -> Iterator[None]:
    """What is wrong with the model is said of the repo, not of the hidden folder it was looked at in."""
    hidden = (place, place.with_name(f".{place.name}.part") / "files")
    try:
        yield
    except UserError as error:
        where = {"path": str(address)} if error.details.get("path") in hidden else {}
        if error.details.get("model") in {folder.name for folder in hidden}:
            where["model"] = str(address)
        raise UserError(error.code, **{**error.details, **where}) from error
