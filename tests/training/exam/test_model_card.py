"""The card of a published model: what it tells, what it never tells, and whose it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from PIL import Image

from tests.training.exam.test_certificate import run as run
from tests.training.eyes.tiny_llava import write_encoder, write_llava
from tests.training.models.tiny import write_talker
from training.exam import model_card
from training.models import licence
from training.models.licence import Licence
from training.sentences import LANGUAGES


@pytest.fixture
def merged(run: Path, tmp_path: Path) -> Path:
    """The run with a base model under a licence, and a merged model."""
    base = tmp_path / "models" / "Qwen2.5-0.5B-Instruct"
    base.mkdir(parents=True)
    spec = json.loads((run / "spec.json").read_text())
    (run / "spec.json").write_text(json.dumps({**spec, "model_folder": str(base)}))
    (run / "merged").mkdir()
    (run / "merged" / "studio.json").write_text(json.dumps({"step": 20, "base": str(base)}))
    return run / "merged"


def test_the_card_tells_who_how_how_well_and_under_which_licence(run: Path, merged: Path) -> None:
    card = model_card.write(run, "user/new")
    assert card == merged / "README.md"
    text = card.read_text(encoding="utf-8")
    _, front, body = text.split("---\n", 2)
    assert yaml.safe_load(front) == {
        "license": "apache-2.0",
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "language": ["zh", "en"],
    }
    for word in (
        "abababababababab",
        "训练前",
        "before",
        "0.013 nats",
        "xtuner 0.2.0",
        "hub pull user/new",
        "apache-2.0",
    ):
        assert word in body
    assert "<img" not in body and "[a](" not in body and "| `x`" not in body
    assert "(certificate.svg)" in body and ElementTree.parse(merged / "certificate.svg")
    assert (merged / "LICENSE").read_text(encoding="utf-8").split()[:2] == ["Apache", "License"]


@pytest.mark.real
@pytest.mark.parametrize("eyes", [False, True])
def test_the_cards_program_chats_with_the_model(run: Path, merged: Path, tmp_path: Path, eyes: bool) -> None:
    told = json.loads((run / "spec.json").read_text())
    (run / "spec.json").write_text(json.dumps({**told, "eyes": {"encoder": "starter"}} if eyes else told))
    text = (model_card.write(run) or Path()).read_text(encoding="utf-8")
    assert yaml.safe_load(text.split("---\n")[1])["pipeline_tag"] == (
        "image-text-to-text" if eyes else "text-generation"
    )
    blind = write_talker(tmp_path / ("blind" if eyes else "model"))
    if eyes:
        write_encoder(tmp_path / "encoder")
        write_llava(tmp_path / "model", blind, tmp_path / "encoder")
        Image.new("RGB", (40, 20)).save(tmp_path / "picture.png")
    program = text.partition("```python\n")[2].partition("```")[0]
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


def test_nobody_learns_from_the_card_which_folders_the_machine_has(run: Path, merged: Path) -> None:
    spec = json.loads((run / "spec.json").read_text())
    told = {"model": "/home/me/base", "command": "xtuner train '/moved/a run/config.py' --work-dir '/moved/a run/work'"}
    (run / "spec.json").write_text(json.dumps({**spec, **told}))
    text = (model_card.write(run) or Path()).read_text(encoding="utf-8")
    assert "xtuner train 'config.py' --work-dir 'work'" in text
    assert not [path for path in ("/home", "/moved", str(run)) if path in text]


def test_a_run_without_an_exam_has_a_card_without_scores(run: Path, merged: Path) -> None:
    for report in (run / "exam").iterdir():
        report.unlink()
    text = (model_card.write(run) or Path()).read_text(encoding="utf-8")
    assert "训练前" not in text and "apache-2.0" in text and "20 steps" in text


def test_a_card_that_a_person_wrote_stays_and_ours_is_written_anew(run: Path, merged: Path) -> None:
    model_card.write(run)
    assert "hub pull user/new" in (model_card.write(run, "user/new") or Path()).read_text(encoding="utf-8")
    (merged / "README.md").write_text("# mine")
    assert model_card.write(run, "user/new") is None
    assert (merged / "README.md").read_text() == "# mine"


@pytest.mark.parametrize(
    ("folder", "files", "found"),
    [
        ("x", {"README.md": "---\nlicense: MIT\n---\nhello"}, Licence("mit")),
        ("x", {"README.md": "---\nlanguage: zh\n---\nlicense: mit"}, Licence("")),
        ("x", {"README.md": "---\nlicense: <b>\n---\n"}, Licence("")),
        ("x", {"LICENSE": "\n  Apache License\n Version 2.0"}, Licence("apache-2.0")),
        ("Qwen2.5-1.5B-Instruct", {}, Licence("apache-2.0")),
        ("x", {}, Licence("")),
    ],
)
def test_a_licence_is_what_the_card_the_file_or_the_catalogue_says(
    tmp_path: Path, folder: str, files: dict[str, str], found: Licence
) -> None:
    base = tmp_path / folder
    base.mkdir()
    for name, text in files.items():
        (base / name).write_text(text)
    assert licence.of(base) == found


def test_internlm_has_terms_of_its_own_under_any_spelling_and_they_are_said(tmp_path: Path) -> None:
    base = tmp_path / "internlm2-chat-1.8b"
    base.mkdir()
    (base / "README.md").write_text("---\nlicense: other\n---\n")
    own = licence.of(base)
    assert own.name == "other" and "Shanghai" in own.terms and not own.is_open
    assert all("Shanghai" in model_card.words(own, language) for language in LANGUAGES)
    assert len({model_card.words(each, "en") for each in (own, Licence("mit"), Licence(""))}) == 3
    assert licence.texts(base) == []
