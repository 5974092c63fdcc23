"""A model folder goes into a repo by git and git-lfs: large files first, then one commit on top of what is there.

Nothing is sent that the hub has already, which is also how a broken push goes on; nothing is ever forced.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hub import safetensors_header, selection
from hub.address import Address, Credentials
from hub.contents import sha256_of
from hub.errors import HubError, writing_failed
from hub.git import Git
from hub.pulling import Progress

MARK = ".assistant-studio.json"
"""The files of a repo that were pushed from here: those a later push may replace or remove."""
_ATTRIBUTES = ".gitattributes"
_HARMLESS = (_ATTRIBUTES, ".gitignore", "README.md", "LICENSE", "metafile.yaml")
"""What a hub itself puts into a new repo."""
_LARGE = 5 << 20
"""Bytes from which a file goes by git-lfs; weights always do."""
_WEIGHTS = (".safetensors", ".bin", ".model", ".gguf")
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
    if not shutil.which("git-lfs"):
        raise HubError("hub_lfs_missing")
    files = _checked(folder)
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".push-") as scratch:  # beside it: for hard links
            git = Git(address, who, Path(scratch), cancelled)
            return _push(git, files, progress)
    except OSError as error:
        raise writing_failed(error, folder.parent) from error


def _checked(folder: Path) -> list[Path]:
    """The files to push, no programs among them. Raises HubError(hub_folder_bad)."""
    files = [file for file in sorted(folder.glob("*")) if _is_own(file)]
    files = [file for file in files if file.suffix not in _PROGRAMS]
    names = {file.name for file in files}
    shards = selection.shards(folder / selection.INDEX) if selection.INDEX in names else [selection.SINGLE]
    for name in ("config.json", *shards):
        if name not in names:
            raise HubError("hub_folder_bad", path=folder, missing=name)
    for file in files:
        if file.suffix == ".safetensors":
            try:
                safetensors_header.read(file)
            except ValueError as error:
                raise HubError("hub_folder_bad", path=folder, missing=file.name) from error
    return files


def _is_own(file: Path) -> bool:
    """A link may lead to what is not for others."""
    return file.is_file() and not file.is_symlink() and not file.name.startswith(".")


def _push(git: Git, files: list[Path], progress: Callable[[Progress], None]) -> Pushed:
    git("init", "--quiet", "--bare", ".")
    branch, head = _head(git)
    there = _tree(git, head) if head else {}
    large = [file for file in files if file.suffix in _WEIGHTS or file.stat().st_size >= _LARGE]
    objects = {file.name: sha256_of(file) for file in large}
    ours = {file.name: _blob(git, file, objects.get(file.name)) for file in files}
    before = _pushed_before(git, there)
    _refuse_other_content(git, there, ours, before)
    ours[MARK] = _text(git, json.dumps({"files": sorted(ours)}, indent=1) + "\n")
    ours[_ATTRIBUTES] = _attributes(git, there, [file.name for file in large])
    kept = {name: entry for name, entry in there.items() if name not in before}
    tree = _make_tree(git, kept | {name: f"100644 blob {sha}" for name, sha in ours.items()})
    names = tuple(sorted(set(ours) - {MARK, _ATTRIBUTES})), tuple(file.name for file in large)
    if head and tree == git("rev-parse", f"{head}^{{tree}}").decode().strip():
        return Pushed(head, False, *names)
    _upload(git, large, objects, progress)
    parents = ["-p", head] if head else []
    commit = git("commit-tree", tree, *parents, "-m", "Push a model with Assistant Studio").decode().strip()
    git("push", "--quiet", git.url, f"{commit}:refs/heads/{branch}")
    return Pushed(commit, True, *names)


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


def _tree(git: Git, commit: str) -> dict[str, str]:
    """Name -> mode, kind and hash of what lies at the top of the repo, folders included."""
    lines = git("ls-tree", "-z", commit).decode(errors="surrogateescape").split("\0")[:-1]
    return {line.partition("\t")[2]: line.partition("\t")[0] for line in lines}


def _make_tree(git: Git, entries: dict[str, str]) -> str:
    lines = "".join(f"{entry}\t{name}\0" for name, entry in sorted(entries.items()))
    return git("mktree", "-z", given=lines.encode(errors="surrogateescape")).decode().strip()


def _text(git: Git, text: str) -> str:
    return git("hash-object", "-w", "--stdin", given=text.encode()).decode().strip()


def _blob(git: Git, file: Path, oid: str | None) -> str:
    """The hash of what git itself keeps of a file: the file, or a pointer to it."""
    if oid is None:
        return git("hash-object", "-w", "--no-filters", "--", str(file.absolute())).decode().strip()
    size = file.stat().st_size
    return _text(git, f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")


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
    foreign = [
        name
        for name, sha in ours.items()
        if name in there and name not in before and name not in _HARMLESS and there[name].split()[2] != sha
    ]
    # Weights that ours lack would be taken for ours: an index goes before a single file.
    foreign += [name for name in set(there) - set(ours) - before if name.endswith((*_WEIGHTS, ".index.json"))]
    if foreign:
        raise HubError("hub_other_content", repo=git.address.repo, files=", ".join(sorted(foreign)[:5]))


def _attributes(git: Git, there: dict[str, str], large: list[str]) -> str:
    """What the repo says of its files already, and that each large one is git-lfs's."""
    said = git("cat-file", "blob", there[_ATTRIBUTES].split()[2]).decode() if _ATTRIBUTES in there else ""
    lines = [f'"{name}" filter=lfs diff=lfs merge=lfs -text' for name in large]
    new = [line for line in lines if line not in said.splitlines()]
    return _text(git, "\n".join([*said.splitlines(), *new]) + "\n")


def _upload(git: Git, large: list[Path], objects: dict[str, str], progress: Callable[[Progress], None]) -> None:
    """Give git-lfs the files where it expects them, and let it send what the hub lacks."""
    for file in large:
        oid = objects[file.name]
        place = git.folder / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            try:
                os.link(file.resolve(), place)
            except OSError:  # a disk without links
                shutil.copyfile(file, place)
    git("remote", "add", "origin", git.url)
    sizes = {objects[file.name]: file for file in large}
    log = git.folder / "progress"

    def look() -> None:
        """git-lfs writes lines such as: upload 1/2 1048576/5242880 /its/place/OID"""
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
        last = lines[-1].split(maxsplit=3) if lines else []
        if len(last) < 4 or "/" not in last[2]:
            return
        done, size = (int(number) for number in last[2].split("/"))
        oid = Path(last[3]).name
        name = sizes[oid].name if oid in sizes else oid
        progress(Progress(name, done, size, done, size))

    git("lfs", "push", "--object-id", "origin", *sizes, on_wait=look, variables={"GIT_LFS_PROGRESS": str(log)})
    look()
