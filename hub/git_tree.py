"""What a repo holds as git keeps it: files by name, pointers to large ones, and the lines that call them large."""

from __future__ import annotations

import re
from pathlib import Path

from hub.git import Git

ATTRIBUTES = ".gitattributes"


def listed(git: Git, commit: str) -> dict[str, str]:
    """Name -> mode, kind and hash of every file of the repo, those in folders included."""
    lines = git("ls-tree", "-r", "-z", commit).decode(errors="surrogateescape").split("\0")[:-1]
    return {line.partition("\t")[2]: line.partition("\t")[0] for line in lines}


def tree(git: Git, entries: dict[str, str]) -> str:
    """The hash of the folder that holds these files, with all folders in it."""
    lines = "".join(f"{entry}\t{name}\0" for name, entry in sorted(entries.items()))
    git("read-tree", "--empty")
    git("update-index", "-z", "--index-info", given=lines.encode(errors="surrogateescape"))
    return git("write-tree").decode().strip()


def text(git: Git, text: str) -> str:
    return git("hash-object", "-w", "--stdin", given=text.encode(errors="surrogateescape")).decode().strip()


def blob(git: Git, file: Path, oid: str | None) -> str:
    """The hash of what git itself keeps of a file: the file, or a pointer to it."""
    if oid is None:
        return git("hash-object", "-w", "--no-filters", "--", str(file.absolute())).decode().strip()
    size = file.stat().st_size
    return text(git, f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")


def attributes(git: Git, there: dict[str, str], large: list[str]) -> str:
    """What the repo says of its files already, and that each large one is git-lfs's."""
    said = ""
    if ATTRIBUTES in there:
        said = git("cat-file", "blob", there[ATTRIBUTES].split()[2]).decode(errors="surrogateescape")
    lines = [f"{_pattern(name)} filter=lfs diff=lfs merge=lfs -text" for name in large]
    new = [line for line in lines if line not in said.splitlines()]
    return text(git, "\n".join([*said.splitlines(), *new]) + "\n")


def _pattern(name: str) -> str:
    """The beginning of a line that means this very file: wildcards are letters, and it is quoted if it has to be."""
    escaped = re.sub(r"([\\*?\[\]])", r"\\\1", f"/{name}")
    if not re.search(r'[\s"\\]', escaped):
        return escaped
    return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'
