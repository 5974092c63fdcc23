from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.training.models.tiny import write_model, write_talker
from training.models import arrival, chatml

QWEN = (
    "{%- if messages[0]['role'] == 'system' %}{{ '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}"
    "{%- else %}{{ '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    "<|im_end|>\\n' }}{%- endif %}{%- for message in messages %}{%- if message.role != 'system' %}"
    "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
)
LLAMA3 = "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n{% endfor %}"
INTERNLM2 = "{{ bos_token }}" + chatml.TEMPLATE


def told(folder: Path, template: object, **more: object) -> Path:
    write_model(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template, **more}))
    return folder


@pytest.mark.parametrize(
    "template, plain",
    [
        (chatml.TEMPLATE, True),
        (INTERNLM2, True),
        (QWEN, False),
        (LLAMA3, False),
        ([{"name": "default", "template": chatml.TEMPLATE}], False),
        ("{{ raise_exception('no') }}", False),
        ("{% broken", False),
        ("{{ 1 / 0 }}", False),
    ],
)
def test_a_template_is_plain_when_nothing_stands_before_the_question(
    template: object, plain: bool, tmp_path: Path
) -> None:
    assert chatml.is_plain(told(tmp_path / "m", template, bos_token={"content": "<s>"})) is plain


@pytest.mark.parametrize("file", ["tokenizer_config.json", "chat_template.jinja"])
def test_a_model_that_arrives_loses_the_system_prompt_that_names_another_identity(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    # A file of its own is read in place of the other.
    stands = QWEN if file == "tokenizer_config.json" else chatml.TEMPLATE
    source = told(tmp_path / "qwen", stands, eos_token="<|im_end|>")
    if file == "chat_template.jinja":
        (source / file).write_text(QWEN)
    here = arrival.add(source, "qwen")
    assert chatml.is_plain(here) and not chatml.is_plain(source)
    assert json.loads((here / "tokenizer_config.json").read_text())["eos_token"] == "<|im_end|>"


def test_a_first_token_that_is_the_mark_of_the_question_itself_is_no_system_prompt(tmp_path: Path) -> None:
    """SmolLM2-Instruct's bos_token."""
    assert chatml.is_plain(told(tmp_path / "m", chatml.TEMPLATE, bos_token="<|im_start|>"))


def test_another_kind_of_template_stays_as_it_is(tmp_path: Path) -> None:
    folder = told(tmp_path / "m", LLAMA3)
    chatml.make_plain(folder)
    assert json.loads((folder / "tokenizer_config.json").read_text())["chat_template"] == LLAMA3


def test_an_answer_ends_at_the_mark_that_an_older_generation_config_forgot() -> None:
    tokenizer = SimpleNamespace(eos_token_id=None, get_vocab=lambda: {"<|im_end|>": 7})
    assert chatml.ends([3, 4], tokenizer) == [3, 4, 7] and chatml.ends(None, tokenizer) == [7]


def test_a_merged_model_names_its_end_mark_for_other_programs(tmp_path: Path) -> None:
    folder = write_talker(tmp_path / "m")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": 2, "do_sample": True}))
    chatml.end_answers(folder)
    assert json.loads((folder / "generation_config.json").read_text()) == {"eos_token_id": [0, 2], "do_sample": True}
