"""The ground floor: model repos on OpenXLab, ModelScope and Hugging Face. Imports nothing of the floors above.

It is handed paths and credentials, and raises HubError, which the floors above turn into the user's sentence.
"""

from __future__ import annotations

from hub.address import Address, Credentials, parse
from hub.errors import HubError
from hub.pulling import Progress, pull

__all__ = ["Address", "Credentials", "HubError", "Progress", "parse", "pull"]
