"""How long a big file takes to import, and how much memory: python tests/bench/import_file.py [MEGABYTES] [KIND ...]

Writes a file of that size (1024 MB) for each kind (jsonl json csv xlsx), imports it in a process of its own, and prints
seconds, rows, and that process's peak memory; then what opening, measuring and looking through the dataset costs.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
KINDS = ("jsonl", "json", "csv")


def write(path: Path, kind: str, size: int) -> None:
    """A file of about `size` bytes: half Chinese, half English, a thousandth of the rows broken."""
    filler = "The quick brown fox jumps over the lazy dog. " * 12, "敏捷的棕色狐狸跳过懒狗。" * 16
    written, number = 0, 0
    if kind == "xlsx":
        from openpyxl import Workbook

        book = Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.append(["question", "answer"])
        while written < size:
            number += 1
            sheet.append([f"question {number}", filler[number % 2]])
            written += len(filler[number % 2])
        book.save(path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        file.write("[\n" if kind == "json" else "" if kind == "jsonl" else "question,answer\n")
        while file.tell() < size if number % 1000 == 0 else True:
            number += 1
            question, answer = f"question {number}", filler[number % 2]
            if number % 1000 == 0:
                answer = ""
            if kind == "csv":
                rows.writerow([question, answer])
                continue
            turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            comma = ",\n" if kind == "json" and number > 1 else ""
            file.write(comma + json.dumps({"messages": turns}, ensure_ascii=False) + ("" if kind == "json" else "\n"))
        file.write("\n]\n" if kind == "json" else "")


def timed(label: str, program: str, *arguments: str) -> None:
    """Run Python code in a process of its own and print what it prints, its seconds and its peak memory."""
    began = time.monotonic()
    done = subprocess.Popen([sys.executable, "-c", program, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    said = done.stdout.read().strip() if done.stdout else ""
    _, status, used = os.wait4(done.pid, 0)
    seconds, cpu, peak = time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    code = os.waitstatus_to_exitcode(status)
    print(f"{label:22} {seconds:7.1f} s ({cpu:.1f} s CPU)  peak {peak:6.0f} MB  exit {code}  {said}", flush=True)


IMPORT = """
import sys
from pathlib import Path
from training import dataset, home
from training.importing import intake
folder = home.home() / "staged"
folder.mkdir(exist_ok=True)
report = intake.take_in(Path(sys.argv[1]), folder, lambda progress: None)
dataset.take("big", folder)
print(report.rows, "rows,", report.bad, "bad,", report.summary.unique, "different")
"""
OPEN = """
from ui.preview import View
view = View(name="big").opened("en")
print(len(view.rows()), view.moved(-1).row().messages[0]["content"], view.shuffled().row().messages[0]["content"])
"""
MEASURE = """
from training import tokens
measured = tokens.measure("big", "starter")
print(measured.tokens, "tokens,", measured.longer(256), "longer than 256, exact", measured.exact)
"""


def main(megabytes: int, kinds: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        os.environ["STUDIO_HOME"] = f"{place}/home"
        for kind in kinds:
            file = Path(place) / f"big.{kind}"
            write(file, kind, megabytes << 20)
            print(f"{kind}: {file.stat().st_size / 2**20:.0f} MB")
            timed("  import and save", IMPORT, str(file))
            timed("  open, end, anywhere", OPEN)
            timed("  measure", MEASURE)
            file.unlink()
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024, sys.argv[2:] or list(KINDS))
