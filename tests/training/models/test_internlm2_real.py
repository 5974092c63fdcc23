"""A small random InternLM2, converted, trained by the real XTuner on the course's template, merged, loaded again."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.conftest import wait_for
from tests.training.conftest import who as who
from tests.training.models.tiny_internlm2 import write_internlm2
from training import merge, models, runs
from training.models import arrival
from training.recipe import Recipe
from training.runs import progress

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


def test_a_converted_internlm2_is_trained_merged_and_loaded_by_plain_transformers(who: str, tmp_path: Path) -> None:
    source = write_internlm2(tmp_path / "source", "bin", 2, torch.bfloat16, max_position_embeddings=512)
    arrival.add(source, "internlm2")
    recipe = replace(
        Recipe(), steps=3, save_every=3, max_length=128, prompt_template="internlm2_chat", evaluation_tokens=4
    )
    run = runs.start(who, "internlm2", recipe)
    wait_for(lambda: not runs.look(run).live, seconds=300)
    final = runs.look(run)
    assert final.phase == "done", final
    assert [point.step for point in progress.points(runs.folder(run))][-1] == 3
    merged = runs.merged(run)
    assert merged is not None and list(merge.whole_checkpoints(runs.folder(run) / "work"))
    models.check(merged)
    code = (
        "import sys, json; from transformers import AutoModelForCausalLM as M, AutoTokenizer as T\n"
        "t = T.from_pretrained(sys.argv[1], trust_remote_code=False)\n"
        "m = M.from_pretrained(sys.argv[1], trust_remote_code=False)\n"
        "turn = [{'role': 'user', 'content': '你是谁'}]\n"
        "i = t.apply_chat_template(turn, add_generation_prompt=True, return_tensors='pt', return_dict=True)\n"
        "o = m.generate(**i, max_new_tokens=8)\n"
        "print(json.dumps([type(m).__name__, m.generation_config.eos_token_id, i['input_ids'][0].tolist(), len(t)]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(merged)], capture_output=True, text=True, check=True)
    kind, ends, ids, size = json.loads(done.stdout.splitlines()[-1])
    assert (kind, ends, ids[:2]) == ("LlamaForCausalLM", [2, size - 2], [1, size - 1])
    assert not [file.name for file in merged.iterdir() if file.suffix in (".bin", ".py", ".pth", ".model")]
