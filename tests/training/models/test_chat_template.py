from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.training.models.tiny import write_model, write_talker
from training import models
from training.models import arrival, chat_template
from training.models.chat_template import CHATML, Form

QWEN = (
    "{%- if messages[0]['role'] == 'system' %}{{ '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}"
    "{%- else %}{{ '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    "<|im_end|>\\n' }}{%- endif %}{%- for message in messages %}{%- if message.role != 'system' %}"
    "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
)
LLAMA3 = chat_template.LLAMA3.template
DATED = "<|start_header_id|>system<|end_header_id|>\\n\\nCutting Knowledge Date: December 2023\\n\\n<|eot_id|>"
LLAMA32 = LLAMA3.replace("{% for", f"{{{{ '{DATED}' }}}}{{% for", 1)
TINYLLAMA = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}</s>\n{% endfor %}<|assistant|>\n"
INTERNLM2 = "{{ bos_token }}" + chat_template.TEMPLATE


def told(folder: Path, template: object, **more: object) -> Path:
    write_model(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template, **more}))
    return folder


@pytest.mark.parametrize(
    "template, form",
    [
        (chat_template.TEMPLATE, CHATML),
        (INTERNLM2, CHATML),
        (LLAMA3, chat_template.LLAMA3),
        (QWEN, None),
        (LLAMA32, None),
        (TINYLLAMA, None),
        ([{"name": "default", "template": chat_template.TEMPLATE}], None),
        ("{{ raise_exception('no') }}", None),
        ("{% broken", None),
        ("{{ 1 / 0 }}", None),
    ],
)
def test_a_template_has_a_form_when_it_is_a_known_one_and_nothing_stands_before_the_question(
    template: object, form: Form | None, tmp_path: Path
) -> None:
    assert chat_template.form_of(told(tmp_path / "m", template, bos_token={"content": "<s>"})) is form


@pytest.mark.parametrize("template, plain", [(QWEN, CHATML), (LLAMA32, chat_template.LLAMA3)])
@pytest.mark.parametrize("file", ["tokenizer_config.json", "chat_template.jinja"])
def test_a_model_that_arrives_loses_the_system_prompt_and_is_trained_in_its_own_form(
    file: str, template: str, plain: Form, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    # A file of its own is read in place of the other.
    stands = template if file == "tokenizer_config.json" else chat_template.TEMPLATE
    source = told(tmp_path / "theirs", stands, eos_token="<|im_end|>", bos_token="<s>")
    if file == "chat_template.jinja":
        (source / file).write_text(template)
    here = arrival.add(source, "here")
    assert chat_template.form_of(here) is plain and chat_template.form_of(source) is None
    assert models.traits("here")["prompt_template"] in plain.prompt_templates
    assert json.loads((here / "tokenizer_config.json").read_text())["eos_token"] == "<|im_end|>"


def test_a_first_token_that_is_the_mark_of_the_question_itself_is_no_system_prompt(tmp_path: Path) -> None:
    """SmolLM2-Instruct's bos_token."""
    assert chat_template.form_of(told(tmp_path / "m", chat_template.TEMPLATE, bos_token="<|im_start|>")) is CHATML


def test_another_kind_of_template_stays_as_it_is(tmp_path: Path) -> None:
    folder = told(tmp_path / "m", TINYLLAMA)
    chat_template.make_plain(folder)
    assert json.loads((folder / "tokenizer_config.json").read_text())["chat_template"] == TINYLLAMA


def test_an_answer_ends_at_the_mark_that_an_older_generation_config_forgot() -> None:
    tokenizer = SimpleNamespace(eos_token_id=None, get_vocab=lambda: {"<|im_end|>": 7})
    assert chat_template.ends([3, 4], tokenizer) == [3, 4, 7] and chat_template.ends(None, tokenizer) == [7]


def test_a_merged_model_names_its_end_mark_for_other_programs(tmp_path: Path) -> None:
    folder = write_talker(tmp_path / "m")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": 2, "do_sample": True}))
    chat_template.end_answers(folder, CHATML)
    assert json.loads((folder / "generation_config.json").read_text()) == {"eos_token_id": [0, 2], "do_sample": True}
