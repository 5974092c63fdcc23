"""Where a model is: a hub, a repo on it, a revision; and who asks. No network."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hub import keys
from hub.errors import HubError

HUBS = {"openxlab": "OpenXLab", "modelscope": "ModelScope", "hf": "Hugging Face"}
"""What a source begins with, and what the hub is called."""
_BASES = {
    "openxlab": ("OPENXLAB_GIT_BASE", "https://code.openxlab.org.cn"),
    "modelscope": ("MODELSCOPE_ENDPOINT", "https://www.modelscope.cn"),
    "hf": ("HF_ENDPOINT", "https://huggingface.co"),
}
_PAGES = "https://openxlab.org.cn/models/detail"
"""OpenXLab shows models elsewhere than it keeps them."""
TOKENS = {
    "openxlab": "OPENXLAB_TOKEN",
    "modelscope": "MODELSCOPE_API_TOKEN",
    "hf": "HF_TOKEN",
    "git": "GITHUB_TOKEN",
}
"""The variable that holds a hub's token. OpenXLab's git wants a user name too: OPENXLAB_USER, else the repo's owner."""
_REPO = re.compile(r"[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*", re.ASCII)
_SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?")
_REVISION = re.compile(r"[A-Za-z0-9_][\w./-]*", re.ASCII)  # never an option of git, never a path upwards


@dataclass(frozen=True)
class Address:
    """A model repo."""

    hub: str
    """A key of HUBS."""
    repo: str
    """USER/REPO."""
    revision: str = ""
    """A branch, tag or commit; empty: what the hub takes by itself."""

    @property
    def hub_name(self) -> str:
        return HUBS[self.hub]

    @property
    def base(self) -> str:
        """The hub's URL, which a variable may move. Raises HubError(hub_base_bad)."""
        variable, usual = _BASES[self.hub]
        url = (os.environ.get(variable) or usual).rstrip("/")
        try:
            parts = urlsplit(url)
            bad = parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc
        except ValueError:
            bad = True
        if bad:  # not shown: what stands before an @ may be a password
            raise HubError("hub_base_bad", variable=variable)
        return url

    @property
    def page(self) -> str:
        """Where a person looks at it."""
        return f"{self.base}/{self.repo}" if self.moved or self.hub != "openxlab" else f"{_PAGES}/{self.repo}"

    @property
    def moved(self) -> bool:
        """Whether the hub is another than the usual one."""
        return self.base != _BASES[self.hub][1]

    def __str__(self) -> str:
        return f"{self.hub}:{self.repo}" + (f"@{self.revision}" if self.revision else "")


@dataclass(frozen=True)
class Remote:
    """A repo on any other git server, where an app's files go."""

    base: str
    """The server's URL."""
    repo: str
    """USER/REPO."""
    hub: str = "git"
    revision: str = ""

    @property
    def url(self) -> str:
        return f"{self.base}/{self.repo}"

    @property
    def hub_name(self) -> str:
        return self.base.partition("://")[2]


@dataclass(frozen=True)
class Credentials:
    """Who asks. The token is in no representation of this object."""

    user: str = ""
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if any(not " " < letter <= "~" for letter in self.user + self.token):
            raise HubError("hub_token_bad")  # a line break would end a header


def is_address(source: str) -> bool:
    """Whether a source names a hub (and not a folder)."""
    return source.partition(":")[0].strip().lower() in HUBS and ":" in source


def parse(source: str) -> Address:
    """`openxlab:USER/REPO@REVISION` as an address. Raises HubError(hub_address_bad)."""
    hub, _, rest = source.strip().partition(":")
    repo, at, revision = rest.strip().partition("@")
    hub = hub.strip().lower()
    revision_bad = at and (not _REVISION.fullmatch(revision) or ".." in revision)
    if hub not in HUBS or not _REPO.fullmatch(repo) or ".." in repo or repo.endswith(".git") or revision_bad:
        raise HubError("hub_address_bad", source=_without_password(source.strip()))
    return Address(hub, repo, revision)


def repo_of(text: str) -> str:
    """USER/REPO out of what a person copied: that, with the hub before it, or the address of its page or of git's."""
    text = text.strip().removeprefix("openxlab:").removesuffix("/").removesuffix(".git")
    _, url, rest = text.partition("://")
    _, *path = re.split("[?#]", rest)[0].strip("/").split("/")
    begin = path.index("detail") + 1 if "detail" in path else 0  # a model's page, which may have pages below it
    return "/".join(path[begin : begin + 2]).removesuffix(".git") if url else text


def remote(url: str) -> Remote:
    """The address of a git remote: https://SERVER/USER/REPO.git. Raises HubError(hub_remote_bad)."""
    scheme, _, rest = url.strip().removesuffix("/").removesuffix(".git").partition("://")
    server, _, repo = rest.partition("/")
    if scheme not in ("http", "https") or not _SERVER.fullmatch(server) or not _REPO.fullmatch(repo) or ".." in repo:
        raise HubError("hub_remote_bad")  # not shown: what stands before an @ may be a token
    return Remote(f"{scheme}://{server}", repo)


def from_environment(address: Address | Remote, variables: Mapping[str, str] = os.environ) -> Credentials:
    """The credentials that the environment or the keyring has for this hub, or empty ones."""
    token = keys.find(TOKENS[address.hub], variables)
    return signed_in(address, token, variables)


def signed_in(address: Address | Remote, token: str, variables: Mapping[str, str] = os.environ) -> Credentials:
    """A token with the user name that goes with it."""
    owner = address.repo.partition("/")[0]
    users = {"openxlab": variables.get("OPENXLAB_USER", "").strip() or owner, "git": owner}
    return Credentials(users.get(address.hub, ""), token.strip())


def _without_password(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//", text)
