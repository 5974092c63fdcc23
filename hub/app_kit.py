"""What a hosted app needs, as a folder: this repository's own files, the settings, and what a person has to do.

No weights, no workspace: the app pulls its model when it starts. The folder can be zipped, or pushed to a git remote.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hub import app_settings, openxlab_api, pushing
from hub.address import TOKENS, Address, Credentials, Remote
from hub.errors import HubError, writing_failed
from hub.git import Git

STEPS = "DEPLOY.md"
_ROOT = Path(__file__).resolve().parent.parent
_PAGES = _ROOT / "assets" / "deploy"
_OWN = {
    *("app.py", "assets", "docs", "hub", "serving", "tests", "training", "ui"),
    *("Makefile", "LICENSE", "README.md", "CHANGELOG.md", ".gitignore", "pyproject.toml", "packages.txt"),
    *("requirements.in", "requirements.txt", "requirements-dev.txt", "requirements-nodeps.txt"),
}
"""What lies at the top of the repository, for where git cannot be asked: nobody's .env or notes go along."""
_SOMEWHERE = "https://github.com/YOU/YOUR-APP"


@dataclass(frozen=True)
class Kit:
    """An app that is ready to be hosted."""

    folder: Path
    files: tuple[str, ...]


def prepare(model: Address, to: Path, app: Remote | None = None, source: Path = _ROOT) -> Kit:
    """Make the folder `to` out of the repository in `source`, set to chat with `model`; `app`: where it will lie.

    Raises HubError: hub_target_taken, disk_full, not_writable, app_settings_bad.
    """
    if os.path.lexists(to):
        raise HubError("hub_target_taken", path=to)
    part = to.with_name(f".{to.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        for name in _files(source):
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, part / name)
        (part / app_settings.FILE).write_text(app_settings.text(_settings(model)), encoding="utf-8")
        pages = "\n\n".join(steps(model, app, language) for language in ("zh", "en"))
        (part / STEPS).write_text(pages + "\n", encoding="utf-8")
        part.rename(to)
    except OSError as error:
        raise writing_failed(error, to) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Kit(to, tuple(sorted(file.relative_to(to).as_posix() for file in _walk(to))))


def zipped(model: Address, to: Path, app: Remote | None = None) -> Path:
    """The same as a zip file, which takes the place of `to`. Raises HubError as prepare() does."""
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=to.parent, prefix=".kit-") as scratch:
            kit = prepare(model, Path(scratch) / to.stem, app)
            made = shutil.make_archive(str(Path(scratch) / "zip"), "zip", scratch, kit.folder.name)
            os.replace(made, to)
    except OSError as error:
        raise writing_failed(error, to) from error
    return to


def push(kit: Kit, remote: Remote, who: Credentials, cancelled: Callable[[], bool] = lambda: False) -> pushing.Pushed:
    """Make the git remote hold the app, by one commit on top of what is there. Raises HubError as pushing.push does."""
    files = {name: kit.folder / name for name in kit.files}
    try:
        with tempfile.TemporaryDirectory(prefix=".push-") as scratch:
            git = Git(remote, who, Path(scratch), cancelled)
            return pushing.commit(git, files, "Assistant Studio, ready to be hosted")
    except OSError as error:
        raise writing_failed(error, kit.folder) from error


def steps(model: Address, app: Remote | None, language: str) -> str:
    """What only a person can do, with the very values to type, as Markdown."""
    page = (_PAGES / f"{language}.md").read_text(encoding="utf-8")
    if model.hub != "openxlab":  # only OpenXLab's git wants a user name
        page = "".join(line for line in page.splitlines(keepends=True) if "`OPENXLAB_USER`" not in line)
    url = app.url if app else _SOMEWHERE
    told = {"model": model.repo, "page": model.page, "setting": _setting(model), "token": TOKENS[model.hub]}
    return page.format(**told, app=url, name=url.rpartition("/")[2]).strip()


def _settings(model: Address) -> dict[str, str]:
    moved = {name: os.environ[name] for name in ("OPENXLAB_GIT_BASE", openxlab_api.BASE) if os.environ.get(name)}
    return {"MODEL_REPO": _setting(model), **moved}


def _setting(model: Address) -> str:
    """What MODEL_REPO says of it."""
    return str(model).removeprefix("openxlab:")


def _files(source: Path) -> list[str]:
    """The repository's files: what git tracks, as it is now; where git cannot tell, what is known to be its own."""
    told = None
    if (source / ".git").exists() and shutil.which("git"):
        told = subprocess.run(["git", "ls-files", "-z"], cwd=source, capture_output=True)
    if told and not told.returncode:
        names = told.stdout.decode(errors="surrogateescape").split("\0")[:-1]
    else:
        own = (each for each in source.iterdir() if each.name in _OWN)
        names = [file.relative_to(source).as_posix() for each in own for file in _walk(each)]
    whole = (name for name in names if (source / name).is_file() and not (source / name).is_symlink())
    return [name for name in whole if not name.endswith(pushing.WEIGHTS) and name not in (app_settings.FILE, STEPS)]


def _walk(place: Path) -> Iterator[Path]:
    """The files below, or this one."""
    if place.is_symlink() or place.name.startswith("__pycache__"):
        return
    if place.is_file():
        yield place
    elif place.is_dir():
        for each in place.iterdir():
            yield from _walk(each)
