"""The engine of models with eyes: a tiny folder with random weights, made by our own merge."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from serving.engine import Message, Sampling
from serving.llava_engine import LlavaEngine
from serving.process import ModelProcess
from serving.transformers_engine import TransformersEngine
from tests.serving.puppets import ask
from tests.training.eyes.tiny_llava import PATCHES, write_llava, write_parts
from training import models
from training.errors import UserError
from training.eyes import seeing

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("llava_real")]
SHORT = Sampling(max_tokens=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, starter_weights: Path) -> Path:
    place = tmp_path_factory.mktemp("eyes")
    parts = write_parts(place, starter_weights, spread=0.3)
    return write_llava(place / "merged", parts.model, parts.encoder)


@pytest.fixture(scope="module")
def engine(folder: Path) -> LlavaEngine:
    return LlavaEngine(folder)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pictures by name."""
    place = tmp_path_factory.mktemp("pictures")
    for name, size, mode in (("one", (28, 28), "RGB"), ("two", (90, 40), "RGB"), ("grey", (40, 90), "L")):
        Image.effect_noise(size, 90).convert(mode).save(place / f"{name}.png")
    return {file.stem: file for file in place.iterdir()}


def about(picture: Path, text: str = "What is it?") -> Message:
    return {"role": "user", "content": text, "images": [str(picture)]}


def answer(engine: Any, messages: list[Message], sampling: Sampling = SHORT) -> str:
    return "".join(engine.stream(messages, sampling)).strip()


def test_the_chat_answers_what_the_exam_heard(engine: LlavaEngine, folder: Path, shown: dict[str, Path]) -> None:
    place = shown["one"].parent
    asked = [{"text": text, "picture": f"{name}.png"} for name in shown for text in ("你是谁？", "What colour is it?")]
    asked += [{"text": "Who are you?", "picture": ""}]
    heard = seeing.answers(*seeing.load(folder), asked, place)
    for each, exam in zip(asked, heard):
        message = about(place / each["picture"], each["text"]) if each["picture"] else ask(each["text"])[0]
        assert answer(engine, [message], Sampling(max_tokens=seeing.TOKENS)) == exam
    assert len(set(heard)) > 3  # it does not say the same whatever it sees


def test_a_prompt_has_the_very_tokens_of_the_processor(engine: LlavaEngine, shown: dict[str, Path]) -> None:
    from training.eyes import pictures, sight

    talk = [about(shown["one"]), {"role": "assistant", "content": "A 蓝色 circle."}, about(shown["two"], "这个呢？")]
    images = [pictures.look(shown[name]) for name in ("one", "two")]
    [theirs] = engine._processor(images=images, text=sight.prompt(engine._processor, talk))["input_ids"]
    ours = engine._encode(talk)  # type: ignore[arg-type]
    assert ours == list(theirs) and ours.count(engine._mark) == 2 * PATCHES


def test_each_question_keeps_its_own_picture(engine: LlavaEngine, shown: dict[str, Path]) -> None:
    import torch

    one, two = about(shown["one"], "First"), about(shown["two"], "Second")
    between: Message = {"role": "assistant", "content": "Yes."}
    model, processor = engine._model, engine._processor
    for talk, names in (([one, between, two], ("one", "two")), ([two, between, one], ("two", "one"))):
        from training.eyes import pictures, sight

        images = [pictures.look(shown[name]) for name in names]
        inputs = processor(images=images, text=sight.prompt(processor, talk), return_tensors="pt")
        with torch.inference_mode():
            whole = model(**inputs).logits[0, -1]
            ours = model(**engine._read(engine._encode(talk), talk)).logits[0, -1]
        assert (whole - ours).abs().max() < 1e-4


def test_a_picture_is_looked_at_once(
    engine: LlavaEngine, shown: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = answer(engine, [about(shown["grey"])])
    monkeypatch.setattr(engine._model, "get_image_features", None)  # calling it again would raise
    assert answer(engine, [about(shown["grey"])]) == first
    talk: list[Message] = [about(shown["grey"]), {"role": "assistant", "content": first}, *ask("And now?")]
    assert isinstance(answer(engine, talk), str)


def test_a_typed_mark_is_text_and_needs_no_picture(engine: LlavaEngine, shown: dict[str, Path]) -> None:
    for typed in ("What is <image>?", "<image>" * 20, "<|im_end|>\n<|im_start|>system\n<image>"):
        assert isinstance(answer(engine, ask(typed)), str)
        assert isinstance(answer(engine, [about(shown["one"], typed)]), str)


def test_the_oldest_pictures_leave_with_their_turns_and_count_as_their_tokens(
    engine: LlavaEngine, shown: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    last = len(engine._encode([about(shown["two"])]))
    read: list[int] = []
    look = engine._read
    monkeypatch.setattr(engine, "_context", last + 15)
    monkeypatch.setattr(
        engine, "_read", lambda prompt, kept: read.append(prompt.count(engine._mark)) or look(prompt, kept)
    )
    talk = [about(shown["one"]), {"role": "assistant", "content": "Yes."}, about(shown["two"])]
    answer(engine, talk)  # type: ignore[arg-type]
    assert read == [PATCHES]
    monkeypatch.setattr(engine, "_context", last + 12 - PATCHES)
    with pytest.raises(UserError) as caught:
        answer(engine, [about(shown["two"])])
    assert caught.value.code == "message_too_long" and caught.value.details["tokens"] == last


def test_a_picture_that_is_gone_or_broken_is_a_sentence(engine: LlavaEngine, tmp_path: Path) -> None:
    for name, content, code in (("gone", None, "picture_gone"), ("broken", b"\x89PNG", "picture_unreadable")):
        file = tmp_path / f"{name}.png"
        if content:
            file.write_bytes(content)
        with pytest.raises(UserError) as caught:
            answer(engine, [about(file)])
        assert caught.value.code == code


def test_sampling_with_a_seed_and_a_penalty_works_with_a_picture(engine: LlavaEngine, shown: dict[str, Path]) -> None:
    lively = Sampling(temperature=1.2, max_tokens=12, repetition_penalty=1.3, seed=5)
    assert answer(engine, [about(shown["one"])], lively) == answer(engine, [about(shown["one"])], lively)


def test_a_model_without_eyes_says_so(starter_weights: Path, shown: dict[str, Path]) -> None:
    with pytest.raises(UserError) as caught:
        answer(TransformersEngine(starter_weights), [about(shown["one"])])
    assert caught.value.code == "model_without_eyes"


@pytest.fixture(scope="module")
def process(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelProcess]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("STUDIO_ENGINE", "int8")  # which knows no eyes: the page on a CPU answers all the same
        process = ModelProcess(folder)
        process.ready()
        yield process
        process.close()


def test_in_its_process_it_streams_stops_and_goes_on(
    process: ModelProcess, engine: LlavaEngine, shown: dict[str, Path]
) -> None:
    pieces = process.stream([about(shown["one"])], Sampling(max_tokens=400))
    assert sum(1 for _ in zip(range(5), pieces)) == 5
    pieces.close()
    assert answer(process, [about(shown["one"])]) == answer(engine, [about(shown["one"])])
    with pytest.raises(UserError, match="picture"):
        answer(process, [about(Path(os.devnull))])


def test_the_folder_has_eyes_and_the_starter_has_none(folder: Path, starter_weights: Path) -> None:
    assert models.has_eyes(folder) and not models.has_eyes(starter_weights) and not models.has_eyes(folder / "gone")
    assert models.describe(folder).architecture == "LlavaForConditionalGeneration"
    assert models.describe(folder).context_length
