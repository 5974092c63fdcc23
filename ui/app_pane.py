"""The hosted app on the page: a zip to download or a git repo to push into, and the steps left for a person.

The token is taken out of its field at once, goes to git's process, and is kept nowhere.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from hub import address as addresses
from hub import app_kit
from hub.address import Address, Credentials, Remote
from hub.errors import HubError
from training import publishing
from training.home import home
from training.models import sources
from training.sentences import sentence
from ui.at_work import at_work
from ui.edge import PRIVATE, QUIET, info, told
from ui.text import Key, Text
from ui.visibility import HIDDEN

PATIENCE = 300
"""Seconds until a push of a few megabytes is given up."""
_GITHUB = "https://github.com"


@dataclass(frozen=True)
class _Pane:
    """The pane's components."""

    url: gr.Textbox
    token: gr.Textbox
    prepare: gr.Button
    push: gr.Button
    download: gr.DownloadButton
    steps: gr.Markdown
    prepared: gr.State
    """What the steps are for, as (Address, Remote | None); None before there are any."""

    def showing(self, address: Address, remote: Remote | None, language: str) -> dict[Any, Any]:
        """Updates that tell the steps."""
        said = app_kit.steps(address, remote, language)
        return {self.steps: gr.update(value=said, visible=True), self.prepared: (address, remote)}


def app_pane(text: Text, repo: gr.Textbox) -> None:
    """Make the pane here and wire it; `repo` is the field with the model's repo."""
    with text.new(gr.Accordion, label=Key("host.title"), open=False, elem_classes="card"):
        text.new(gr.Markdown, value=Key("host.about"), elem_classes="card-text")
        with gr.Row(elem_classes="actions"):
            place = "https://github.com/USER/REPO"
            url = text.new(gr.Textbox, label=Key("host.url"), placeholder=place, max_lines=1, min_width=240)
            token = text.new(gr.Textbox, label=Key("host.token"), type="password", max_lines=1, min_width=200)
        with gr.Row(elem_classes="actions"):
            prepare = text.new(gr.Button, value=Key("host.prepare"), size="sm", scale=0, min_width=180)
            push = text.new(gr.Button, value=Key("host.push"), size="sm", scale=0, min_width=180)
            download = text.new(gr.DownloadButton, label=Key("host.download"), size="sm", scale=0, visible=HIDDEN)
        steps = gr.Markdown(elem_classes="steps", visible=HIDDEN)
    _wire(text, _Pane(url, token, prepare, push, download, steps, gr.State(None)), repo)


def _wire(text: Text, pane: _Pane, repo: gr.Textbox) -> None:
    @told
    def prepare(language: str, model: str, url: str) -> dict[Any, Any]:
        address, remote = publishing.addressed(model), _remote(url)
        with sources.told():
            made = app_kit.zipped(address, _downloads() / f"{address.repo.partition('/')[2]}-app.zip", remote)
        return {pane.download: gr.update(value=str(made), visible=True), **pane.showing(address, remote, language)}

    @told
    def push(language: str, model: str, url: str, token: str) -> Iterator[dict[Any, Any]]:
        yield {pane.token: ""}
        address = publishing.addressed(model)
        with sources.told():
            remote = addresses.remote(url)
        changed = _pushed(address, remote, token)
        info(sentence("host.pushed" if changed else "host.unchanged", language, url=remote.url))
        yield pane.showing(address, remote, language)

    @told
    def again(language: str, shown: tuple[Address, Remote | None] | None) -> Any:
        return pane.showing(*shown, language) if shown else gr.skip()

    where, shown = [text.language, repo, pane.url], [pane.steps, pane.prepared]
    pane.prepare.click(prepare, where, [pane.download, *shown], **PRIVATE)
    pushing = {"fn": push, "inputs": [*where, pane.token], "outputs": [pane.token, *shown], **PRIVATE}
    at_work(text, pane.push, "host.pushing", "host.push", pane.push.click, **pushing)
    text.language.change(again, [text.language, pane.prepared], shown, **QUIET)


def _pushed(address: Address, remote: Remote, token: str) -> bool:
    """Push the app; whether anything was new. Raises UserError."""
    with sources.told():
        # Who reaches the page may type any server: the machine's own token is for the one that it belongs to.
        ours = sources.takes_folders() and remote.base == _GITHUB
        who = addresses.from_environment(remote) if ours else Credentials()
        who = addresses.signed_in(remote, token) if token.strip() else who
        deadline = time.monotonic() + PATIENCE
        with tempfile.TemporaryDirectory(dir=_downloads(), prefix=".app-") as scratch:
            kit = app_kit.prepare(address, Path(scratch) / "app", remote)
            try:
                return app_kit.push(kit, remote, who, lambda: time.monotonic() > deadline).changed
            except HubError as error:
                if error.code != "hub_cancelled":
                    raise
                raise HubError("hub_push_slow", hub=remote.hub_name, minutes=PATIENCE // 60) from error


def _remote(url: str) -> Remote | None:
    with sources.told():
        return addresses.remote(url) if url.strip() else None


def _downloads() -> Path:
    """Where the page may hand things out from."""
    folder = home() / "cache" / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
