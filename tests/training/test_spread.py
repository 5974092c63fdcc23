from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from training import checkpoint, merge, runs, spread, xtuner
from training.errors import UserError
from training.machine import Gpu, Machine
from training.recipe import DEEPSPEEDS, Recipe
from training.runs import queue

CPU = Machine(2, 8)
GPUS = Machine(8, 64, (Gpu("A10", 24, 8.6, 20, 0), Gpu("A10", 24, 8.6, 3, 1)))
CONFIG, WORK = Path("config.py"), Path("work")


def codes(recipe: Recipe, machine: Machine) -> list[str]:
    found = [*recipe.problems(), *spread.problems(recipe, machine)]
    assert all(problem.sentence("zh") and problem.sentence("en") for problem in found)
    return [problem.code for problem in found]


@pytest.mark.parametrize(
    ("recipe", "machine", "problems"),
    [
        (Recipe(), CPU, []),
        (Recipe(processes=2, deepspeed="zero2"), CPU, []),
        (Recipe(processes=3), CPU, ["too_many_processes_on_cpu"]),
        (Recipe(gpus=(0,)), CPU, ["gpu_none"]),
        (Recipe(deepspeed="zero2_offload"), CPU, ["offload_without_gpu"]),
        (Recipe(deepspeed="zero3", method="qlora"), CPU, ["qlora_zero3_on_cpu"]),
        (Recipe(processes=2, deepspeed="zero3_offload"), GPUS, []),
        (Recipe(processes=3), GPUS, ["too_many_processes"]),
        (Recipe(processes=2, gpus=(1,)), GPUS, ["too_many_processes"]),
        (Recipe(gpus=(1, 4)), GPUS, ["gpu_gone"]),
        (Recipe(processes=0, nodes=0, port=-1), CPU, ["recipe_too_small"] * 3),
        (Recipe(deepspeed="zero9"), CPU, ["recipe_not_one_of"]),
        (Recipe(address="a; rm", nodes=2), CPU, ["recipe_address"]),
        (Recipe(address="--help", nodes=2), CPU, ["recipe_address"]),
    ],
)
def test_what_a_machine_does_not_have_is_said(recipe: Recipe, machine: Machine, problems: list[str]) -> None:
    assert codes(recipe, machine) == problems


FLASH = Recipe(precision="bf16", pack=True, batch_size=1, deepspeed="zero2", processes=2, max_length=2048)


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"varlen_attention": True}, []),
        ({"sequence_parallel": 2}, []),
        ({"varlen_attention": True, "pack": False}, ["recipe_varlen_without_packing"]),
        ({"varlen_attention": True, "batch_size": 8}, ["recipe_varlen_batch"]),
        ({"sequence_parallel": 3}, ["recipe_sequence_parallel"]),
        ({"sequence_parallel": 2, "max_length": 2047}, ["recipe_sequence_parallel"]),
        ({"sequence_parallel": 2, "deepspeed": "none"}, ["recipe_sequence_parallel"]),
        ({"varlen_attention": True, "precision": "fp32"}, ["flash_attention_missing"]),
    ],
)
def test_attention_that_needs_flash_attention_is_offered_only_where_it_runs(
    changes: dict[str, Any], problems: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(FLASH, **changes)
    monkeypatch.setattr(spread, "find_spec", lambda name: object())
    assert codes(plan, GPUS) == problems
    if problems:
        return
    told = [problem.code for problem in spread.problems(plan, GPUS, "Qwen3ForCausalLM")]
    assert told == ["flash_attention_not_for"] and spread.problems(plan, GPUS, "LlamaForCausalLM") == []
    monkeypatch.setattr(spread, "find_spec", lambda name: None)
    assert codes(plan, GPUS) == ["flash_attention_missing"]
    assert "flash_attention_missing" in codes(plan, CPU)


def test_a_port_that_is_taken_is_said_when_processes_would_meet_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert codes(Recipe(port=port, processes=2), CPU) == ["meeting_port_taken"]
        assert codes(Recipe(port=port), CPU) == []
    assert codes(Recipe(port=port, processes=2), CPU) == []


def test_one_process_without_deepspeed_needs_no_torchrun() -> None:
    assert "torch.distributed.run" not in xtuner.train(CONFIG, WORK, Recipe())
    assert xtuner.plain_train(CONFIG, WORK, Recipe()) == "xtuner train config.py --work-dir work"


@pytest.mark.parametrize("stage", DEEPSPEEDS[1:])
def test_every_deepspeed_config_is_xtuners_own_and_is_started_by_torchrun(stage: str) -> None:
    from xtuner.configs import cfgs_name_path

    command = xtuner.train(CONFIG, WORK, Recipe(deepspeed=stage))
    assert command[2] == "torch.distributed.run" and command[-2:] == ["--launcher", "pytorch"]
    assert command[command.index("--deepspeed") + 1] == f"deepspeed_{stage}"
    assert f"deepspeed_{stage}" in cfgs_name_path


def test_the_plain_line_is_the_courses_and_every_machine_has_its_own() -> None:
    two = Recipe(deepspeed="zero2", processes=2)
    line = "xtuner train config.py --work-dir work --deepspeed deepspeed_zero2"
    assert xtuner.plain_train(CONFIG, WORK, two) == f"NPROC_PER_NODE=2 {line}"
    alone = xtuner.plain_train(CONFIG, WORK, replace(two, processes=1))
    assert alone.startswith("torchrun --standalone") and "-m xtuner.tools.train config.py" in alone
    many = replace(two, nodes=2, address="10.0.0.1", gpus=(0, 3))
    lines = xtuner.plain_train(CONFIG, WORK, many).splitlines()
    shared = f"CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=0,3 NPROC_PER_NODE=2 ADDR=10.0.0.1 PORT=29500 {line}"
    assert lines[:2] == [f"NNODES=2 NODE_RANK={rank} {shared}" for rank in (0, 1)]
    assert "--ntasks=4 --ntasks-per-node=2" in lines[2] and lines[2].endswith(f"{line} --launcher slurm")
    assert {"--nnodes=2", "--node_rank=0", "--master_addr=10.0.0.1", "--master_port=29500"} <= set(
        xtuner.train(CONFIG, WORK, many)
    )


def test_a_run_is_given_the_gpus_that_were_chosen_in_the_drivers_order() -> None:
    recipe = Recipe(gpus=(1, 3))
    assert xtuner.devices(recipe, "cuda") == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1,3"}
    assert "CUDA_VISIBLE_DEVICES" not in xtuner.devices(Recipe(), "cuda")
    assert queue.devices({"device": "cuda", "recipe": vars(recipe)}) == {"cuda:1", "cuda:3"}


def test_start_and_preview_refuse_what_the_machine_does_not_have(who: str, tiny: str) -> None:
    for act in (runs.start, runs.preview):
        with pytest.raises(UserError) as caught:
            act(who, tiny, Recipe(processes=1000))
        assert caught.value.code.startswith("too_many_processes")
    assert runs.names() == []


class _Stranger:
    """Whatever a checkpoint may hold besides tensors."""


@pytest.mark.parametrize("stage", [2, 3])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_the_weights_in_a_folder_of_deepspeed_are_put_together(stage: int, processes: int, tmp_path: Path) -> None:
    groups = [{"a": torch.randn(3, 5), "b": torch.randn(7)}, {"c": torch.randn(2, 2, 2)}]
    folder = write_zero(tmp_path / "work" / "iter_4.pth", groups, stage, processes)
    found = checkpoint.tensors(folder)
    wanted = {name: weight for group in groups for name, weight in group.items()}
    assert list(found) == list(wanted)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def write_zero(folder: Path, groups: list[dict[str, torch.Tensor]], stage: int, processes: int) -> Path:
    """A checkpoint as DeepSpeed cuts it."""
    folder.mkdir(parents=True)
    shapes = [{name: weight.shape for name, weight in group.items()} for group in groups]
    torch.save({"param_shapes": shapes, "other": _Stranger()}, folder / "mp_rank_00_model_states.pt")
    for rank in range(processes):
        if stage == 3:
            kept = [torch.cat([cut(weight, processes)[rank] for weight in group.values()]) for group in groups]
            state = {"fp32_flat_groups": kept}
        else:
            rows = [torch.cat([weight.flatten() for weight in group.values()]) for group in groups]
            state = {"single_partition_of_fp32_groups": [cut(row, processes)[rank] for row in rows]}
        name = f"zero_pp_rank_{rank}_mp_rank_00_optim_states.pt"
        torch.save({"optimizer_state_dict": {**state, "loss_scaler": _Stranger()}}, folder / name)
    return folder


def cut(weight: torch.Tensor, processes: int) -> list[torch.Tensor]:
    """A row in equal pieces, the last one filled up."""
    size = -(-weight.numel() // processes)
    row = torch.cat([weight.flatten(), torch.zeros(size * processes - weight.numel())])
    return list(row.split(size))


def test_a_folder_is_whole_when_every_process_has_left_its_part(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text('{"recipe": {"processes": 2}}')
    folder = write_zero(tmp_path / "work" / "iter_4.pth", [{"a": torch.ones(4)}], 2, 2)
    whole = merge.whole_checkpoints(tmp_path / "work")
    assert whole == {4: folder}
    parts = merge.parts(folder)
    for part in parts:
        kept = part.read_bytes()
        part.write_bytes(kept[:-100])
        assert merge.whole_checkpoints(tmp_path / "work") == {}
        part.unlink()
        assert merge.whole_checkpoints(tmp_path / "work") == {}
        part.write_bytes(kept)
    assert merge.whole_checkpoints(tmp_path / "work") == whole
