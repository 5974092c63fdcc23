"""What is asked before a model is published, and how it is told: both languages, nothing typed becomes HTML."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.exam.test_certificate import run as run
from tests.training.models.tiny import write_talker
from tests.training.published import RUN, compared, put_run
from training.errors import UserError
from training.publishing import Look
from training.sentences import LANGUAGES, sentence
from ui.edge import plain
from ui.publish_view import question, state_html

SENDING = {"stage": "send", "share": 0.42, "file": "<i>", "done": 3_400_000, "size": 2_000_000_000}
DONE = {"changed": True, "commit": "c0ffee" * 7, "files": ["a", "b"], "page": "https://x/?a=<b>"}


@pytest.fixture
def made(run: Path, tmp_path: Path) -> Path:
    return put_run(run, write_talker(tmp_path / "talker"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_licence_merge_and_exam_are_told_before_anybody_can_see_the_model(made: Path, language: str) -> None:
    asked = question(RUN, "user/new", language)
    assert "user/new" in asked and "3.0 MB" in asked and len(asked.splitlines()) == 5
    for key in ("card.licence_unknown", "publish.parity_none"):
        assert plain(sentence(key, language)) in asked
    compared(made, 168, 168)
    assert plain(sentence("exam.parity_exact", language, equal=168, asked=168)) in question(RUN, "user/new", language)
    compared(made, 168, 20)
    assert plain(sentence("publish.parity_differs", language, equal=20, asked=168)) in question(RUN, "a/b", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_its_words(language: str) -> None:
    assert state_html(None, language) == ""
    assert "user/new" in state_html(Look("r", "user/new"), language)
    sending = state_html(Look("r", "user/new", told=SENDING), language)
    assert "width:42%" in sending and "3.4" in sending and "2000 MB" in sending and "&lt;i&gt;" in sending
    failed = state_html(Look("r", "<b>", error=UserError("hub_cancelled")), language)
    assert 'role="alert"' in failed and "<b>" not in failed
    done = state_html(Look("r", "user/new", done=DONE), language)
    assert 'href="https://x/?a=&lt;b&gt;"' in done
    assert DONE["commit"] in done  # all of it: MODEL_REPO=USER/REPO@COMMIT takes no less
    unchanged = state_html(Look("r", "user/new", done={**DONE, "changed": False}), language)
    assert unchanged != done
