"""Which of the known formats a row has, and its turns: OpenAI messages, ShareGPT, XTuner, Alpaca, question and answer.

Every row is looked at for itself, so a file may mix them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from training.importing.problems import RowProblem

FORMATS = ("openai", "sharegpt", "xtuner", "alpaca", "pairs")
_QUESTIONS = ("question", "q", "prompt", "query", "user", "human", "input", "problem", "title", "ask", "问题", "问",
              "提问", "问句", "用户", "输入", "指令", "标题")  # fmt: skip
_ANSWERS = ("answer", "a", "response", "reply", "completion", "output", "assistant", "gpt", "bot", "target",
            "solution", "chatgpt", "答案", "回答", "答", "答复", "回复", "助手", "机器人", "输出")  # fmt: skip
TURNS = ("messages", "conversations", "conversation", "dialogue", "dialog", "turns", "history")
"""Keys under which the turns of one row stand."""
_INSTRUCTIONS = ("instruction", "instructions", "指令")
_INPUTS = ("input", "context", "输入")
_SYSTEMS = ("system", "system_prompt", "系统", "系统提示", "系统提示词")
_PICTURES = ("image", "images", "图片")


@dataclass(frozen=True)
class Turn:
    """One message as the file has it."""

    role: Any
    content: Any
    field: str
    """Where it stands in the row."""


def turns(value: Any) -> tuple[str, list[Turn]]:
    """The row's format and its turns. Raises RowProblem."""
    if isinstance(value, RowProblem):
        raise value
    if isinstance(value, list) and value:
        return _listed("", value, {}) if isinstance(value[0], dict) else _pair_list(value)
    if not isinstance(value, dict):
        raise RowProblem("no_object", found=_short(value))
    row = {str(key).strip().lstrip("\ufeff").lower(): inner for key, inner in value.items()}
    picture = next((key for key in _PICTURES if row.get(key)), None)
    if picture:
        raise RowProblem("picture", picture)
    for key in TURNS:
        if key != "history" and row.get(key) not in (None, ""):
            return _listed(key, _unpacked(key, row[key]), row)
    return _columns(row)


def is_row(value: Any) -> bool:
    """Whether this is one row, perhaps a faulty one, and not a list of rows or an object around one."""
    if isinstance(value, list):
        first = value[0] if value and isinstance(value[0], dict) else {}
        return not {"role", "from"}.isdisjoint(str(key).strip().lower() for key in first) and not is_row(first)
    try:
        turns(value)
    except RowProblem as problem:
        return problem.code not in ("fields_unknown", "no_object")
    return True


def is_header(cells: Sequence[str]) -> bool:
    """Whether these are names of columns that can be understood."""
    names = {cell.strip().lower() for cell in cells}
    asked = any(name in names for name in (*_QUESTIONS, *_INSTRUCTIONS))
    return bool(names & set(TURNS)) or (asked and any(name in names for name in _ANSWERS))


def _unpacked(key: str, value: Any) -> list[Any]:
    """A list of turns, also when a table holds it as text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise RowProblem("turns_text", key) from error
    if not isinstance(value, list) or not value:
        raise RowProblem("turns_empty" if value == [] else "turns_no_list", key, found=_short(value))
    return value


def _listed(key: str, entries: list[Any], row: dict[str, Any]) -> tuple[str, list[Turn]]:
    found, kinds = _system(row), []
    for number, entry in enumerate(entries):
        place = f"{key}[{number}]"
        if not isinstance(entry, dict):
            raise RowProblem("turn_no_object", place, found=_short(entry))
        entry = {str(name).strip().lower(): inner for name, inner in entry.items()}
        if "role" in entry and ("content" in entry or "text" in entry):
            kinds.append("openai")
            name = "content" if "content" in entry else "text"
            found.append(Turn(entry["role"], entry[name], f"{place}.{name}"))
        elif "from" in entry and ("value" in entry or "content" in entry):
            kinds.append("sharegpt")
            name = "value" if "value" in entry else "content"
            found.append(Turn(entry["from"], entry[name], f"{place}.{name}"))
        elif "output" in entry and "input" in entry:
            kinds.append("xtuner")
            found += _given("system", entry.get("system"), f"{place}.system")
            found += _given("user", entry["input"], f"{place}.input")
            found.append(Turn("assistant", entry["output"], f"{place}.output"))
        else:
            raise RowProblem("turn_unknown", place, found=", ".join(entry)[:80])
    return max(kinds, key=kinds.count), found


def _pair_list(value: list[Any]) -> tuple[str, list[Turn]]:
    if len(value) != 2 or not all(isinstance(text, str) for text in value):
        raise RowProblem("no_object", found=_short(value))
    return "pairs", [Turn("user", value[0], "[0]"), Turn("assistant", value[1], "[1]")]


def _columns(row: dict[str, Any]) -> tuple[str, list[Turn]]:
    answer = _first(row, _ANSWERS)
    if answer is None:
        if "chosen" in row and "rejected" in row:
            raise RowProblem("preference", "chosen")
        raise RowProblem("fields_unknown", found=", ".join(row)[:80])
    found = _system(row) + _history(row.get("history"))
    instruction = _first(row, _INSTRUCTIONS)
    if instruction is not None:
        more = _first(row, [name for name in _INPUTS if name != instruction])
        texts = [row[key] for key in (instruction, more) if key and row[key] not in (None, "")]
        joined: Any = "\n".join(texts) if all(isinstance(text, str) for text in texts) else (texts or [""])[0]
        return "alpaca", [*found, Turn("user", joined, instruction), Turn("assistant", row[answer], answer)]
    question = _first(row, [name for name in _QUESTIONS if name != answer])
    if question is None:
        raise RowProblem("no_question", answer)
    return "pairs", [*found, Turn("user", row[question], question), Turn("assistant", row[answer], answer)]


def _history(value: Any) -> list[Turn]:
    if value in (None, "", []):
        return []
    if isinstance(value, str):
        value = _unpacked("history", value)
    if not isinstance(value, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise RowProblem("history", "history")
    return [
        Turn(role, text, f"history[{number}][{place}]")
        for number, pair in enumerate(value)
        for place, (role, text) in enumerate(zip(("user", "assistant"), pair))
    ]


def _system(row: dict[str, Any]) -> list[Turn]:
    key = _first(row, _SYSTEMS)
    return _given("system", row[key], key) if key else []


def _given(role: str, value: Any, field: str) -> list[Turn]:
    return [] if value in (None, "") else [Turn(role, value, field)]


def _first(row: dict[str, Any], names: Iterable[str]) -> str | None:
    return next((name for name in names if name in row), None)


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:60]
