"""ModelScope by its file API: a list with the SHA-256 of every file, and their bytes by range. Without its SDK."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import quote

from hub import web
from hub.address import TOKENS, Address, Credentials
from hub.contents import File, Listing, Stream
from hub.errors import HubError


def listing(address: Address, who: Credentials) -> Listing:
    """The repo's files. Raises HubError."""
    headers = {"Cookie": f"m_session_id={who.token}"} if who.token else {}
    revision = quote(address.revision or "master", safe="")
    place = f"{address.base}/api/v1/models/{address.repo}/repo"
    told = web.ask(address, f"{place}/files?Revision={revision}&Recursive=true", headers)
    try:
        entries = [each for each in told["Data"]["Files"] if each["Type"] != "tree"]
        files = tuple(File(str(each["Path"]), int(each["Size"]), str(each.get("Sha256") or "")) for each in entries)
    except (KeyError, TypeError, ValueError) as error:
        if told.get("Success") is False:  # some refusals come with status 200
            refused = {"hub": address.hub_name, "repo": address.repo}
            if address.revision:
                raise HubError("hub_no_such_revision", **refused, revision=address.revision) from error
            raise HubError("hub_no_such_repo", **refused, variable=TOKENS[address.hub]) from error
        raise HubError("hub_unreachable", hub=address.hub_name, reason="no list of files") from error

    def read(file: File, offset: int) -> Stream:
        return web.stream(address, f"{place}?Revision={revision}&FilePath={quote(file.name, safe='')}", headers, offset)

    state = json.dumps(sorted((file.name, file.size, file.sha256) for file in files))
    return Listing(hashlib.sha256(state.encode()).hexdigest(), files, read)
