"""A model folder goes into a repo by git and git-lfs: large files first, then one commit on top of what is there.

Nothing is sent that the hub has already, which is also how a broken push goes on; nothing is ever forced.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hub import git_tree, safetensors_header, sdk_push, selection
from hub.address import Address, Credentials
from hub.contents import sha256_of
from hub.errors import HubError, writing_failed
from hub.git import Git
from hub.pulling import Progress

MARK = ".assistant-studio.json"
"""The files of a repo that were pushed from here: those a later push may replace or remove."""
_HARMLESS = (git_tree.ATTRIBUTES, ".gitignore", "README.md", "LICENSE", "metafile.yaml")
"""What a hub itself puts into a new repo."""
_GIT_REFUSED = (
    "hub_git_failed",
    "hub_git_missing",
    "hub_lfs_missing",
    "hub_no_such_repo",
    "hub_private",
    "hub_token_refused",
    "hub_unreachable",
)
"""Errors of git after which the SDK may still get through; it can make the repo, too."""
_LARGE = 5 << 20
"""Bytes from which a file goes by git-lfs; weights always do."""
WEIGHTS = (".safetensors", ".bin", ".model", ".gguf")
_AT_HOME = ("studio.json",)
"""What a merge notes down for this machine, its folders among it."""
_PROGRAMS = (".py", ".pyc", ".so", ".sh")


@dataclass(frozen=True)
class Pushed:
    """What a push has done."""

    commit: str
    changed: bool
    """False: the repo held all of it already."""
    files: tuple[str, ...]
    large: tuple[str, ...]
    """Those of them that lie there by git-lfs."""


def push(
    folder: Path,
    address: Address,
    who: Credentials,
    progress: Callable[[Progress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Pushed:
    """Make the repo hold the model in `folder`.

    Raises HubError: hub_push_only_git, hub_folder_bad, hub_lfs_missing, hub_other_content, hub_moved, and what git and
    the hub refuse (see hub.pulling).
    """
    if address.hub != "openxlab":
        raise HubError("hub_push_only_git", hub=address.hub_name)
    files = _checked(folder)
    try:
        return _by_git(folder, files, address, who, progress, cancelled)
    except HubError as refused:
        if refused.code not in _GIT_REFUSED or not sdk_push.is_possible(address):
            raise
    return _by_sdk(folder, files, address, progress, cancelled)


def _by_git(
    folder: Path,
    files: dict[str, Path],
    address: Address,
    who: Credentials,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> Pushed:
    if not shutil.which("git-lfs"):
        raise HubError("hub_lfs_missing")
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".push-") as scratch:  # beside it: for hard links
            git = Git(address, who, Path(scratch), cancelled)
            return commit(git, files, "Push a model with Assistant Studio", progress)
    except OSError as error:
        raise writing_failed(error, folder.parent) from error


def _by_sdk(
    folder: Path,
    files: dict[str, Path],
    address: Address,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> Pushed:
    with tempfile.TemporaryDirectory() as scratch:
        mark = Path(scratch) / MARK
        told = {name: sha256_of(file) for name, file in sorted(files.items())}
        mark.write_text(json.dumps({"files": told}, indent=1) + "\n", encoding="utf-8")
        state = sdk_push.push(address, {**files, MARK: mark}, MARK, progress, cancelled)
    return Pushed(state, True, tuple(sorted(files)), ())


def _checked(folder: Path) -> dict[str, Path]:
    """The files to push by their names in the repo, no programs among them. Raises HubError(hub_folder_bad)."""
    if not folder.is_dir():
        raise HubError("hub_folder_bad", path=folder, missing="config.json")
    found = {file.relative_to(folder).as_posix(): file for file in sorted(_own(folder))}
    shards = selection.shards(folder / selection.INDEX) if selection.INDEX in found else [selection.SINGLE]
    for name in ("config.json", *shards):
        if name not in found:
            raise HubError("hub_folder_bad", path=folder, missing=name)
    for name, file in found.items():
        if file.suffix == ".safetensors":
            try:
                safetensors_header.read(file)
            except ValueError as error:
                raise HubError("hub_folder_bad", path=folder, missing=name) from error
    return found


def _own(folder: Path) -> Iterator[Path]:
    """The files below, without what is hidden, and without links: they may lead to what is not for others."""
    for file in folder.iterdir():
        if file.is_symlink() or file.name.startswith("."):
            continue
        if file.is_dir():
            yield from _own(file)
        elif file.is_file() and file.suffix not in _PROGRAMS and file.name not in _AT_HOME:
            yield file


def commit(
    git: Git, files: dict[str, Path], said: str, progress: Callable[[Progress], None] = lambda progress: None
) -> Pushed:
    """Make the repo hold these files, by name, and whatever else it holds. Raises HubError."""
    git("init", "--quiet", "--bare", ".")
    branch, head = _head(git)
    there = git_tree.listed(git, head) if head else {}
    large = {name: file for name, file in files.items() if file.suffix in WEIGHTS or file.stat().st_size >= _LARGE}
    objects = {name: sha256_of(file) for name, file in large.items()}
    ours = {name: git_tree.blob(git, file, objects.get(name)) for name, file in files.items()}
    before = _pushed_before(git, there)
    _refuse_other_content(git, there, ours, before)
    ours[MARK] = git_tree.text(git, json.dumps({"files": sorted(ours)}, indent=1) + "\n")
    if large:
        ours[git_tree.ATTRIBUTES] = git_tree.attributes(git, there, [*large])
    kept = {name: entry for name, entry in there.items() if name not in before}
    tree = git_tree.tree(git, kept | {name: f"{_mode(files.get(name))} blob {sha}" for name, sha in ours.items()})
    names = tuple(sorted(files)), tuple(sorted(large))
    if head and tree == git("rev-parse", f"{head}^{{tree}}").decode().strip():
        return Pushed(head, False, *names)
    if large:
        _upload(git, large, objects, progress)
    parents = ["-p", head] if head else []
    made = git("commit-tree", tree, *parents, "-m", said).decode().strip()
    git("push", "--quiet", git.url, f"{made}:refs/heads/{branch}")
    return Pushed(made, True, *names)


def _mode(file: Path | None) -> str:
    return "100755" if file and file.suffix not in WEIGHTS and file.stat().st_mode & 0o100 else "100644"


def _head(git: Git) -> tuple[str, str]:
    """The branch to push to, and the commit there; "" in an empty repo."""
    wanted = git.address.revision
    told = git("ls-remote", "--symref", git.url, f"refs/heads/{wanted}" if wanted else "HEAD").decode().splitlines()
    refs = [line.split()[1] for line in told if line.startswith("ref: refs/heads/")]
    branch = wanted or (refs[0].removeprefix("refs/heads/") if refs else "main")
    if not any(not line.startswith("ref: ") for line in told):
        return branch, ""
    git("fetch", "--quiet", "--depth=1", "--no-tags", git.url, f"refs/heads/{branch}")
    return branch, git("rev-parse", "FETCH_HEAD^{commit}").decode().strip()


def _pushed_before(git: Git, there: dict[str, str]) -> set[str]:
    """The files that an earlier push from here has put there."""
    if MARK not in there:
        return set()
    try:
        told = json.loads(git("cat-file", "blob", there[MARK].split()[2]))["files"]
        return {str(name) for name in told} & set(there)
    except (ValueError, KeyError, TypeError):
        return set()


def _refuse_other_content(git: Git, there: dict[str, str], ours: dict[str, str], before: set[str]) -> None:
    others = set(there) - before
    foreign = [
        name for name, sha in ours.items() if name in others and name not in _HARMLESS and there[name].split()[2] != sha
    ]
    # Weights that ours lack would be taken for ours: an index goes before a single file.
    foreign += [name for name in others - set(ours) if "/" not in name and name.endswith((*WEIGHTS, ".index.json"))]
    foreign += [name for name in others if _folders(name) & set(ours)]
    foreign += list(set().union(*map(_folders, ours)) & others)
    if foreign:
        raise HubError("hub_other_content", repo=git.address.repo, files=", ".join(sorted(foreign)[:5]))


def _folders(name: str) -> set[str]:
    """The folders that a file lies in: a file of theirs cannot be a folder of ours, nor the other way."""
    return {folder.as_posix() for folder in PurePosixPath(name).parents} - {"."}


def _upload(git: Git, large: dict[str, Path], objects: dict[str, str], progress: Callable[[Progress], None]) -> None:
    """Give git-lfs the files where it expects them, and let it send what the hub lacks."""
    for name, file in large.items():
        oid = objects[name]
        place = git.folder / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            try:
                os.link(file.resolve(), place)
            except OSError:  # a disk without links
                shutil.copyfile(file, place)
    git("remote", "add", "origin", git.url)
    names = {objects[name]: name for name in large}
    sizes = {oid: large[name].stat().st_size for oid, name in names.items()}
    log = git.folder / "progress"
    log.touch()
    sent: dict[str, int] = {}
    with log.open(encoding="utf-8", errors="replace") as lines:

        def look() -> None:
            """git-lfs writes lines such as: upload 1/2 1048576/5242880 /its/place/OID"""
            oid = ""
            for line in lines:  # those that are new
                words = line.split(maxsplit=3)
                if line.endswith("\n") and len(words) == 4 and Path(words[3].strip()).name in names:
                    oid = Path(words[3].strip()).name
                    sent[oid] = int(words[2].partition("/")[0])
            if oid:
                progress(Progress(names[oid], sent[oid], sizes[oid], sum(sent.values()), sum(sizes.values())))

        variables = {"GIT_LFS_PROGRESS": str(log)}
        git("lfs", "push", "--object-id", "origin", *names, on_wait=look, variables=variables)
        look()
