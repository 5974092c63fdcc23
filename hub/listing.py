"""What a repo holds, as its hub tells it, and how the bytes of a file are had. Each hub's own way is in its module."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hub import git_repo, huggingface, modelscope
from hub.address import Address, Credentials
from hub.contents import Listing


def listing(address: Address, who: Credentials, scratch: Path, cancelled: Callable[[], bool]) -> Listing:
    """Ask the hub; `scratch` is a folder for what that takes."""
    if address.hub == "openxlab":
        return git_repo.listing(address, who, scratch, cancelled)
    return (huggingface if address.hub == "hf" else modelscope).listing(address, who)
