"""What can go wrong with a hub: a code and its details, as training.errors has them one floor up."""

from __future__ import annotations

import errno
from pathlib import Path


class HubError(Exception):
    """Its sentence is `error.<code>` of assets/i18n. No detail ever holds a token."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code, details)
        self.code = code
        self.details = details


def writing_failed(error: OSError, path: Path) -> HubError:
    """The error for a write that the system refused."""
    return HubError("disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "not_writable", path=path)
