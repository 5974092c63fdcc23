"""How a model is talked to: the same in training, in the exam and in the chat. Never imports torch.

A model's own chat template asks in the exam and the chat, XTuner's prompt template in training. FORMS are those of
which it is known here that both say the same. Another kind of template stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
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
"""Plain ChatML."""
_LLAMA3 = (
    "{{ bos_token }}{% for message in messages %}"
    "{{'<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] + '<|eot_id|>'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)


@dataclass(frozen=True)
class Form:
    """One way to put a question, as XTuner's prompt templates of these names do."""

    prompt_templates: tuple[str, ...]
    asked: str
    """What stands around the question "?"."""
    system: tuple[str, str]
    """What stands before and after a system prompt."""
    end: str
    """The token that ends an answer."""
    template: str
    """The chat template that asks so, and says nothing of itself before."""


CHATML = Form(
    ("qwen_chat", "internlm2_chat", "minicpm3"),
    f"{BEGIN}user\n?{END}\n{BEGIN}assistant\n",
    (f"{BEGIN}system\n", f"{END}\n"),
    END,
    TEMPLATE,
)
LLAMA3 = Form(
    ("llama3_chat",),
    "<|start_header_id|>user<|end_header_id|>\n\n?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    ("<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"),
    "<|eot_id|>",
    _LLAMA3,
)
FORMS = (CHATML, LLAMA3)


def named(prompt_template: str) -> Form | None:
    """The form that one of XTuner's prompt templates has; None for one that is not known here."""
    return next((form for form in FORMS if prompt_template in form.prompt_templates), None)


def form_of(folder: Path) -> Form | None:
    """In which form the model's own template puts a question; None when it is another one, or says more before it.

    Raises UserError (model_incomplete, model_without_chat_template).
    """
    form, before, _ = _read(layout.chat_template(folder), layout.table(folder, "tokenizer_config.json"))
    return None if before else form


def make_plain(folder: Path) -> None:
    """Take away the system prompt that a template brings of itself (Qwen's: "You are Qwen, created by ...").

    It would stand before every question of the exam and the chat, and name another identity than was trained. Another
    kind of template stays as it is. Raises UserError like form_of().
    """
    told = layout.table(folder, "tokenizer_config.json")
    form, before, _ = _read(layout.chat_template(folder), told)
    if not form or not re.fullmatch(".*".join(map(re.escape, form.system)), before, re.DOTALL):
        return
    (folder / layout.TEMPLATE).unlink(missing_ok=True)
    write_json(folder / "tokenizer_config.json", {**told, "chat_template": form.template})


def begins(tokenizer: Any) -> list[int] | None:
    """The tokens with which its template begins every conversation (its bos_token, or none), for a form known here."""
    marks = {mark: getattr(tokenizer, mark) for mark in _MARKS}
    form, _, first = _read(tokenizer.chat_template, marks)
    return None if form is None else [tokenizer.bos_token_id] if first else []


def ends(configured: Any, tokenizer: Any) -> list[int]:
    """Every token that ends an answer: of generation_config (an id, several or None), the tokenizer's own, and the
    forms' marks, which older and base models leave out of their generation_config.
    """
    vocabulary = tokenizer.get_vocab()
    found = {*(configured if isinstance(configured, list) else [configured]), tokenizer.eos_token_id}
    return sorted(found.union(vocabulary.get(form.end) for form in FORMS) - {None})


def end_answers(folder: Path, form: Form) -> None:
    """Let generation_config.json of a model that learned the form name its end mark: others read nothing else."""
    vocabulary = folder / "tokenizer.json"
    mark = Tokenizer.from_file(str(vocabulary)).token_to_id(form.end) if vocabulary.is_file() else None
    file = folder / "generation_config.json"
    told = read_json(file) if file.is_file() else {}
    known = told.get("eos_token_id", layout.table(folder, "config.json").get("eos_token_id"))
    found = sorted({*(known if isinstance(known, list) else [known]), mark} - {None})
    if found:
        write_json(file, {**told, "eos_token_id": found if len(found) > 1 else found[0]})


_MARKS = ("bos_token", "eos_token", "pad_token", "unk_token")


def _read(template: Any, told: dict[str, Any]) -> tuple[Form | None, str, bool]:
    """The form of a template's question, what it says before that, and whether it begins with the bos_token."""
    marks = {mark: _text(told.get(mark)) for mark in _MARKS}
    said = _question(template, **marks) if isinstance(template, str) else ""  # it may be several, by name
    form = next((form for form in FORMS if said.endswith(form.asked)), None)
    # The question first: SmolLM2's bos_token is the very mark with which the question begins.
    before = said.removesuffix(form.asked) if form else ""
    first = bool(marks["bos_token"]) and before.startswith(marks["bos_token"])
    return form, before.removeprefix(marks["bos_token"]) if first else before, first


@lru_cache(maxsize=8)  # XTuner asks before every conversation of a dataset
def _question(template: str, **marks: str) -> str:
    """How the template puts the question "?"; "" where it cannot."""
    world = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )  # as transformers makes it
    asked = [{"role": "user", "content": "?"}]
    try:
        return world.from_string(template).render(messages=asked, add_generation_prompt=True, **marks)
    except Exception:  # a stranger's program, which wants what only its own kind of talk has, or fails in any other way
        return ""


def _text(token: Any) -> str:
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")
