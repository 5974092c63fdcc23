"""Model repos from a terminal.

Tokens are read from the environment, or else from the system's keyring: OPENXLAB_TOKEN (and OPENXLAB_USER),
OPENXLAB_AK and OPENXLAB_SK, HF_TOKEN, MODELSCOPE_API_TOKEN, GITHUB_TOKEN (of the git repo that an app goes to,
wherever it is).
Exit code 0 only on success; --json prints one JSON object as the last line; errors are one sentence on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hub import address as addresses
from hub import app_kit, terminal
from hub.errors import HubError
from hub.pulling import Progress, pull
from hub.pushing import push

_SENTENCES = Path(__file__).resolve().parent.parent / "assets" / "i18n"


def _pull(options: argparse.Namespace) -> dict[str, Any]:
    address = _address(options.repo, options.revision)
    to = pull(address, Path(options.to).expanduser().absolute(), addresses.from_environment(address), _tell)
    return {"repo": str(address), "path": str(to), "files": sorted(file.name for file in to.iterdir())}


def _push(options: argparse.Namespace) -> dict[str, Any]:
    address = _address(options.repo, options.branch)
    who = addresses.from_environment(address)
    done = push(Path(options.folder).expanduser().absolute(), address, who, _tell)
    return {"repo": str(address), **asdict(done)}


def _publish(options: argparse.Namespace) -> dict[str, Any]:
    model, to = _address(options.model), Path(options.to).expanduser().absolute()
    remote = addresses.remote(options.push) if options.push else None
    packed = to.with_name(f"{to.name}.zip")
    if options.zip and os.path.lexists(packed):
        raise HubError("hub_target_taken", path=packed)
    kit = app_kit.prepare(model, to, remote)
    answer: dict[str, Any] = {
        "model": str(model),
        "path": str(to),
        "files": len(kit.files),
        "steps": str(to / app_kit.STEPS),
    }
    try:
        if remote:
            answer["pushed"] = app_kit.push(kit, remote, addresses.from_environment(remote)).commit
        if options.zip:
            answer["zip"] = str(app_kit.zipped(model, packed, remote))
    except BaseException:  # or the same command would find its own folder in its way
        shutil.rmtree(to, ignore_errors=True)
        raise
    return answer


def _address(repo: str, revision: str = "") -> addresses.Address:
    """USER/REPO alone is on OpenXLab."""
    source = repo if addresses.is_address(repo) else f"openxlab:{repo}"
    return addresses.parse(f"{source}@{revision}" if revision else source)


def _tell(now: Progress) -> None:
    if sys.stderr.isatty():
        share = now.total_done / max(1, now.total)
        print(
            f"\r{now.file} {now.done / 1e6:.0f}/{now.size / 1e6:.0f} MB, {share:.0%} of all\033[K",
            end="",
            file=sys.stderr,
        )


def parser() -> argparse.ArgumentParser:
    """The command line of this room."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    common.add_argument("--language", choices=("zh", "en"), default="en", help="of the sentences (en)")
    top = argparse.ArgumentParser(
        prog="python -m hub", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, does: Callable[[argparse.Namespace], dict[str, Any]], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, parents=[common], help=text, description=text)
        sub.set_defaults(does=does)
        return sub

    sub = command("pull", _pull, "fetch a model; a broken pull goes on where it ended")
    sub.add_argument("repo", metavar="REPO", help="USER/REPO on OpenXLab, or openxlab:, modelscope: or hf:USER/REPO")
    path: Any = {"type": terminal.filled, "metavar": "DIR"}
    sub.add_argument("--to", required=True, help="the folder to make", **path)
    sub.add_argument("--revision", default="", help="a branch, tag or commit")
    sub = command("push", _push, "put a model folder into a repo; what is there already is not sent again")
    sub.add_argument("folder", help="a model folder, such as a run's merged/", **path)
    sub.add_argument("repo", metavar="REPO", help="USER/REPO on OpenXLab; make it there first")
    sub.add_argument("--branch", default="", help="another branch than the repo's own")
    sub = command("publish", _publish, "make the folder of a hosted app that pulls its model from a repo")
    sub.add_argument("model", metavar="REPO", help="the model: USER/REPO on OpenXLab")
    sub.add_argument("--to", required=True, help="the folder to make; its DEPLOY.md says what is left to do", **path)
    sub.add_argument("--zip", action="store_true", help="a zip file beside it as well")
    sub.add_argument("--push", default="", metavar="URL", help="put it into this git repo (token: GITHUB_TOKEN)")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = parser().parse_args(arguments)
    terminal.begun()  # what has arrived is kept for the next time
    try:
        answer = options.does(options)
    except HubError as error:
        return _failed(options, error)
    finally:
        if sys.stderr.isatty():
            print(file=sys.stderr)
    terminal.answered(answer, options.json)
    return 0


def _failed(options: argparse.Namespace, error: HubError) -> int:
    table = json.loads((_SENTENCES / f"{options.language}.json").read_text(encoding="utf-8"))
    sentence = table[f"error.{error.code}"].format(**error.details)
    print(sentence, file=sys.stderr)
    if options.json:
        print(json.dumps({"ok": False, "error": error.code, "message": sentence}, ensure_ascii=False))
    return 1
