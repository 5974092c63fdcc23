"""git as a child process: no prompt, no shell, and the token only in the child's environment.

The credential helper is bound to the hub's own URL, so that a repo cannot send git elsewhere with it; the user's own
helpers are left out, because they would write the token down.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from hub.address import TOKENS, Address, Credentials, Remote
from hub.errors import HubError

_USER, _TOKEN = "STUDIO_HUB_USER", "STUDIO_HUB_TOKEN"
_HELPER = f'!printf "username=%s\\npassword=%s\\n" "${_USER}" "${_TOKEN}"; :'  # printf is the shell's own: no process
_DENIED = (
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "terminal prompts disabled",
    "error: 403",
    "HTTP 401",
    "HTTP 403",
    "Authorization error",
    "Authentication required",
    "ccess denied",
)
_ABSENT = ("not found", "error: 404", "does not exist", "Repository or object")
_NO_REVISION = ("couldn't find remote ref", "not our ref", "unadvertised object", "no such remote ref")
_MOVED = ("non-fast-forward", "fetch first", "cannot lock ref", "stale info")
_HUB_FULL = ("insufficient server storage", "disk full", "disk is full", "no space", "quota", "storage limit")
"""How hubs say it, in small letters; git-lfs shows a hub's own words and keeps the number 507 to itself."""
_FULL = ("No space left on device", "Disk quota exceeded")
_LOST = (
    "Could not resolve",
    "Failed to connect",
    "unable to access",
    "timed out",
    "early EOF",
    "RPC failed",
    "hung up",
    "dial tcp",
    "connection reset",
    ": EOF",
)

SILENCE = "60"
"""Seconds after which a hub that says nothing more is given up."""


class Git:
    """git in one folder, for one repo on a hub, in one person's name."""

    def __init__(
        self, address: Address | Remote, who: Credentials, folder: Path, cancelled: Callable[[], bool]
    ) -> None:
        if not shutil.which("git"):
            raise HubError("hub_git_missing")
        self.address, self.who, self.folder, self.cancelled = address, who, folder, cancelled
        self.url = f"{address.base}/{address.repo}.git"

    def __call__(
        self,
        *arguments: str,
        given: bytes = b"",
        variables: Mapping[str, str] | None = None,
        on_wait: Callable[[], None] = lambda: None,
    ) -> bytes:
        """What git answers. Raises HubError."""
        if self.cancelled():  # a quick machine may be done before anybody asks while git works
            raise HubError("hub_cancelled")
        with ExitStack() as files:
            stdin, stdout, stderr = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
            stdin.write(given)
            stdin.seek(0)
            process = subprocess.Popen(
                ["git", *arguments],
                cwd=self.folder,
                env={**self.environment(), **(variables or {})},
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            code = self._ended(process, on_wait)
            for file in (stdout, stderr):
                file.seek(0)
            if code:
                raise self._failure(stderr.read().decode(errors="replace"))
            return stdout.read()

    def environment(self) -> dict[str, str]:
        """The child's variables."""
        kept = {key: value for key, value in os.environ.items() if key not in _SECRET}
        # Not where git works, nor its traces, which may hold what it sends; but the certificates it trusts.
        kept = {key: kept[key] for key in kept if not key.startswith("GIT_") or key.startswith("GIT_SSL_")}
        settings = {"credential.helper": "", "lfs.url": f"{self.url}/info/lfs", "gc.auto": "0"}
        settings |= {f"lfs.{self.url}/info/lfs.locksverify": "false", "lfs.transfer.maxretries": "3"}
        settings |= {"http.lowSpeedLimit": "1", "http.lowSpeedTime": SILENCE}
        settings |= {"user.name": "Assistant Studio", "user.email": "assistant-studio@localhost"}
        pairs = [*settings.items()]
        if self.who.token:
            pairs.append((f"credential.{self.address.base}.helper", _HELPER))
            kept |= {_USER: self.who.user, _TOKEN: self.who.token}
        for number, (key, value) in enumerate(pairs):
            kept |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        kept |= {"GIT_CONFIG_COUNT": str(len(pairs)), "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "LC_ALL": "C"}
        return kept | {"GIT_ALLOW_PROTOCOL": "http:https", "GIT_LFS_SKIP_SMUDGE": "1"}

    def _ended(self, process: subprocess.Popen[bytes], on_wait: Callable[[], None]) -> int:
        try:
            while True:
                try:
                    return process.wait(0.1)
                except subprocess.TimeoutExpired:
                    if self.cancelled():
                        raise HubError("hub_cancelled") from None
                    on_wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)  # its transport is a process of its own
                process.wait()

    def _failure(self, said: str) -> HubError:
        told = {"hub": self.address.hub_name, "repo": self.address.repo}
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        theirs = [line for line in lines if line.startswith(("remote:", "LFS:")) or "server storage" in line]
        words = [line.partition(":")[2].strip() for line in theirs]
        own = next((each for each in words if any(map(str.isalnum, each))), "")
        reason = (own or (lines or ["git said nothing"])[-1])[:300]
        if self.who.token:
            reason = reason.replace(self.who.token, "***")

        def about(words: tuple[str, ...]) -> bool:
            return any(word in said for word in words)

        if any(word in line.lower() for line in theirs for word in _HUB_FULL):
            return HubError("hub_full", **told)
        if about(_FULL):
            return HubError("disk_full", path=self.folder)
        if about(_MOVED):
            return HubError("hub_moved", repo=self.address.repo)
        if about(_NO_REVISION):
            if not self.address.revision:  # the repo is empty
                return HubError("hub_no_weights")
            return HubError("hub_no_such_revision", **told, revision=self.address.revision)
        if about(_DENIED):
            if self.who.token:
                return HubError("hub_token_refused", **told)
            return HubError("hub_private", **told, variable=TOKENS[self.address.hub])
        if about(_ABSENT):
            return HubError("hub_no_such_repo", **told, variable=TOKENS[self.address.hub])
        if about(_LOST):
            return HubError("hub_unreachable", hub=self.address.hub_name, reason=reason)
        if theirs:
            return HubError("hub_refused", **told, reason=reason)
        return HubError("hub_git_failed", reason=reason)


_SECRET = {*TOKENS.values(), "OPENXLAB_AK", "OPENXLAB_SK"}
"""Not for git's eyes: it gets the one it needs under a name of its own."""
