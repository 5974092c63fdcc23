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
from hub.contents import Listing, Stream
from hub.errors import HubError
from hub.pulling import Progress

OSS = "OPENXLAB_OSS_ENDPOINT"
"""The variable that moves the store that the SDK sends files to."""
_CODE = "https://github.com/InternLM/xtuner"
"""A metafile has to name code."""
_WEIGHTS = (".safetensors", ".bin", ".index.json")
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
    """Make the repo hold these files. Returns what names that state.

    `mark` names the last one: it tells that the repo is ours, and holds the hashes of the others.
    Raises HubError: hub_push_only_flat, hub_other_content, hub_cancelled, and what the hub refuses.
    """
    folders = [name for name in files if "/" in name]
    if folders:
        raise HubError("hub_push_only_flat", files=", ".join(folders[:5]))
    there = _there(address, variables)
    if there:
        _refuse_other_content(address, {file.name for file in there.files}, files, mark)
        if _same(files, there, mark):
            return there.commit
    with tempfile.TemporaryDirectory() as scratch:
        metafile = Path(scratch) / "metafile.yaml"
        metafile.write_text(_metafile(address, files), encoding="utf-8")
        said = _run(address, metafile, there is None, files, progress, cancelled, variables)
    arrived = _there(address, variables)
    if not arrived or not _same(files, arrived, mark):
        reason = said or "not everything has arrived"
        raise HubError("hub_refused", hub=address.hub_name, repo=address.repo, reason=reason)
    return arrived.commit


def _there(address: Address, variables: Mapping[str, str]) -> Listing | None:
    """What the repo holds; None when there is no such repo."""
    if not openxlab_api.exists(address, variables):
        return None
    try:
        return openxlab_api.listing(address, variables)
    except HubError as error:
        if error.code != "hub_no_weights":
            raise
        return Listing("", (), lambda file, offset: Stream(0, iter(())))


def _refuse_other_content(address: Address, held: set[str], files: dict[str, Path], mark: str) -> None:
    """The SDK can take nothing away, so weights that ours lack would stay, and be taken for ours."""
    foreign = {name for name in held - set(files) if name.endswith(_WEIGHTS)}
    if mark not in held:
        foreign |= held & set(files) - {"README.md"}  # which a hub may put into a new repo
    if foreign:
        raise HubError("hub_other_content", repo=address.repo, files=", ".join(sorted(foreign)[:5]))


def _same(files: dict[str, Path], there: Listing, mark: str) -> bool:
    """Whether all of them are there: by their sizes, and by the mark, which is sent last and holds their hashes."""
    sizes = {file.name: file for file in there.files}
    if any(name not in sizes or sizes[name].size != file.stat().st_size for name, file in files.items()):
        return False
    return b"".join(there.read(sizes[mark], 0).blocks) == files[mark].read_bytes()


def _metafile(address: Address, files: dict[str, Path]) -> str:
    """What the SDK uploads by: for it every file is a "model". JSON is YAML as well."""
    card = files.get("README.md")
    told = re.search(r"(?m)^license: *(\S+)", card.read_text(encoding="utf-8")) if card else None
    collection = {"Name": address.repo.partition("/")[2], "License": told[1] if told else "other"}
    tasks = [{"Task": "Text Generation", "Dataset": "none"}]
    models = [{"Name": name, "Results": tasks, "Weights": str(file.resolve())} for name, file in files.items()]
    whole = {"Collections": [{**collection, "Code": {"URL": _CODE}}], "Models": models}
    return json.dumps(whole, indent=1)


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
        "cache": str(metafile.parent / "cache.json"),
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
