"""ChatML, the form of a conversation: the same in training, in the exam and in the chat. Never imports torch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from training.files import read_json, write_json
from training.models import layout

BEGIN, END = "<|im_start|>", "<|im_end|>"
TEMPLATE = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""Plain ChatML, the same as XTuner's qwen_chat."""
XTUNER = ("qwen_chat", "internlm2_chat")
"""What XTuner calls it."""

_ASKED = f"{BEGIN}user\n?{END}\n{BEGIN}assistant\n"
_SYSTEM = re.compile(f"{re.escape(BEGIN)}system\n.*{re.escape(END)}\n", re.DOTALL)


def is_plain(folder: Path) -> bool:
    """Whether a question to the model in the folder is put as in training: in ChatML, with nothing said before it.

    Raises UserError (model_incomplete, model_without_chat_template).
    """
    return _before_a_question(folder) == ""


def make_plain(folder: Path) -> None:
    """Take away the system prompt that a ChatML template brings of itself (Qwen's: "You are Qwen, created by ...").

    It would stand before every question of the exam and the chat, and name another identity than was trained. Another
    kind of template stays as it is. Raises UserError like is_plain().
    """
    if not _SYSTEM.fullmatch(_before_a_question(folder) or ""):
        return
    told = layout.table(folder, "tokenizer_config.json")
    (folder / layout.TEMPLATE).unlink(missing_ok=True)
    write_json(folder / "tokenizer_config.json", {**told, "chat_template": TEMPLATE})


def ends(configured: Any, tokenizer: Any) -> list[int]:
    """Every token that ends an answer: of generation_config (an id, several or None), the tokenizer's own, and ChatML's
    mark, which older and base models leave out of their generation_config.
    """
    found = {*(configured if isinstance(configured, list) else [configured]), tokenizer.eos_token_id}
    return sorted(found.union([tokenizer.get_vocab().get(END)]) - {None})


def end_answers(folder: Path) -> None:
    """Let generation_config.json of a model that learned ChatML name its end mark: others read nothing else."""
    vocabulary = folder / "tokenizer.json"
    mark = Tokenizer.from_file(str(vocabulary)).token_to_id(END) if vocabulary.is_file() else None
    file = folder / "generation_config.json"
    told = read_json(file) if file.is_file() else {}
    known = told.get("eos_token_id", layout.table(folder, "config.json").get("eos_token_id"))
    found = sorted({*(known if isinstance(known, list) else [known]), mark} - {None})
    if found:
        write_json(file, {**told, "eos_token_id": found if len(found) > 1 else found[0]})


def _before_a_question(folder: Path) -> str | None:
    """What the model's template puts before a question, the first token left out; None where it is no ChatML."""
    template, told = layout.chat_template(folder), layout.table(folder, "tokenizer_config.json")
    if not isinstance(template, str):  # several, by name
        return None
    world = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )  # as transformers makes it
    marks = {mark: _text(told.get(mark)) for mark in ("bos_token", "eos_token", "pad_token", "unk_token")}
    asked = [{"role": "user", "content": "?"}]
    try:
        said = world.from_string(template).render(messages=asked, add_generation_prompt=True, **marks)
    except Exception:  # a stranger's program, which wants what only its own kind of talk has, or fails in any other way
        return None
    # The question first: SmolLM2's first token is the very mark with which the question begins.
    return said.removesuffix(_ASKED).removeprefix(marks["bos_token"]) if said.endswith(_ASKED) else None


def _text(token: Any) -> str:
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")
