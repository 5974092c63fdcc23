"""What kind of file it is, by its bytes and not by its name: JSON, lines of JSON, a table; all else is refused."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

from training.errors import UserError
from training.files import readable
from training.importing.formats import is_row

_HEAD = 256 * 1024
_SIGNS = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf", "7z"),
    (b"Rar!", "rar"),
    (b"\xd0\xcf\x11\xe0", "old_office"),
    (b"%PDF", "pdf"),
    (b"PAR1", "parquet"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GGUF", "weights"),
)
_UNPACKED = 2 << 30
_TIMES = 200
"""A sheet that unpacks to more bytes than this, or to so many times its size, is not opened (a zip bomb)."""
_SMALL = 64 << 20
"""Up to here a sheet may be packed as tightly as it likes."""
_JSON = re.compile(r'\{\s*["}]|\[\s*[\[{"\]]')
"""How JSON begins in which there may be rows; a table may begin with {{name}} or [a picture] as well."""


def binary_kind(path: Path) -> str:
    """xlsx, or "" when it may be text. Raises UserError: import_empty, import_kind_*, import_binary, import_bomb."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00"):
        raise UserError("import_empty", file=readable(path.name))
    sign = next((name for mark, name in _SIGNS if head.startswith(mark)), "")
    if sign == "zip":
        return _packed(path)
    if sign:
        raise UserError(f"import_kind_{sign}", file=readable(path.name))
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not wide and (b"\x00" in head or sum(byte < 9 or 13 < byte < 32 for byte in head) > len(head) / 20):
        raise UserError("import_binary", file=readable(path.name))
    return ""


def _packed(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            inside = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise UserError("import_zip_broken", file=readable(path.name)) from error
    if "xl/workbook.xml" not in {entry.filename for entry in inside}:
        raise UserError("import_kind_zip", file=readable(path.name))
    unpacked, packed = sum(entry.file_size for entry in inside), sum(entry.compress_size for entry in inside)
    if unpacked > _UNPACKED or (unpacked > _SMALL and unpacked > _TIMES * max(1, packed)):
        raise UserError("import_bomb", file=readable(path.name), megabytes=unpacked >> 20)
    if any(entry.flag_bits & 1 for entry in inside):
        raise UserError("import_locked", file=readable(path.name))
    return "xlsx"


def text_kind(head: str, name: str) -> str:
    """json, jsonl or table, by how the text begins."""
    text = head.lstrip("\ufeff \t\r\n")
    if _JSON.match(text):
        return "jsonl" if _each_line_is_a_row(text) else "json"
    return "json" if name.lower().endswith((".json", ".jsonl")) else "table"


def _each_line_is_a_row(text: str) -> bool:
    lines = [line.strip() for line in text.splitlines()[:50] if line.strip()]
    if lines and _is_row(lines[0]):
        return True
    # One broken line is no reason to take the file for something else.
    closed = [line.startswith("{") and line.rstrip(",").endswith("}") for line in lines]
    return text.startswith("{") and len(lines) > 1 and sum(closed) > len(closed) / 2 and any(map(_is_row, lines))


def _is_row(line: str) -> bool:
    try:
        value = json.loads(line.rstrip(","))
    except (ValueError, RecursionError):
        return False
    return is_row(value) or (isinstance(value, dict) and not any(map(_may_be_rows, value.values())))


def _may_be_rows(value: object) -> bool:
    if not isinstance(value, list) or not value or not isinstance(value[0], (dict, list)):
        return False
    return len(value) > 1 or is_row(value[0])
