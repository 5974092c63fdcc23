"""What it costs to be watched: python tests/bench/live_view.py [--viewers 10] [--seconds 120]

A trainer that keeps every core busy and writes its curve and log; a page on a 200 MB log and 20,000 points; viewers
that look as often as the page tells them, as browsers do. Periods with and without viewers take turns, so that what
else the machine does weighs on both. Prints the trainer's steps a second, what the page takes of the machine, and the
page's memory. The viewers run on this machine too, so what they cost themselves is told apart.
"""

from __future__ import annotations

import argparse
import ast
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))
LOG_BYTES, POINTS, TICK, ROUNDS = 200 << 20, 20_000, 2, 6
TRAINER = """
import json, sys, time, numpy
curve, log, step = open(sys.argv[1], "a", 1), open(sys.argv[2], "a", 1), int(sys.argv[3])
weights = numpy.random.rand(1500, 1500)
while True:
    begin = time.perf_counter()
    for _ in range(2):
        weights @ weights
    step += 1
    took = time.perf_counter() - begin
    print(json.dumps({"lr": 1e-3, "loss": 2.0, "time": took, "grad_norm": 1.0, "iter": step, "step": step}), file=curve)
    print(f"2026/11/24 00:00:00 - mmengine - INFO - Iter(train) [{step}/99999]  lr: 1.0e-03  loss: 2.0", file=log)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=120, help="in all, half of it with viewers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        os.environ["STUDIO_HOME"] = place
        folder, curve = run_folder()
        trainer = subprocess.Popen([sys.executable, "-c", TRAINER, str(curve), str(folder / "run.log"), str(POINTS)])
        page, port = served(folder, trainer.pid)
        try:
            measure(options, folder, curve, page, port)
        finally:
            for process in (page, trainer):
                process.kill()
                process.wait()


def run_folder() -> tuple[Path, Path]:
    """A run with a long past: its folder and its curve."""
    from training import home
    from training.files import write_json
    from training.recipe import Recipe

    folder = home.runs_dir() / "20260101-000000-bench"
    shown = folder / "work" / "20260101_000000" / "vis_data"
    shown.mkdir(parents=True)
    recipe = asdict(Recipe(steps=99_999))
    write_json(folder / "spec.json", {"name": "bench", "dataset": "d", "model": "m", "device": "cpu", "recipe": recipe})
    line = '{{"lr": 0.001, "loss": {loss}, "time": 1.0, "grad_norm": 1.0, "iter": {step}, "step": {step}}}\n'
    curve = shown / "scalars.json"
    curve.write_text("".join(line.format(step=step, loss=2.0 + step % 7 / 10) for step in range(1, POINTS + 1)))
    text = "2026/11/24 00:00:00 - mmengine - INFO - Iter(train) [1/99999]  lr: 1.0e-03  eta: 1:00:00  loss: 2.0\n"
    with (folder / "run.log").open("w") as log:
        for _ in range(LOG_BYTES // len(text) // 1000):
            log.write(text * 1000)
    return folder, curve


def served(folder: Path, trainer: int) -> tuple[subprocess.Popen[bytes], int]:
    """The page, once it answers, on a run that is the trainer's."""
    from tests.ui.conftest import free_port, serve
    from training import process
    from training.runs import status
    from training.runs.status import RunStatus

    now, port = time.time(), free_port()
    mark = process.start_mark(trainer) or ""
    step = {"step": POINTS, "total": 99_999, "step_seconds": 1.0}
    status.write(
        folder, RunStatus(folder.name, "training", pid=trainer, mark=mark, started=now, phase_started=now, **step)
    )
    return serve(port, folder.parent.parent / "app.out"), port


def measure(options: argparse.Namespace, folder: Path, curve: Path, page: subprocess.Popen[bytes], port: int) -> None:
    """Take turns, then print both sides."""
    watched, me, viewers = psutil.Process(page.pid), psutil.Process(), Viewers(port, folder.name)
    before = rss(watched)
    viewers.look(options.viewers, 3 * TICK)  # the first look reads the past; what follows reads what was added
    warm, period = rss(watched), options.seconds / ROUNDS / 2
    speeds: dict[bool, list[float]] = {False: [], True: []}
    page_share, viewer_share = [], []
    for _ in range(ROUNDS):
        for looking in (False, True):
            begin, lines, used, own = time.monotonic(), steps(curve), cpu(watched), cpu(me)
            viewers.look(options.viewers if looking else 0, period)
            passed = time.monotonic() - begin
            speeds[looking].append((steps(curve) - lines) / passed)
            if looking:
                page_share.append((cpu(watched) - used) / passed / (os.cpu_count() or 1))
                viewer_share.append((cpu(me) - own) / passed / (os.cpu_count() or 1))
    alone, seen = statistics.median(speeds[False]), statistics.median(speeds[True])
    log_size = (folder / "run.log").stat().st_size >> 20
    pace = max(viewers.pace.values(), default=TICK)
    print(f"{options.viewers} viewers, every {pace} s, {log_size} MB log, {steps(curve):,} points")
    print(f"trainer   {alone:.2f} steps/s alone, {seen:.2f} watched: {100 * (seen / alone - 1):+.2f} %")
    print(f"page      {100 * statistics.median(page_share):.2f} % of this machine's {os.cpu_count()} cores")
    print(f"viewers   {100 * statistics.median(viewer_share):.2f} % (they are elsewhere in earnest)")
    print(f"memory    page {before} MB before, {warm} MB after the first look, {rss(watched)} MB at the end")
    print(f"answers   {viewers.answers} in all, {viewers.bytes / max(1, viewers.answers) / 1000:.1f} kB each")


class Viewers:
    """Browsers without a screen: each has its session and asks what the panel's timer asks."""

    def __init__(self, port: int, run: str) -> None:
        self._port, self._run = port, run
        self.answers = self.bytes = 0
        self.pace: dict[int, int] = {}
        """Seconds between two looks, by viewer that has opened the page."""
        config = json.loads(self._ask(http.client.HTTPConnection("127.0.0.1", port), "GET", "/config", None))
        events = config["dependencies"]
        ticks = [event for event in events if any(how == "tick" for _, how in event["targets"])]
        tick = max(ticks, key=lambda event: len(event["inputs"]))  # the run panel's
        wanted = [component for place, component in enumerate(tick["inputs"]) if place != 2]
        self._tick = tick["id"]
        changes = {of: event["id"] for event in events for of, how in event["targets"] if how == "change"}
        mark = next(component for component in tick["outputs"] if component in changes)
        self._look, self._turned, self._seen = changes[mark], tick["outputs"].index(mark), dict[int, str]()
        self._begin = next(event["id"] for event in events if event["inputs"] == wanted)

    def look(self, number: int, seconds: float) -> None:
        """Let `number` viewers look for some seconds; returns when these have passed."""
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=self._view, args=(viewer, number, end)) for viewer in range(number)]
        for thread in threads:
            thread.start()
        time.sleep(max(0.0, end - time.monotonic()))
        for thread in threads:
            thread.join()

    def _view(self, viewer: int, number: int, end: float) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        session, looking = f"viewer{viewer}", ("loss", True, "", "all", None)
        opening = {"data": ["en", None, *looking], "fn_index": self._begin, "session_hash": session}
        body = {"data": ["en", self._run, None, *looking], "fn_index": self._tick, "session_hash": session}
        if viewer not in self.pace:  # gets the list of runs, as a page does when it is opened
            self._ask(connection, "POST", "/gradio_api/run/predict", json.dumps(opening))
            self.pace[viewer] = TICK
        time.sleep(min(viewer * self.pace[viewer] / number, end - time.monotonic()))
        while time.monotonic() < end:
            asked = time.monotonic()
            answer = self._ask(connection, "POST", "/gradio_api/run/predict", json.dumps(body))
            turned = json.loads(answer)["data"][self._turned]
            if isinstance(turned, str) and turned != self._seen.get(viewer):  # as the page does then
                self._ask(connection, "POST", "/gradio_api/run/predict", json.dumps({**body, "fn_index": self._look}))
                self._seen[viewer], self.pace[viewer] = turned, ast.literal_eval(turned)[-1]
            self.answers, self.bytes = self.answers + 1, self.bytes + len(answer)
            time.sleep(max(0.0, min(self.pace[viewer], end - asked) - (time.monotonic() - asked)))

    def _ask(self, connection: http.client.HTTPConnection, method: str, path: str, body: str | None) -> bytes:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        return connection.getresponse().read()


def steps(curve: Path) -> int:
    with curve.open("rb") as file:
        return sum(1 for _ in file)


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def rss(process: Any) -> int:
    return int(process.memory_info().rss) >> 20


if __name__ == "__main__":
    main()
