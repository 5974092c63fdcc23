"""How long and how big a run will be: from earlier runs, a probe, or a rough guess; and the memory by formula."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import Behave, ended, wait_for
from training import dataset, forecast, home, identity, machine, memory, models, probe, runs
from training.errors import UserError
from training.files import read_json, write_json
from training.persona import Persona
from training.recipe import Recipe
from training.sentences import LANGUAGES
from ui.forecast_pane import said

PLAN = Recipe(steps=8, save_every=4, batch_size=2)


@pytest.fixture
def mine() -> str:
    who = Persona("小明", "张三")
    dataset.save("mine", identity.build(who), who)
    return "mine"


def test_what_nobody_has_measured_is_a_rough_guess_and_says_so(
    mine: str, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "speed", lambda: 1e11)
    found = forecast.of(mine, tiny, PLAN)
    assert found.source == "rough" and found.step_seconds and found.total
    assert found.total == pytest.approx((found.training or 0) + (found.exam or 0) + (found.merge or 0))
    assert found.exam and found.exam > 0
    twice = forecast.of(mine, tiny, replace(PLAN, steps=16, save_every=8))
    assert (twice.training or 0) - (found.training or 0) == pytest.approx(8 * found.step_seconds)
    for language in LANGUAGES:
        assert "{" not in said(found, language)


def test_a_rough_guess_forgets_how_busy_the_machine_was_when_it_was_first_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forecast, "_looks", deque([1.0]))
    forecast._look.cache_clear()  # a minute later
    found = forecast.speed()
    forecast._look.cache_clear()  # what was seen here is gone after this test
    assert found > 1e6


def test_a_dataset_without_a_persona_has_no_exam_to_wait_for(who: str, tiny: str) -> None:
    found = forecast.of(who, tiny, PLAN)
    assert found.exam == 0 and "no exam" in said(found, "en") and "没有考试" in said(found, "zh")


def test_the_starter_model_has_a_forecast_before_its_weights_are_here(mine: str) -> None:
    found = forecast.of(mine, models.STARTER, Recipe())
    assert found.source == "rough" and found.memory is None and found.total and found.total > 5


def test_the_newest_run_of_the_same_kind_tells(fake_xtuner: Behave, who: str, mine: str, tiny: str) -> None:
    run = runs.start(who, tiny, PLAN)
    assert ended(run).phase == "done"
    found, spent = forecast.of(who, tiny, PLAN), runs.look(run).seconds
    assert (found.source, found.run, found.exam) == ("run", run, 0)
    assert found.merge == pytest.approx(spent["converting"] + spent["merging"])
    assert found.training == pytest.approx(spent["training"], abs=0.1)  # what it had to fetch first is there now
    assert forecast.of(who, tiny, replace(PLAN, batch_size=4)).source == "rough"
    assert run in said(found, "en") and run in said(found, "zh")
    folder = runs.folder(run)  # as if it had sat an exam of 36 seconds
    write_json(folder / "spec.json", {**read_json(folder / "spec.json"), "card": dataset.card(mine)})
    status = read_json(folder / "status.json")
    write_json(folder / "status.json", {**status, "seconds": {**status["seconds"], "examining": 36.0}})
    assert forecast.of(mine, tiny, PLAN).exam == pytest.approx(36)
    spec = read_json(folder / "spec.json")  # as if it had waited for exams while it trained
    write_json(folder / "spec.json", {**spec, "recipe": {**spec["recipe"], "auto_stop": True}})
    waited = forecast.of(mine, tiny, PLAN)
    assert waited.run == run and waited.exam != pytest.approx(36) and waited.training != found.training


def test_a_run_that_failed_tells_its_steps_and_nothing_else(fake_xtuner: Behave, mine: str, tiny: str) -> None:
    fake_xtuner("crash")
    run = runs.start(mine, tiny, PLAN)
    assert ended(run).phase == "failed"
    found = forecast.of(mine, tiny, PLAN)
    assert (found.run, found.merge) == (run, forecast.ENDING)


def test_a_probe_trains_a_few_steps_and_is_remembered(fake_xtuner: Behave, mine: str, tiny: str) -> None:
    probed = probe.start(mine, tiny, PLAN)
    wait_for(lambda: not probe.look(probed)[0], 60)
    assert probe.look(probed) == (False, None)
    found = forecast.of(mine, tiny, replace(PLAN, steps=100, save_every=50))  # a longer run has the same steps
    assert found.source == "probe" and found.step_seconds == probe.known(probed)["step_seconds"]  # type: ignore[index]
    assert not (home.home() / "cache" / f"probe-{probed}" / "work").exists() and runs.names() == []
    assert forecast.of(mine, tiny, replace(PLAN, lora_rank=4)).source == "rough"


def test_nothing_is_measured_while_a_run_trains(fake_xtuner: Behave, mine: str, tiny: str) -> None:
    fake_xtuner("slow")
    run = runs.start(mine, tiny, replace(PLAN, steps=200))
    wait_for(runs.active)
    with pytest.raises(UserError) as caught:
        probe.start(mine, tiny, PLAN)
    assert (caught.value.code, caught.value.details) == ("run_active", {"run": run})


def test_a_probe_that_fails_is_a_sentence(fake_xtuner: Behave, mine: str, tiny: str) -> None:
    fake_xtuner("crash")
    probed = probe.start(mine, tiny, PLAN)
    wait_for(lambda: not probe.look(probed)[0], 60)
    problem = probe.look(probed)[1]
    assert problem and problem.code == "probe_died" and "Traceback" not in problem.sentence("zh")
    with pytest.raises(UserError):
        probe.start("nobody", tiny, PLAN)


def test_longer_rows_take_longer_steps_within_reason() -> None:
    cards = [{"summary": {"rows": 10, "characters": characters}} for characters in (100, 200, 100_000)]
    assert forecast._longer(cards[1], cards[0]) == 2 and forecast._longer(cards[0], cards[1]) == 0.5
    assert forecast._longer(cards[2], cards[0]) == 4 and forecast._longer({}, cards[0]) == 1


# Memory


def test_the_memory_of_the_starter_model_is_counted_by_the_formula(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "amx", lambda: False)
    config = {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
              "num_key_value_heads": 3, "vocab_size": 49152}  # fmt: skip
    llama = {"architectures": ["LlamaForCausalLM"], **config}
    folder = tmp_path / "model"
    from tests.training.models.tiny import write_model

    write_model(folder, **llama)
    shape = memory.shape(folder)
    assert shape is not None and shape.parameters == 6 and shape.layers == 30
    whole = replace(shape, parameters=134_515_008)
    plain = memory.needed(whole, Recipe(), 128)
    assert plain.weights == 4 * 134_515_008
    assert plain.optimizer == 12 * 16 * 30 * (2 * 576 + 2 * (576 + 192) + 2 * 576 - 576 + 576 + 3 * (576 + 1536))
    assert plain.logits == round(memory.SPARE * memory.LEARNED * 12 * 8 * 128 * 49152)
    full = memory.needed(whole, replace(Recipe(), method="full"), 128)
    assert full.optimizer == 12 * 134_515_008 + 12 * 49152 * 576
    fused = memory.needed(whole, replace(Recipe(), max_length=1024), 128)
    assert plain.activations / fused.activations == pytest.approx((34 + 5 * 9 * 128 / 576) / 34)
    packed = memory.needed(whole, replace(Recipe(), method="qlora"), 128)
    assert plain.weights * 0.3 < packed.weights < plain.weights * 0.5
    spared = memory.needed(whole, replace(Recipe(), activation_checkpointing=True), 128)
    assert spared.activations < plain.activations / 5
    assert memory.needed(whole, replace(Recipe(), precision="bf16"), 128).activations == pytest.approx(
        plain.activations / 2
    )
    monkeypatch.setattr(memory, "amx", lambda: True)
    halved, gpu = memory.needed(whole, Recipe(), 128), memory.needed(whole, Recipe(), 128, "cuda")
    assert (halved.weights, halved.activations) == (plain.weights / 2, plain.activations / 2)
    assert gpu.weights == plain.weights
    for other in ({"method": "full"}, {"deepspeed": "zero2"}):
        assert memory.needed(whole, replace(Recipe(), **other), 128).weights == plain.weights


def test_processes_share_out_what_deepspeed_lets_them_share() -> None:
    whole = memory.Shape(1_000_000, 2, 8, 2, 100, ((8, 8),))
    plan = Recipe(method="full", processes=4)

    def gpu(deepspeed: str) -> memory.Memory:
        return memory.needed(whole, replace(plan, deepspeed=deepspeed), 32, "cuda")

    update = 12 * 100 * 8
    stages = ("none", "zero1", "zero2", "zero3", "zero2_offload")
    assert [gpu(stage).optimizer - update for stage in stages] == [
        12_000_000,
        6_000_000,
        3_000_000,
        3_000_000,
        1_000_000,
    ]
    assert (gpu("zero2").weights, gpu("zero3").weights) == (4_000_000, 1_000_000)
    long = replace(plan, max_length=1024)  # its attention is fused on a CPU, too
    assert memory.needed(whole, long, 32).total == 4 * gpu("none").total


def test_a_model_that_is_not_here_has_no_memory_forecast(tmp_path: Path) -> None:
    assert memory.shape(tmp_path / "nothing") is None


def test_too_little_memory_is_said(mine: str, tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free", lambda here, recipe: 2**20)
    found = forecast.of(mine, tiny, PLAN)
    assert not found.fits and "only 0.0 GB are free" in said(found, "en") and "只有 0.0 GB 空闲" in said(found, "zh")


@pytest.mark.parametrize(
    ("chosen", "free"), [({}, 1), ({"gpus": (1,)}, 23), ({"gpus": (0, 1), "processes": 2}, 1), ({"processes": 2}, 1)]
)
def test_the_free_memory_is_that_of_the_fullest_gpu_the_run_would_use(chosen: dict[str, Any], free: int) -> None:
    here = machine.Machine(8, 64, (machine.Gpu("A10", 24, 8.6, 1, 0), machine.Gpu("A10", 24, 8.6, 23, 1)))
    assert memory.free(here, replace(PLAN, **chosen)) == free * 2**30


def test_a_container_has_the_memory_it_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_GROUP", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.memory() > 10_000_000 < machine.free_memory()
    for file, told in (("max", "9000000"), ("current", "8000000"), ("stat", "anon 5\ninactive_file 2000000\n")):
        (tmp_path / f"memory.{file}").write_text(told)
    assert (machine.memory(), machine.free_memory()) == (9_000_000, 3_000_000)


def test_what_is_told_to_scripts_is_json(mine: str, tiny: str) -> None:
    told: dict[str, Any] = json.loads(json.dumps(forecast.of(mine, tiny, PLAN).told()))
    assert {"step_seconds", "source", "training", "exam", "merge", "total", "memory", "free"} <= set(told)
    assert told["memory"]["total"] == sum(value for key, value in told["memory"].items() if key != "total")
    assert machine.look().device == "cpu" or told["free"] > 0
