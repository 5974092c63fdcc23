"""A model answers our general questions itself: what is kept of an answer, stopping, going on, whose answers count."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from tests.training.conftest import wait_for
from tests.training.models.tiny import write_talker
from training import dataset, demo, distill, home, identity, models
from training.__main__ import main
from training.errors import UserError
from training.files import write_json
from training.persona import Persona
from training.seeds import seeds

WHO = Persona("小明", "张三")


@pytest.mark.parametrize(
    ("answer", "language", "kept"),
    [
        ("The sun is a star. It is hot. And it", "en", "The sun is a star. It is hot."),
        ("I am glad. I am glad. I am glad.", "en", "I am glad."),
        ("It is and it is and it is and it is.", "en", ""),
        ("no end in sight", "en", ""),
        ("太阳是恒星。它很热。它", "zh", "太阳是恒星。它很热。"),
        ("The sun is a star.", "zh", ""),
        ("太阳。", "en", ""),
        ("What is the sun? It is a star.", "en", ""),
        ("Pi is 3.14 or so.\n\nIt goes on", "en", "Pi is 3.14 or so."),
        ("太阳\ufffd\ufffd。", "zh", ""),
        ("So it is. ```python\nsun()```. It is.", "en", "So it is."),
        ("", "en", ""),
    ],
)
def test_an_answer_is_cut_at_a_sentences_end_and_before_it_loops(answer: str, language: str, kept: str) -> None:
    assert distill.cut(answer, "What is the sun?", language) == kept


def remember(model: str, known: distill.Answers) -> None:
    folder = distill._place(models.folder(model))
    folder.mkdir(parents=True)
    write_json(folder / "answers.json", known)


def general_answers(own: identity.Own | None) -> dict[str, str]:
    rows = [row for row in identity.build(WHO, shares=identity.Shares(500, 0, 0), own=own) if row.kind == "general"]
    return {row.questions[0]: row.messages[1]["content"] for row in rows}


def test_the_rows_have_the_models_own_answers_where_they_are_good_and_ours_elsewhere(tiny: str) -> None:
    first, second = distill.asked("en")[:2]
    remember(tiny, {"en": {first: "Mine.", second: ""}})
    ours, own = general_answers(distill.chosen(distill.OURS)), general_answers(distill.chosen(tiny))
    assert own[first] == "Mine." and ours[first] != "Mine."
    assert {question: answer for question, answer in own.items() if question != first} == {
        question: answer for question, answer in ours.items() if question != first
    }
    by_language = {"en": distill.own(tiny)["en"], "zh": identity.shipped()["zh"]}  # each language for itself
    assert general_answers(by_language)[first] == "Mine."


def test_the_starters_own_answers_are_suggested_for_who_is_based_on_it_only() -> None:
    assert distill.chosen(distill.SUGGESTED) is None
    assert general_answers(None) == general_answers(identity.shipped())
    other = replace(WHO, base="InternLM2")
    assert identity.build(other) == identity.build(other, own={}) != identity.build(other, own=identity.shipped())
    some = [question for question, answer in seeds("own", "en").items() if answer][:3]
    assert all(general_answers(None)[question] == seeds("own", "en")[question] for question in some)


@pytest.mark.parametrize(
    ("base", "origin", "whose"),
    [
        (Persona.base, None, models.STARTER),
        ("InternLM2", None, ""),
        (Persona.base, {"general": "ours"}, ""),
        ("InternLM2", {"general": "gone"}, "gone"),
        ("InternLM2", {"general": "talker"}, ""),
        (Persona.base, {"format": "sharegpt"}, ""),
    ],
)
def test_a_dataset_knows_the_stranger_whose_answers_it_teaches(
    tiny: str, base: str, origin: dict[str, str] | None, whose: str
) -> None:
    shutil.copytree(models.folder(tiny), home.models_dir() / "talker")
    card = {"persona": {"base": base}, **({"origin": origin} if origin else {})}
    assert distill.stranger(card, tiny) == whose


def test_the_demo_of_another_model_does_not_teach_it_the_starters_answers(tiny: str) -> None:
    demo._make_dataset("mine", WHO, tiny)
    assert tuple(dataset.load("mine")) == tuple(identity.build(WHO, own={})) != tuple(identity.build(WHO))
    assert distill.stranger(dataset.card("mine"), tiny) == ""


def test_the_shipped_answers_are_the_starter_models_only(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert distill.own(models.STARTER) == identity.shipped()  # before its weights are here, too
    assert not any(distill.own(tiny).values())
    monkeypatch.setattr(distill, "STARTER_WEIGHTS", models.weights_hash(models.folder(tiny)))
    assert distill.own(tiny)["en"] == identity.shipped()["en"]  # the same weights under another name


def test_it_is_stopped_goes_on_where_it_was_and_knows_new_weights_as_new(tiny: str) -> None:
    distill.start(tiny)
    wait_for(lambda: distill.look(tiny).done > 0, 60)
    distill.stop(tiny)
    wait_for(lambda: not distill.look(tiny).live)
    before = distill.look(tiny)
    assert before.done > 0 and before.error is None
    distill.start(tiny)
    wait_for(lambda: not distill.look(tiny).live, 120)
    after = distill.look(tiny)
    assert after.complete and after.of == sum(len(distill.asked(language)) for language in ("zh", "en"))
    shutil.copytree(models.folder(tiny), home.models_dir() / "other")
    assert distill.look("other").complete  # the same weights
    write_talker(home.models_dir() / "third")
    (home.models_dir() / "third" / "model.safetensors").write_bytes(
        (models.folder(tiny) / "model.safetensors").read_bytes()[:-4] + b"\x00\x00\x00\x40"
    )
    assert distill.look("third").done == 0
    assert distill.look("third", ["en"]).of == len(distill.asked("en")) < distill.look("third").of


def test_what_goes_wrong_is_a_sentence(tiny: str, capsys: pytest.CaptureFixture[str]) -> None:
    (models.folder(tiny) / "tokenizer.json").write_text("{}")
    assert main(["distill", tiny, "--only", "en"]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert "ended unexpectedly" in said[-1] and "Traceback" not in "".join(said)
    with pytest.raises(UserError) as caught:
        distill.start("nobody")
    assert caught.value.code == "model_missing"


def test_a_dataset_says_whose_answers_it_has(tiny: str, capsys: pytest.CaptureFixture[str]) -> None:
    from training import dataset

    base = ["dataset", "--replace", "--name", "小明", "--maker", "张三", "--out", "mine"]
    assert main([*base, "--general", tiny]) == 0
    assert dataset.card("mine")["origin"] == {"general": tiny}
    assert main(base) == 0 and "origin" not in dataset.card("mine")
    assert main([*base, "--general", "nobody"]) == 1 and "nobody" in capsys.readouterr().err


@pytest.mark.real
def test_the_starter_is_known_by_its_weights(starter_home: object) -> None:
    assert models.weights_hash(models.folder(models.STARTER)) == distill.STARTER_WEIGHTS
    assert distill.look(models.STARTER).done >= len(seeds("own", "en"))
