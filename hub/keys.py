"""Secrets of this machine's user: from the environment, else from the system's keyring, where the package keyring is.

keyring set assistant-studio OPENXLAB_TOKEN
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec

SERVICE = "assistant-studio"
"""What the keyring calls us."""


def find(variable: str, variables: Mapping[str, str] = os.environ) -> str:
    """The secret that this variable names; "" when there is none. An empty variable hides what the keyring has."""
    given = variables.get(variable, "").strip()
    if variable in variables or not find_spec("keyring"):
        return given
    import keyring
    from keyring.errors import KeyringError

    try:
        return (keyring.get_password(SERVICE, variable) or "").strip()
    except KeyringError:  # locked, or a server has none: as good as empty, and the hub then says that it wants a token
        return ""
