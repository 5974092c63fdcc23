"""One loaded LLaVA that sits the exam of a run with pictures, with one checkpoint's weights after the other.

For exam_process.py: the language model and the encoder are loaded once. What the language model answers without a
picture before it learns is kept in HOME/cache for the next run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from training import checkpoint, exam, home
from training.exam import BASE
from training.eyes import examination, eyes_recipe, llava_merge, picture_sets, run_data, seeing
from training.eyes.examination import Sheet
from training.files import read_json, write_json
from training.models import weights_hash
from training.questions import EXAM_VERSION


class Examiner:
    """Sits for the run in `folder`."""

    def __init__(
        self, folder: Path, spec: dict[str, Any], tick: Callable[[int, int, int], None] = lambda *_: None
    ) -> None:
        """`tick` hears the step that is examined, how many questions are answered, and of how many."""
        self.data, self.tick, self.spec = folder / run_data.DATA, tick, spec
        self.set = picture_sets.read(self.data)
        self.sheets = examination.paper(self.set)
        self.model, self.encoder = Path(spec["model_folder"]), Path(spec["encoder_folder"])
        self.eyes = eyes_recipe.from_dict(spec["eyes"])
        self.hash = weights_hash(self.model)
        self.made = llava_merge.assembled(self.model, self.encoder)
        seeing.use_gpu(self.made.whole)
        self._answered: dict[int, dict[Sheet, str]] = {}
        """By step: after the quick exam the whole one only asks the other half."""

    def put(self, file: Path) -> None:
        """Make the model what it was at this checkpoint, or projector file."""
        checkpoint.put(self.made.llm, self.model, file, self.spec["recipe"]["lora_alpha"])
        if self.eyes.encoder_lora_rank:
            alpha = 2 * self.eyes.encoder_lora_rank
            checkpoint.put(self.made.vision, self.encoder, file, alpha, "visual_encoder.")
        llava_merge.put_projector(self.made, llava_merge.projector(file))

    def sit(self, step: int, iteration: int, quick: bool, put: Callable[[], None] | None) -> exam.Report:
        """Examine what `put` makes of the model; None: it does not see yet, and is asked without pictures only.

        The base is only there to be compared with: of the questions about pictures it answers half.
        """
        began = time.monotonic()
        sheets = exam.quick(self.sheets) if quick else self.sheets
        if put:
            put()
        else:
            sheets = [sheet for sheet in sheets if not sheet.picture]
        if step == BASE:
            half = set(exam.quick(self.sheets))
            sheets = [sheet for sheet in sheets if not sheet.picture or sheet in half]
        known = self._answered.setdefault(step, self._kept() if step == BASE else {})
        new = [sheet for sheet in sheets if sheet not in known]
        known.update(zip(new, self._ask(new, step), strict=True))
        asked = self._answered.get(BASE) or self._kept()
        base = {sheet.text: answer for sheet, answer in asked.items() if not sheet.picture}
        if step == BASE:
            self._keep(base)
        marked = examination.marked(sheets, [known[sheet] for sheet in sheets], base, self.set.persona)
        seconds = round(time.monotonic() - began, 1)
        scores = exam.scores(marked, {})
        return exam.Report(step, iteration, EXAM_VERSION, quick, self.hash, seconds, scores, marked)

    def _ask(self, sheets: Sequence[Sheet], step: int) -> list[str]:
        asked = [{"text": sheet.text, "picture": sheet.picture} for sheet in sheets]

        def tick(done: int) -> None:
            self.tick(step, done, len(sheets))

        return seeing.answers(self.made.whole, self.made.processor, asked, self.data, tick)

    def _kept(self) -> dict[Sheet, str]:
        """What the language model said to an earlier run's exam: without a picture nothing else has a say."""
        try:
            known: dict[str, str] = read_json(self._file())
        except (OSError, ValueError):
            return {}
        return {sheet: known[sheet.text] for sheet in self.sheets if not sheet.picture and sheet.text in known}

    def _keep(self, answers: dict[str, str]) -> None:
        file = self._file()
        file.parent.mkdir(exist_ok=True)
        write_json(file, answers)

    def _file(self) -> Path:
        return home.home() / "cache" / f"exam-eyes-{EXAM_VERSION}-{seeing.TOKENS}-{self.hash}.json"
