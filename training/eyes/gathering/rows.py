"""Lists of rows about pictures: LLaVA's JSON (also the course's), JSON lines, and tables of file and caption.

Says of each row what it is about and what is said; whether that picture is there, is not asked here.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

from training.errors import UserError
from training.eyes import llava
from training.eyes.gathering.archive import Piece
from training.eyes.llava import TOKEN, Talk
from training.importing import encoding, tables
from training.importing.problems import RowProblem
from training.language import language_of
from training.seeds import seeds

_FILE = ("file", "file_name", "filename", "image", "image_path", "image_file", "img", "path", "picture", "photo",
         "文件", "文件名", "图片", "图像", "图片名", "图片路径", "图片文件", "照片")  # fmt: skip
_CAPTION = ("caption", "text", "description", "title", "label", "answer", "response", "output", "描述", "说明", "标题",
            "文字", "文本", "图片描述", "图片说明", "回答", "答案", "答")  # fmt: skip
_QUESTION = ("question", "prompt", "instruction", "query", "问题", "提问", "问")
_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".jfif", ".heic", ".avif")
_ROLES = {"user": "human", "assistant": "gpt"}

Row = tuple[int, Talk | UserError]
"""The number of a row in its file, from 1; its talk, which calls the picture as the row does; or what is wrong."""


def read(piece: Piece) -> Iterator[Row]:
    """The rows of a list. Raises UserError (gather_list, gather_columns, import_encoding, import_sheet_broken)."""
    name = piece.name.lower()
    if name.endswith(".xlsx"):
        return _table(tables.sheet(piece.file, lambda share: None), piece.name)
    code = encoding.recognised(piece.file)
    if name.endswith((".csv", ".tsv")):
        head = next(encoding.blocks(piece.file, code, lambda place: None))
        delimiter, said = tables.delimiter_of(head, piece.name)
        lines = itertools.islice(iter(encoding.Lines(piece.file, code, lambda place: None)), 1 if said else 0, None)
        return _table(tables.separated(lines, delimiter), piece.name)
    return _json("".join(encoding.blocks(piece.file, code, lambda place: None)), piece.name)


def _json(text: str, name: str) -> Iterator[Row]:
    try:
        rows = enumerate(_listed(json.loads(text), name), 1)
    except (ValueError, RecursionError) as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) < 2 or not all(line.lstrip().startswith("{") for _, line in lines):
            raise UserError("gather_list", file=name) from error
        return ((number, _line(line)) for number, line in lines)
    return ((number, _talk(row)) for number, row in rows)


def _listed(content: Any, name: str) -> list[Any]:
    if isinstance(content, dict) and "conversations" in content:
        return [content]
    if not isinstance(content, list) or not content:
        raise UserError("gather_list", file=name)
    return content


def _line(line: str) -> Talk | UserError:
    try:
        return _talk(json.loads(line))
    except (ValueError, RecursionError):
        return UserError("gather_line")


def _talk(row: Any) -> Talk | UserError:
    """A row of JSON; the course's text has `conversation` once, other tools call the roles user and assistant."""
    if isinstance(row, dict):
        known = {str(key).strip().lower(): value for key, value in row.items()}
        if "conversations" not in known and "conversation" not in known:
            values = {key: value for key, value in known.items() if isinstance(value, str)}
            file, caption = _first(values, _FILE), _first(values, _CAPTION)
            if file and caption:
                return _captioned(file, _first(values, _QUESTION), caption)
        said = known.get("conversations", known.get("conversation"))
        if isinstance(said, list):
            row = {**known, "conversations": [_usual(each) for each in said]}
    try:
        return llava.read_row(row)
    except UserError as error:
        return error


def _usual(turn: Any) -> Any:
    if not isinstance(turn, dict):
        return turn
    role = turn.get("from", turn.get("role"))
    return {"from": _ROLES.get(role, role) if isinstance(role, str) else role,
            "value": turn.get("value", turn.get("content"))}  # fmt: skip


def _first(values: dict[str, str], names: Sequence[str]) -> str:
    return next((values[name] for name in names if values.get(name, "").strip()), "")


def _captioned(file: str, question: str, caption: str) -> Talk | UserError:
    if not file.strip():
        return UserError("gather_no_file")
    if not caption.strip():
        return UserError("gather_no_caption")
    question = question.replace(TOKEN, "").strip() or wish(caption)
    said = [{"from": "human", "value": f"{TOKEN}\n{question}"}, {"from": "gpt", "value": caption}]
    try:
        return llava.read_row({"image": file.strip(), "conversations": said})
    except UserError as error:
        return error


def wish(caption: str) -> str:
    """What one says to hear such a description: in its language."""
    language = "zh" if language_of([{"role": "assistant", "content": caption}]) == "zh" else "en"
    question: str = seeds("eyes", language)["caption"]["questions"][0]
    return question


def _table(cells: Iterator[tables.Cells], name: str) -> Iterator[Row]:
    """Rows of file and caption, or of file, question and answer, under a heading or without one."""
    columns: list[str] = []
    for number, found in cells:
        if isinstance(found, RowProblem):
            yield number, UserError("gather_cells")
            continue
        values = ["" if cell is None else str(cell) for cell in found]
        if not any(value.strip() for value in values):
            continue
        if not columns:
            columns, heading = _columns(values, name)
            if heading:
                continue
        row = dict(zip(columns, values))
        yield number, _captioned(_first(row, _FILE), _first(row, _QUESTION), _first(row, _CAPTION))


def _columns(values: list[str], name: str) -> tuple[list[str], bool]:
    """The names of the columns, and whether the row told them."""
    titles = [value.strip().lower().lstrip("\ufeff") for value in values]
    if any(title in _FILE for title in titles) and any(title in _CAPTION for title in titles):
        return titles, True
    files = [place for place, title in enumerate(titles) if title.endswith(_ENDINGS)]
    others = [place for place in range(len(values)) if place not in files and values[place].strip()]
    if len(files) != 1 or len(others) not in (1, 2):
        raise UserError("gather_columns", file=name, found=" | ".join(value[:40] for value in values[:8]))
    said = dict(zip(others, ("caption",) if len(others) == 1 else ("question", "answer")))
    return ["file" if place in files else said.get(place, "") for place in range(len(values))], False
