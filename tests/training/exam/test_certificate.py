from __future__ import annotations

import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from training import exam
from training.errors import UserError
from training.exam import achievements, certificate, recommendation
from training.exam.drawing import Line, Plot, svg
from training.files import write_json
from training.persona import Persona
from training.questions import EXAM_VERSION, exam_questions
from training.runs import status

NASTY = "<img src=x onerror=alert(1)> | `x` [a](javascript:1)"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder with the exam of the base and of one checkpoint; everything a person typed is nasty."""
    persona = Persona(NASTY, NASTY, NASTY)
    card = {"persona": vars(persona), "sha256": "ab" * 32, "summary": {"rows": 9, "identity": 5, "general": 4}}
    recipe = {
        "method": "lora",
        "learning_rate": 1e-3,
        "batch_size": 2,
        "max_length": 256,
        "steps": 20,
        "accumulation": 1,
    }
    told = {"card": card, "recipe": recipe, "model": NASTY, "device": "cpu", "created": 0.0, "command": NASTY}
    (tmp_path / "spec.json").write_text(json.dumps(told))
    questions = exam_questions(Persona("Robin", "Ada"))
    for step, said in ((0, "Hm."), (20, NASTY)):
        marked = exam.mark(questions, [said] * len(questions), [""] * len(questions), persona)
        scores = exam.scores(marked, {"all": 0.0125} if step else {})
        exam.save(tmp_path, exam.Report(step, step, EXAM_VERSION, False, "c0ffee", 1.0, scores, marked))
    recommendation.save(tmp_path, recommendation.recommend(exam.load(tmp_path)))
    curve = tmp_path / "work" / "1" / "vis_data"
    curve.mkdir(parents=True)
    lines = [{"loss": 2 / step, "lr": 1e-3, "time": 1.0, "step": step} for step in range(1, 21)]
    (curve / "scalars.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


class Tags(HTMLParser):
    """Collects what a browser would make elements of."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]


def test_the_certificate_tells_who_how_and_how_well_in_both_languages(run: Path) -> None:
    html, markdown, picture = (file.read_text(encoding="utf-8") for file in certificate.write(run))
    for text in (html, markdown):
        for word in ("abababababababab", "c0ffee", "0.013 nats", "训练前", "before", "xtuner 0.2.0", "认得自己"):
            assert word in text
        assert "Hm." in text
    drawn = ElementTree.fromstring(picture)
    lines = [element for element in drawn.iter() if element.tag.endswith("polyline")]
    assert len(lines) == 5 and len(lines[0].attrib["points"].split()) == 20
    assert picture in html and "(certificate.svg)" in markdown
    assert certificate.files(run)[0].name == "certificate.html"


def test_a_certificate_tells_the_steps_that_were_trained_and_what_they_were_trained_with(run: Path) -> None:
    spec = json.loads((run / "spec.json").read_text())
    (run / "spec.json").write_text(json.dumps({**spec, "versions": {"torch": "1.0.old"}}))
    status.write(run, status.RunStatus("run", "merging", step=5, total=20, seconds={"training": 7.2}))
    text = certificate.write(run)[0].read_text(encoding="utf-8")
    assert "5 of 20 steps" in text and " · 7 s" in text and "torch 1.0.old" in text and "xtuner 0.2.0" in text


def test_the_verdict_of_another_checkpoint_is_not_told(run: Path) -> None:
    chosen = recommendation.load(run)
    assert chosen and achievements.of(run).verdicts
    recommendation.save(run, replace(chosen, step=10))
    (run / "merged").mkdir()
    write_json(run / "merged" / "studio.json", {"step": 20})
    assert achievements.of(run).verdicts == []


def test_a_picture_has_room_for_every_line_and_leaves_out_what_is_no_number() -> None:
    lines = [Line(f"line {at}", "#000000", [(1, 2.0), (2, math.nan), (3, math.inf), (4, 1.0)]) for at in range(7)]
    drawn = ElementTree.fromstring(svg([Plot("few", lines[:1]), Plot("many", lines)]))
    assert max(float(each.attrib["cy"]) for each in drawn.iter() if "cy" in each.attrib) < float(drawn.attrib["height"])
    points = [each.attrib["points"].split() for each in drawn.iter() if each.tag.endswith("polyline")]
    assert [len(each) for each in points] == [2] * 8 and "nan" not in str(points)


def test_nothing_a_person_or_a_model_said_becomes_markup(run: Path) -> None:
    html, markdown, _ = (file.read_text(encoding="utf-8") for file in certificate.write(run))
    tags = Tags()
    tags.feed(html)
    assert not tags.found & {"img", "a", "script"}
    assert "<img" not in markdown and "[a](" not in markdown and "| `x`" not in markdown


def test_without_an_exam_there_is_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text('{"card": {}}')
    with pytest.raises(UserError, match="no certificate"):
        certificate.write(tmp_path)
    assert certificate.files(tmp_path) == []
