"""What a hosted app is set to: studio.env at the top of its folder, for where nobody sets variables by hand.

The file is as public as the app's repo, so it never holds a secret: those are variables of the platform.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from hub.errors import HubError

FILE = "studio.env"
_ROOT = Path(__file__).resolve().parent.parent
_NAME = re.compile(
    r"(?:MODEL|STUDIO|OPENXLAB|GRADIO)_[A-Z0-9_]+|PORT|FORWARDED_ALLOW_IPS|HF_ENDPOINT|MODELSCOPE_ENDPOINT"
)
_SECRET = re.compile(r"TOKEN|PASSWORD|SECRET|_(?:AK|SK)\b")


def load(folder: Path = _ROOT, variables: MutableMapping[str, str] = os.environ) -> list[str]:
    """Set what the app's settings file says and the environment does not; returns the names that were set.

    Raises HubError(app_settings_bad) for a file that says something else; no file is no settings.
    """
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise HubError("app_settings_bad", file=FILE, line=0) from error
    wanted = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if line and not line.startswith("#"):
            name, _, value = (part.strip() for part in line.partition("="))
            if not _allowed(name, value):
                raise HubError("app_settings_bad", file=FILE, line=number)
            wanted[name] = value
    missing = {name: value for name, value in wanted.items() if not variables.get(name)}
    variables.update(missing)
    return [*missing]


def text(settings: Mapping[str, str]) -> str:
    """The settings file. Raises HubError(app_settings_bad)."""
    for number, (name, value) in enumerate(settings.items(), 1):
        if not _allowed(name, value):
            raise HubError("app_settings_bad", file=FILE, line=number)
    lines = ["# Read when the app starts; variables of the platform come first. No secrets here.", ""]
    return "\n".join([*lines, *(f"{name}={value}" for name, value in settings.items())]) + "\n"


def _allowed(name: str, value: str) -> bool:
    return bool(_NAME.fullmatch(name)) and not _SECRET.search(name) and value.isprintable() and bool(value)
