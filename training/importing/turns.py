"""From a row's turns as somebody wrote them to messages that can be trained on.

What is wrong in a way that has one remedy only is repaired, and counted; everything else is a problem of the row.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from training.importing.formats import Turn
from training.importing.problems import RowProblem

_ROLES = {
    "user": ("user", "human", "prompter", "question", "instruction", "用户", "人类", "问", "提问者", "学生"),
    "assistant": ("assistant", "gpt", "bot", "chatgpt", "gpt4", "bard", "bing", "model", "ai", "chatbot", "助手", "答",
                  "机器人", "小助手"),
    "system": ("system", "系统"),
}  # fmt: skip
_ROLE = {word: role for role, words in _ROLES.items() for word in words}
_TOOLS = ("tool", "function", "function_call", "observation", "ipython", "tool_call", "tool_response", "developer")
_ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>", "<eoa>", "<eoh>", "[UNUSED_TOKEN_145]")
_MARK = re.compile(r"<\|(?:im_start|im_end|endoftext|eot_id|system|user|assistant)\|>|\[UNUSED_TOKEN_\d+\]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffe\uffff]")
_HAN = re.compile("[\u4e00-\u9fff]")
_DOUBLE = re.compile("[\u00c2-\u00f4][\u0080-\u00bf\u0152-\u0178\u02c6-\u02dc\u2013-\u203a\u20ac\u2122]")

Message = dict[str, str]


def messages(turns: Sequence[Turn], repaired: Counter[str]) -> tuple[Message, ...]:
    """The row as user and assistant in turn, perhaps after one system message. Raises RowProblem."""
    noted: Counter[str] = Counter()
    said = [(_role(turn, noted), _text(turn, noted), turn.field) for turn in turns]
    said = _one_system(said, noted)
    system = [{"role": role, "content": text} for role, text, _ in said if role == "system"]
    talk = _in_turn([turn for turn in said if turn[0] != "system"], noted)
    for _, text, field in talk:
        if not text.strip():
            raise RowProblem("empty", field)
    repaired.update(noted)
    return (*system, *({"role": role, "content": text} for role, text, _ in talk))


def _role(turn: Turn, noted: Counter[str]) -> str:
    word = turn.role.strip().lower().replace(" ", "_") if isinstance(turn.role, str) else ""
    if word in _ROLE:
        return _ROLE[word]
    if word in _TOOLS:
        raise RowProblem("role_tool", turn.field, role=word)
    near = difflib.get_close_matches(word, ("user", "assistant", "system", "human"), 1, 0.8)
    if near:
        noted["role"] += 1
        return _ROLE[near[0]]
    raise RowProblem("role_unknown", turn.field, role=str(turn.role)[:40])


def _text(turn: Turn, noted: Counter[str]) -> str:
    text = _plain(turn.content, turn.field)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RowProblem("broken_text", turn.field) from error
    if "\ufffd" in text:
        raise RowProblem("broken_text", turn.field)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for repair, change in (("mojibake", _unscrambled), ("end_mark", _without_end), ("control", _without_control)):
        changed = change(text)
        if changed != text:
            text = changed
            noted[repair] += 1
    mark = _MARK.search(text) if "<|" in text or "[UNUSED" in text else None
    if mark:
        raise RowProblem("chat_mark", turn.field, mark=mark.group())
    return text


def _plain(content: Any, field: str) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, (int, float)):
        return str(content)
    if isinstance(content, list) and all(isinstance(part, (dict, str)) for part in content):
        parts = [part if isinstance(part, str) else part.get("text") for part in content]
        if all(isinstance(part, str) for part in parts):
            return "\n".join(parts)
        raise RowProblem("picture", field)
    raise RowProblem("nested", field)


def _unscrambled(text: str) -> str:
    """UTF-8 that somebody read as another encoding, read right; the text itself where that is not certain."""
    if text.isascii():
        return text
    if _DOUBLE.search(text):
        try:
            raw = b"".join(_byte(character) for character in text)
            right = raw.decode("utf-8")
        except (UnicodeError, ValueError):
            return text
        return right if _HAN.search(right) and not _HAN.search(text) else text
    try:
        right = text.encode("gb18030").decode("utf-8")  # 浣犲ソ instead of 你好
    except UnicodeError:
        return text
    return right if len(_HAN.findall(right)) >= 4 else text  # fewer can be chance


def _byte(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1")


def _without_end(text: str) -> str:
    bare = text.rstrip()
    if not bare.endswith(_ENDS):
        return text
    for mark in _ENDS * 2:  # some have two of them
        bare = bare.removesuffix(mark).rstrip()
    return bare


def _without_control(text: str) -> str:
    return _CONTROL.sub("", text)


def _one_system(said: list[tuple[str, str, str]], noted: Counter[str]) -> list[tuple[str, str, str]]:
    systems = [turn for turn in said if turn[0] == "system" and turn[1].strip()]
    if len({text for _, text, _ in systems}) > 1:
        raise RowProblem("two_systems", systems[1][2])
    if len(systems) > 1:
        noted["system_twice"] += 1
    talk = [turn for turn in said if turn[0] != "system"]
    if systems and said[0][0] != "system":
        raise RowProblem("system_late", systems[0][2])
    return systems[:1] + talk


def _in_turn(talk: list[tuple[str, str, str]], noted: Counter[str]) -> list[tuple[str, str, str]]:
    """User and assistant in turn. What is before the first question or after the last answer teaches nothing."""
    roles = [role for role, _, _ in talk]
    if "assistant" not in roles:
        raise RowProblem("no_assistant")
    if "user" not in roles:
        raise RowProblem("no_user")
    first, last = roles.index("user"), len(roles) - roles[::-1].index("assistant")
    if first >= last:
        raise RowProblem("no_answer")
    noted["before_question"] += bool(first)
    noted["after_answer"] += last < len(talk)
    kept: list[tuple[str, str, str]] = []
    for role, text, field in talk[first:last]:
        if kept and kept[-1][0] == role:
            if role == "assistant":
                raise RowProblem("two_answers", field)
            kept[-1] = (role, f"{kept[-1][1]}\n{text}", kept[-1][2])
            noted["joined"] += 1
        else:
            kept.append((role, text, field))
    return kept
