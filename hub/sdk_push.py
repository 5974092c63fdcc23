"""A model into a repo by OpenXLab's own SDK, where its git refuses: metafile.yaml, create or upload.

Then a look at what has arrived, since the SDK prints what goes wrong and returns.

The SDK runs in a process of its own (sdk_child.py), so that what it changes and keeps open ends with it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from hub import keys, openxlab_api
from hub.address import Address
from hub.contents import File
from hub.errors import HubError
from hub.pulling import Progress

OSS = "OPENXLAB_OSS_ENDPOINT"
"""The variable that moves the store that the SDK sends files to."""
_CODE = "https://github.com/InternLM/xtuner"
"""A metafile has to name code."""
_SENT = "Successfully uploaded "
_ROOT = Path(__file__).resolve().parent.parent


def is_possible(address: Address, variables: Mapping[str, str] = os.environ) -> bool:
    """Whether the SDK may be asked: it wants the two keys, and an API where git is."""
    signed = all(keys.find(name, variables) for name in openxlab_api.KEYS)
    return signed and not address.revision and not (address.moved and not variables.get(openxlab_api.BASE))


def push(
    address: Address,
    files: dict[str, Path],
    mark: str,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    variables: Mapping[str, str] = os.environ,
) -> str:
    """Make the repo hold these files; `mark` names the one that tells that it is ours. Returns what names that state.

    Raises HubError: hub_push_only_flat, hub_other_content, hub_cancelled, and what the hub refuses.
    """
    folders = [name for name in files if "/" in name]
    if folders:
        raise HubError("hub_push_only_flat", files=", ".join(folders[:5]))
    there = _there(address, variables)
    if there and mark not in there and set(there) & set(files):
        raise HubError("hub_other_content", repo=address.repo, files=", ".join(sorted(set(there) & set(files))[:5]))
    if there is not None and _same(files, there):
        return openxlab_api.listing(address, variables).commit
    with tempfile.TemporaryDirectory() as scratch:
        metafile = Path(scratch) / "metafile.yaml"
        metafile.write_text(_metafile(address, files), encoding="utf-8")
        said = _run(address, metafile, there is None, files, progress, cancelled, variables)
    arrived = _there(address, variables) or {}
    if not _same(files, arrived):
        missing = sorted(name for name in files if arrived.get(name) != files[name].stat().st_size)
        reason = said or f"{', '.join(missing[:5])} did not arrive"
        raise HubError("hub_refused", hub=address.hub_name, repo=address.repo, reason=reason)
    return openxlab_api.listing(address, variables).commit


def _there(address: Address, variables: Mapping[str, str]) -> dict[str, int] | None:
    """The repo's files and their sizes; None when there is no such repo."""
    if not openxlab_api.exists(address, variables):
        return None
    try:
        held: tuple[File, ...] = openxlab_api.listing(address, variables).files
    except HubError as error:
        if error.code != "hub_no_weights":
            raise
        held = ()
    return {file.name: file.size for file in held}


def _same(files: dict[str, Path], there: dict[str, int]) -> bool:
    return all(there.get(name) == file.stat().st_size for name, file in files.items())


def _metafile(address: Address, files: dict[str, Path]) -> str:
    """What the SDK uploads by: for it every file is a "model". JSON is YAML as well."""
    card = files.get("README.md")
    told = re.search(r"(?m)^license: *(\S+)", card.read_text(encoding="utf-8")) if card else None
    collection = {"Name": address.repo.partition("/")[2], "License": told[1] if told else "other"}
    tasks = [{"Task": "Text Generation", "Dataset": "none"}]
    models = [{"Name": name, "Results": tasks, "Weights": str(file.resolve())} for name, file in files.items()]
    whole = {"Collections": [{**collection, "Code": {"URL": _CODE}}], "Models": models}
    return json.dumps(whole, ensure_ascii=False, indent=1)


def _run(
    address: Address,
    metafile: Path,
    create: bool,
    files: dict[str, Path],
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    variables: Mapping[str, str],
) -> str:
    """The SDK's work. Returns the error that it printed, "" when it printed none."""
    jwt = openxlab_api.signed(address, variables)["Authorization"]
    wanted = {
        "api": openxlab_api.base(variables),
        "oss": variables.get(OSS, ""),
        "jwt": jwt,
        "repo": address.repo,
        "metafile": str(metafile),
        "create": create,
    }
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("TOKEN", "_AK", "_SK", "PASSWORD"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "hub.sdk_child"],
        cwd=_ROOT,
        env={**kept, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdin and process.stdout
    total, done, error = sum(file.stat().st_size for file in files.values()), 0, ""
    sizes = iter([(name, file.stat().st_size) for name, file in files.items()])
    try:
        process.stdin.write(json.dumps(wanted))
        process.stdin.close()
        for line in process.stdout:
            if cancelled():
                raise HubError("hub_cancelled")
            if line.startswith(_SENT):  # in the order of the metafile
                name, size = next(sizes, ("", 0))
                done += size
                progress(Progress(name, size, size, done, total))
            elif line.startswith("Error"):
                error = line.strip()[:300]
        process.wait()
    finally:
        process.kill()
        process.wait()
    return error.replace(jwt, "***")
