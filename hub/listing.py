"""What a repo holds, as its hub tells it, and how the bytes of a file are had. Each hub's own way is in its module."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from hub import git_repo, huggingface, modelscope, openxlab_api
from hub.address import Address, Credentials
from hub.contents import Listing
from hub.errors import HubError

_GIT_REFUSED = ("hub_git_missing", "hub_git_failed", "hub_unreachable", "hub_private", "hub_token_refused")
"""Errors of OpenXLab's git after which its API may still have the files."""


def listing(address: Address, who: Credentials, scratch: Path, cancelled: Callable[[], bool]) -> Listing:
    """Ask the hub; `scratch` is a folder for what that takes. Raises HubError."""
    if address.hub != "openxlab":
        return (huggingface if address.hub == "hf" else modelscope).listing(address, who)
    try:
        return git_repo.listing(address, who, scratch, cancelled)
    except HubError as refused:
        elsewhere = address.moved and not os.environ.get(openxlab_api.BASE)
        if refused.code not in _GIT_REFUSED or address.revision or elsewhere:
            raise
        try:
            return openxlab_api.listing(address)
        except HubError:
            raise refused from None  # git's way is the usual one: what it said is what can be mended
