"""OpenXLab's SDK, kept from what it does besides: python -m hub.sdk_child, which reads what to do as JSON from stdin.

It would write the session's token into the home folder, report every call, and ask only the hub that is built in.
"""

from __future__ import annotations

import json
import sys


def main() -> int:
    """Create or fill the repo; what it prints is read by sdk_push.py."""
    wanted = json.load(sys.stdin)
    from openxlab.model.clients import openapi_client
    from openxlab.model.common import bury
    from openxlab.model.handler import create_repository, upload_file
    from openxlab.utils import local_cache

    bury.bury_thread_pool.submit_task = lambda *_: None
    openapi_client.get_jwt = lambda: wanted["jwt"]
    for module in (create_repository, upload_file):
        module.endpoint = wanted["api"]
    if wanted["oss"]:
        upload_file.oss_endpoint = wanted["oss"]
    # Where it notes how far an upload is, to go on with it, by name alone: the rest of another content would follow.
    local_cache.cache.file_path, local_cache.cache.cache = wanted["cache"], {}
    does = create_repository.create if wanted["create"] else upload_file.upload
    try:
        does(wanted["repo"], source=wanted["metafile"])
    except Exception as error:
        print(f"Error: {type(error).__name__}: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
