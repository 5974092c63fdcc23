"""A merged model on its way to its repo as the page sees it: start, look, cancel. In a process of its own:

python -m training.publishing FOLDER

A reload of the page finds it again. The token is in that process's environment and nowhere else.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from hub import address as addresses
from hub import openxlab_api
from hub.address import Address, Credentials
from hub.errors import HubError
from hub.pulling import Progress
from hub.pushing import Pushed, push
from training import errand, exam, merge, runs
from training.errors import UserError
from training.exam import model_card, parity, recommendation
from training.exam.recommendation import Recommendation
from training.files import read_json, write_json
from training.home import runs_dir
from training.models import licence, sources
from training.sentences import sentence

_TOKEN = "STUDIO_PUBLISHING_TOKEN"


@dataclass(frozen=True)
class Look:
    """How it stands: it goes on, it is there, or it failed."""

    run: str
    repo: str
    done: dict[str, Any] = field(default_factory=dict)
    """What hub.Pushed tells, and the page to look at; empty before."""
    error: UserError | None = None
    told: dict[str, Any] = field(default_factory=dict)
    """stage ("check", "send") and share; while it is sent, hub.Progress as well."""

    @property
    def live(self) -> bool:
        return not self.done and not self.error


def start(run: str, repo: str, user: str = "", token: str = "") -> None:
    """Begin to push the run's merged model; without a token, the environment's is taken.

    Raises UserError: publishing_already, run_missing, run_without_model, publishing_run_live, hub_address_bad,
    hub_token_bad, hub_base_bad.
    """
    before = look()
    if before and before.live:
        raise UserError("publishing_already", repo=before.repo)
    if runs.merged(run) is None:
        raise UserError("run_without_model", run=run)
    if runs.look(run).live:
        raise UserError("publishing_run_live", run=run)
    address = addressed(repo)
    with sources.told():
        Credentials(user.strip(), token.strip())
        _ = address.base
    shutil.rmtree(_folder(), ignore_errors=True)
    _folder().mkdir()
    variables = {_TOKEN: token.strip()}
    if not sources.takes_folders():  # a stranger does not ask in the owner's name
        variables |= openxlab_api.NOBODY
    request = {"run": run, "repo": _written(address), "user": user.strip()}
    errand.start("training.publishing", _folder(), request, variables)


def addressed(repo: str) -> Address:
    """USER/REPO on OpenXLab, however it was written. Raises UserError (hub_address_bad, hub_push_only_git)."""
    with sources.told():
        if addresses.is_address(repo) and (other := addresses.parse(repo)).hub != "openxlab":
            raise HubError("hub_push_only_git", hub=other.hub_name)
        return addresses.parse(f"openxlab:{addresses.repo_of(repo)}")


def _written(address: Address) -> str:
    """USER/REPO, with the branch where one is named."""
    return str(address).removeprefix("openxlab:")


def told_first(run: str, language: str) -> list[str]:
    """What to know before anybody sees the model: its licence, its merge, and its exam where that went badly."""
    folder = runs.folder(run)
    verdict = _verdict(folder)
    lines = [
        model_card.words(licence.of(Path(runs.spec(run)["model_folder"])), language),
        _merge_words(folder, language),
    ]
    return lines + ([verdict.sentence(language)] if verdict and not verdict.passed else [])


def _verdict(folder: Path) -> Recommendation | None:
    """What the exam says about the merged model, which may be another than the recommended one; None without one."""
    step, chosen = merge.origin(folder / "merged").get("step"), recommendation.load(folder)
    if chosen and chosen.step == step:
        return chosen
    reports = [report for report in exam.load(folder) if report.step in (exam.BASE, step)]
    return recommendation.recommend(reports) if step in [report.step for report in reports] else None


def _merge_words(folder: Path, language: str) -> str:
    """Whether the merged model is what was examined."""
    compared = parity.load(folder)
    if compared is None:
        return sentence("publish.parity_none", language)
    told = {"equal": compared.equal, "asked": compared.asked}
    return sentence("exam.parity_exact" if compared.exact else "publish.parity_differs", language, **told)


def publish(run: str, repo: str, user: str, token: str, progress: Callable[[Progress], None]) -> Pushed:
    """Push the run's merged model with its card; without a token, the environment's is taken.

    Raises UserError: run_missing, run_without_model, and what hub.push() has to say.
    """
    address = addressed(repo)
    if runs.merged(run) is None:
        raise UserError("run_without_model", run=run)
    with sources.told():
        who = addresses.signed_in(address, token) if token else addresses.from_environment(address)
        who = Credentials(user or who.user, who.token)
    folder = runs.folder(run)
    model_card.write(folder, _written(address))
    with sources.told():
        return push(folder / "merged", address, who, progress)


def look() -> Look | None:
    """How the last publishing stands; None when there was none."""
    folder = _folder()
    try:
        wanted = read_json(folder / "request.json")
        run, repo = str(wanted["run"]), str(wanted["repo"])
    except (OSError, ValueError, KeyError):
        return None
    alive = errand.is_alive(folder)
    # Asked before the files are: what ends in between has written its last word.
    if (folder / "done.json").is_file():
        return Look(run, repo, done=read_json(folder / "done.json"))
    error = errand.error(folder)
    if not error and not alive and (folder / "process.json").is_file():
        error = UserError("publishing_died", reason=errand.last_line(folder), log=folder / errand.LOG)
    return Look(run, repo, error=error, told=errand.progress(folder))


def cancel() -> None:
    """End it; what has arrived at the hub is not sent again."""
    if look():
        errand.cancel(_folder())
        shutil.rmtree(_folder(), ignore_errors=True)


def _folder() -> Path:
    return runs_dir() / ".publishing"


def _cancelled(_signal: int, _frame: FrameType | None) -> None:
    raise UserError("hub_cancelled")


def main(folder: Path) -> int:
    """Publish what request.json wants. Returns the exit code."""
    token = os.environ.pop(_TOKEN, "")
    signal.signal(signal.SIGTERM, _cancelled)

    def work(request: dict[str, Any], tell: errand.Tell) -> None:
        def sending(now: Progress) -> None:
            tell({"stage": "send", "share": now.total_done / max(1, now.total), **asdict(now)})

        tell({"stage": "check", "share": 0.0})
        done = publish(request["run"], request["repo"], request["user"], token, sending)
        page = addressed(request["repo"]).page
        write_json(folder / "done.json", {**asdict(done), "page": page})

    return errand.perform(folder, work, UserError("publishing_memory"), "publishing_died")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
