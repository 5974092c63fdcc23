"""The config of every recipe, loaded by the real mmengine and compared with what was asked for."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from training import xtuner_config
from training.recipe import METHODS, Recipe

NASTY = "x'); __import__('os').system('touch /tmp/owned') #\"\"\"\n{name}\\"


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("method", METHODS)
def test_user_text_goes_in_as_a_value_never_as_code(method: str, device: str, tmp_path: Path) -> None:
    plan = replace(Recipe(), method=method, system=NASTY, evaluation_inputs=(NASTY,), prompt_template=NASTY)
    text = xtuner_config.render(plan, tmp_path / NASTY, tmp_path / NASTY, device)
    tree = ast.parse(text)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert {ast.unparse(call.func) for call in calls} == {
        "__import__",
        "__import__('sys').path.append",
        "dict",
        "getattr",
    }
    imports = [ast.unparse(call) for call in calls if ast.unparse(call.func) == "__import__"]
    assert sorted(imports) == ["__import__('sys')", "__import__('training.xtuner_repairs')"]


@pytest.mark.parametrize(("pack", "sampler"), [(True, "DefaultSampler"), (False, "ShuffledLengthGroupedSampler")])
def test_rows_that_are_not_packed_come_in_batches_of_like_length(pack: bool, sampler: str) -> None:
    text = xtuner_config.render(replace(Recipe(), pack=pack), Path("/m"), Path("/d"), "cpu")
    assert f"sampler=dict(type={sampler}" in text


def test_long_sequences_are_shared_and_their_conversations_kept_apart_as_xtuner_does_it(tmp_path: Path) -> None:
    from mmengine.config import Config

    plan = replace(Recipe(), pack=True, varlen_attention=True, sequence_parallel=2, deepspeed="zero2", precision="bf16")
    file = tmp_path / "config.py"
    file.write_text(xtuner_config.render(plan, Path("/m"), Path("/d"), "cuda"), encoding="utf-8")
    config = Config.fromfile(file)
    assert config.sequence_parallel_size == 2  # read by xtuner.tools.train
    assert config.model.use_varlen_attn and config.train_dataset.use_varlen_attn
    assert config.train_dataloader.collate_fn.use_varlen_attn
    assert "SequenceParallelSampler" in str(config.train_dataloader.sampler.type)
    assert any("VarlenAttnArgsToMessageHubHook" in str(hook.type) for hook in config.custom_hooks)


@pytest.mark.parametrize(
    ("device", "length", "varlen", "kind"),
    [
        ("cpu", 128, False, "eager"),
        ("cpu", 2048, False, "sdpa"),
        ("cuda", 128, False, "sdpa"),
        ("cuda", 128, True, "flash_attention_2"),
    ],
)
def test_the_config_says_how_attention_is_computed_whatever_is_installed(
    device: str, length: int, varlen: bool, kind: str
) -> None:
    plan = replace(Recipe(), max_length=length, varlen_attention=varlen)
    assert f"attn_implementation={kind!r}" in xtuner_config.render(plan, Path("/m"), Path("/d"), device)


@pytest.mark.parametrize(
    ("layers", "modules"),
    [
        ("all", ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]),
        ("attention", ["q_proj", "k_proj", "v_proj", "o_proj"]),
        ("feed_forward", ["gate_proj", "up_proj", "down_proj"]),
    ],
)
@pytest.mark.parametrize("method", ["lora", "qlora", "full"])
def test_lora_stands_beside_the_layers_that_are_asked_for(method: str, layers: str, modules: list[str]) -> None:
    plan = replace(Recipe(), method=method, lora_layers=layers)
    text = xtuner_config.render(plan, Path("/m"), Path("/d"), "cpu").replace('"', "'")
    assert (f"target_modules={modules}" in text) is (method != "full")


@pytest.mark.parametrize(
    ("method", "ratio", "faster"), [("lora", 10.0, True), ("lora", 1.0, False), ("full", 10.0, False)]
)
def test_the_second_matrix_of_lora_learns_faster_where_asked(method: str, ratio: float, faster: bool) -> None:
    plan = replace(Recipe(), method=method, lora_plus_ratio=ratio)
    text = xtuner_config.render(plan, Path("/m"), Path("/d"), "cpu")
    assert ('paramwise_cfg=dict(custom_keys={".lora_B.": dict(lr_mult=10.0)})' in text) is faster


@pytest.mark.parametrize(("device", "processes", "wrapped"), [("cpu", 2, True), ("cpu", 1, False), ("cuda", 2, False)])
def test_processes_on_a_cpu_are_wrapped_without_the_number_of_a_gpu(device: str, processes: int, wrapped: bool) -> None:
    text = xtuner_config.render(Recipe(processes=processes), Path("/m"), Path("/d"), device)
    assert ('model_wrapper_cfg = dict(type="MMDistributedDataParallel"' in text) is wrapped


def test_a_training_that_stops_by_itself_has_a_hook_for_it_and_no_other_has() -> None:
    plain, stops = (
        xtuner_config.render(Recipe(auto_stop=wanted), Path("/m"), Path("/d"), "cpu") for wanted in (False, True)
    )
    hook = "    dict(type=AutoStopHook, every_n_iters=save_steps),\n"
    assert hook not in plain and stops.replace(hook, "") == plain
    assert stops.index("type=AutoStopHook") < stops.index("type=StopAndKeepHook")


@pytest.mark.real
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_every_recipe_is_a_config_that_mmengine_loads(method: str, precision: str, device: str, tmp_path: Path) -> None:
    from mmengine.config import Config

    plan = replace(
        Recipe(),
        method=method,
        precision=precision,
        accumulation=4,
        steps=50,
        save_every=10,
        system="{a}",
        auto_stop=True,
    )
    (tmp_path / "config.py").write_text(
        xtuner_config.render(plan, Path("/models/it's"), Path('/data/"x".json'), device), encoding="utf-8"
    )
    config = Config.fromfile(tmp_path / "config.py")
    assert config.model.llm.pretrained_model_name_or_path == "/models/it's"
    assert config.train_dataset.dataset.data_files.train == '/data/"x".json'
    assert config.train_cfg.max_iters == 200
    assert config.default_hooks.checkpoint.interval == 40
    assert config.custom_hooks[1].system.format(input="x") == "{a}"
    assert config.param_scheduler[0].end == config.param_scheduler[1].begin == 10  # 5 % of 200
    assert ("lora" in config.model) == (method != "full")
    assert ("quantization_config" in config.model.llm) == (method == "qlora")
    mixed = "AmpOptimWrapper" if device == "cuda" else "OptimWrapper"
    assert config.optim_wrapper.type.__name__ == mixed
    assert config.env_cfg.dist_cfg.backend == ("nccl" if device == "cuda" else "gloo")


@pytest.mark.real
@pytest.mark.parametrize("warmup_ratio", [0.0, 0.03, 0.05, 0.5, 0.99])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 20, 27, 60])
def test_the_learning_rate_reaches_what_was_asked_for_and_falls_again(
    steps: int, warmup_ratio: float, tmp_path: Path
) -> None:
    import torch
    from mmengine.config import Config
    from mmengine.registry import PARAM_SCHEDULERS

    plan = replace(Recipe(), steps=steps, warmup_ratio=warmup_ratio)
    (tmp_path / "config.py").write_text(xtuner_config.render(plan, tmp_path, tmp_path, "cpu"), encoding="utf-8")
    config = Config.fromfile(tmp_path / "config.py")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=plan.learning_rate)
    schedulers = [PARAM_SCHEDULERS.build({**each, "optimizer": optimizer}) for each in config.param_scheduler]
    seen = []
    for _ in range(plan.iterations):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    assert max(seen) == pytest.approx(plan.learning_rate)
    assert seen == seen[: seen.index(max(seen))] + sorted(seen[seen.index(max(seen)) :], reverse=True)
    assert steps < 5 or warmup_ratio > 0.5 or seen[-1] < plan.learning_rate / 2


@pytest.mark.real
def test_the_parts_of_a_config_can_be_built(starter_weights: Path, tmp_path: Path) -> None:
    """Tokenizer, dataset and LoRA model, with the loss on the answers and on nothing else."""
    import json

    from mmengine.config import Config
    from mmengine.optim import build_optim_wrapper
    from xtuner.registry import BUILDER
    from xtuner.tools.train import register_function

    rows = [{"messages": [{"role": "user", "content": "你是谁"}, {"role": "assistant", "content": "我是小明。"}]}]
    (tmp_path / "data.json").write_text(json.dumps(rows), encoding="utf-8")
    plan = replace(Recipe(), pack=False, lora_plus_ratio=8.0)
    (tmp_path / "config.py").write_text(
        xtuner_config.render(plan, starter_weights, tmp_path / "data.json", "cpu"), encoding="utf-8"
    )
    config = Config.fromfile(tmp_path / "config.py")
    register_function(config._cfg_dict)
    tokenizer = BUILDER.build(config.tokenizer)
    row = BUILDER.build(config.train_dataset)[0]
    turn = tokenizer.apply_chat_template(rows[0]["messages"], tokenize=False)
    assert tokenizer.decode(row["input_ids"]) == turn
    learned = [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label >= 0]
    assert tokenizer.decode(learned) == "我是小明。<|im_end|>"
    model = BUILDER.build(config.model)
    trainable = {name.rpartition(".lora_")[0] for name, each in model.named_parameters() if each.requires_grad}
    assert len(trainable) == 30 * 7  # every linear layer of every block
    optimizer = build_optim_wrapper(model, config.optim_wrapper).optimizer
    rates = {group["lr"] for group in optimizer.param_groups if any(each.requires_grad for each in group["params"])}
    assert rates == {plan.learning_rate, plan.learning_rate * 8}
