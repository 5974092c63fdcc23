"""Questions and answers as a person types or pastes them, and back: turns of conversations about one picture.

    Q: What is it?                 问：这是什么？
    A: A cat.                      答：一只猫。
    Q: Where is it?                问：它在哪里？
    A: On the sofa.                答：在沙发上。

A question after an empty line begins another conversation. Without marks, lines are question and answer in turn; cells
of a table (two columns) are pairs; a single line is a description. LLaVA's JSON may be pasted, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from training.errors import UserError
from training.eyes import llava
from training.eyes.gathering.rows import wish
from training.eyes.llava import TOKEN
from training.sentences import sentence

Turns = tuple[str, ...]
_ASKS = re.compile(r"\s*(?:q|question|user|human|问|问题|提问|用户)\s*\d*\s*[:：]\s?(.*)", re.IGNORECASE | re.DOTALL)
_ANSWERS = re.compile(
    r"\s*(?:a|answer|assistant|gpt|答|回答|答案|助手)\s*\d*\s*[:：]\s?(.*)", re.IGNORECASE | re.DOTALL
)


def read(text: str) -> list[Turns]:
    """The conversations in what was typed; none in an empty text.

    Raises UserError (pairs_question, pairs_answer, pairs_empty, pairs_begin, pairs_odd, llava_*): with the line.
    """
    text = text.strip("\n")
    if not text.strip():
        return []
    if text.lstrip().startswith(("[", "{")):
        pasted = _json(text)
        if pasted is not None:
            return pasted
    lines = text.splitlines()
    if any(_ASKS.match(line) or _ANSWERS.match(line) for line in lines):
        return _marked(lines)
    return _plain(lines)


def told(talks: Sequence[Turns], language: str) -> str:
    """The conversations as they can be edited and read again."""
    marks = [sentence(key, language) for key in ("pairs.question", "pairs.answer")]
    return "\n\n".join("\n".join(f"{marks[place % 2]}{text}" for place, text in enumerate(turns)) for turns in talks)


def _marked(lines: list[str]) -> list[Turns]:
    """Lines with marks; what has none goes on with the text before it."""
    talks: list[list[str]] = []
    empty = True
    for number, line in enumerate(lines, 1):
        asks, answers = _ASKS.match(line), _ANSWERS.match(line)
        if asks:
            if talks and len(talks[-1]) % 2:
                raise UserError("pairs_question", line=number)
            if empty or not talks:
                talks.append([])
            talks[-1].append(asks.group(1))
        elif answers:
            if not talks or not len(talks[-1]) % 2:
                raise UserError("pairs_answer", line=number)
            talks[-1].append(answers.group(1))
        elif talks:
            talks[-1][-1] += f"\n{line}"
        elif line.strip():
            raise UserError("pairs_begin", line=number)
        empty = not line.strip()
    return [_whole(turns, len(lines)) for turns in talks]


def _plain(lines: list[str]) -> list[Turns]:
    said = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    cells = [(number, [cell.strip() for cell in line.split("\t") if cell.strip()]) for number, line in said]
    if all(len(each) == 2 for _, each in cells):  # pasted from a spreadsheet
        return [_whole(each, number) for number, each in cells]
    if len(said) == 1:
        number, line = said[0]
        return [_whole([line] if line.rstrip().endswith(("?", "？")) else [wish(line), line], number)]
    if len(said) % 2:
        raise UserError("pairs_odd", count=len(said), line=said[-1][0])
    blocks: list[list[str]] = []
    before = 0
    for number, line in said:
        if not blocks or (number > before + 1 and not len(blocks[-1]) % 2):
            blocks.append([])
        blocks[-1].append(line)
        before = number
    return [_whole(turns, said[-1][0]) for turns in blocks]


def _whole(turns: Sequence[str], line: int) -> Turns:
    """The turns, tidied. The place of the picture goes without saying: at the beginning it is passed over."""
    texts = [text.strip() for text in turns]
    texts[0] = texts[0].removeprefix(TOKEN).removesuffix(TOKEN).strip()
    if len(texts) % 2:
        raise UserError("pairs_unanswered", line=line, question=texts[-1][:60])
    if any(TOKEN in text for text in texts):
        raise UserError("llava_token_misplaced", token=TOKEN)
    for place, text in enumerate(texts):
        if not text:
            raise UserError("pairs_empty", turn=place // 2 + 1)
    return tuple(texts)


def _json(text: str) -> list[Turns] | None:
    """Rows, or the turns of one, as LLaVA has them; None when it is no JSON."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    rows = content if isinstance(content, list) else [content]
    if all(isinstance(row, dict) and "from" in row for row in rows):
        rows = [{"conversations": rows}]
    found = []
    for row in rows:
        said = row.get("conversations", row.get("conversation")) if isinstance(row, dict) else None
        marked = any(TOKEN in str(turn) for turn in said) if isinstance(said, list) else False
        found.append(llava.read_row({"image": "it" if marked else "", "conversations": said}).turns)
    return found
