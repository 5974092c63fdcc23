"""小助手工坊 / Assistant Studio: the page. `python app.py --help` says what can be set."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
import warnings


def main() -> int:
    """Serve the page until Ctrl+C. Exit code 1 when the port or HOME cannot be had."""
    # Until the page stands Ctrl+C simply ends it: Python's exception would come up in some import, or be lost there.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from hub import app_settings
    from training import environment, home
    from training.errors import UserError
    from training.models import sources

    try:
        with sources.told():
            app_settings.load()
        asked = arguments()
        if asked.home:
            os.environ["STUDIO_HOME"] = asked.home
        refuse_taken_port(asked.host, asked.port)
        for cache in ("GRADIO_TEMP_DIR", "MPLCONFIGDIR"):  # a host may let us write in our own folder only
            os.environ.setdefault(cache, str(home.home() / "cache"))
    except UserError as error:
        for language in ("zh", "en"):
            print(error.sentence(language), file=sys.stderr)
        return 1
    environment.complete()
    warnings.filterwarnings("ignore", message=".*HTTP_422")  # Gradio's own use of an old name, at every click
    from serving import giving_way
    from serving.stage import Stage
    from training import hosted
    from ui import site

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the models end too
    stage, ended = Stage(), threading.Event()
    giving_way.watch(stage, ended)
    hosted.watch(ended)
    print(f"小助手工坊 / Assistant Studio: http://{asked.host}:{asked.port}", flush=True)
    try:
        site.serve(stage, asked.host, asked.port, asked.share)
    finally:
        ended.set()
        stage.release()
    return 0


def arguments() -> argparse.Namespace:
    """What was asked for, on the command line or by variables."""
    from hub import terminal
    from training import hosted

    parser = argparse.ArgumentParser(description="小助手工坊 / Assistant Studio")
    place = "folder for datasets, models and runs (STUDIO_HOME; default workspace/ beside this file)"
    parser.add_argument("--home", type=terminal.filled, help=place)
    host = os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if hosted.is_hosted() else "127.0.0.1")
    addresses = "(GRADIO_SERVER_NAME; default 127.0.0.1, or 0.0.0.0 where strangers visit)"
    parser.add_argument("--host", default=host, help=addresses)
    port = os.environ.get("PORT") or os.environ.get("GRADIO_SERVER_PORT") or 7860
    parser.add_argument("--port", type=int, default=port, help="(PORT or GRADIO_SERVER_PORT; default 7860)")
    parser.add_argument("--share", action="store_true", help="a public link to a page that only chats, for a week")
    return parser.parse_args()


def refuse_taken_port(host: str, port: int) -> None:
    """Raises UserError (port_taken, recipe_port): said at once instead of after loading everything."""
    from training.errors import UserError

    if not 0 <= port <= 65535:
        raise UserError("recipe_port", value=port)
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise UserError("port_taken", host=host, port=port, reason=error.strerror) from error


if __name__ == "__main__":
    sys.exit(main())
