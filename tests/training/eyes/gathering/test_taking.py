"""Everything people drop: what is good is kept, and everything else gets a sentence with its file and row."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from training.errors import UserError
from training.eyes import pictures
from training.eyes.gathering import archive, keeping, taking
from training.eyes.gathering.taken import Kept, Taken
from training.eyes.llava import Talk
from training.importing import staging


def png(colour: str = "red", side: int = 8, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, options.pop("kind", "PNG"), **options)
    return buffer.getvalue()


def row(image: Any, *values: str) -> dict[str, Any]:
    turns = [{"from": ("human", "gpt")[place % 2], "value": value} for place, value in enumerate(values)]
    return {"id": "x", "image": image, "conversations": turns}


GOOD = ("<image>\nWhat?", "Red.", "Sure?", "Yes.")
TURNS = ("What?", "Red.", "Sure?", "Yes.")


def take(*given: Path, there: dict[str, Kept] | None = None, waiting: Any = ()) -> tuple[Taken, Path]:
    folder = staging.new()
    taken = taking.take(given, folder, there or {}, waiting, lambda done, total: None)
    assert Taken.read(folder) == taken, "what is left on the disk is the same"
    for each in taken.problems:
        assert each.sentence("zh") != each.sentence("en"), each
    return taken, folder


def told(taken: Taken) -> list[tuple[str, int, str]]:
    return [(each.file, each.row, each.code) for each in taken.problems]


def packed(place: Path, members: dict[str, bytes], **options: Any) -> Path:
    with zipfile.ZipFile(place, "w", **options) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "given"
    (place / "images").mkdir(parents=True)
    (place / "images" / "red.png").write_bytes(png("red"))
    (place / "images" / "蓝.png").write_bytes(png("blue"))
    return place


def written(folder: Path, *rows: Any, name: str = "unique_data.json") -> Path:
    (folder / name).write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return folder / name


# pictures


def test_a_folder_of_pictures_is_taken_and_its_litter_passed_over(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "Thumbs.db").write_bytes(b"x")
    taken, place = take(folder)
    assert list(taken.pictures) == ["images/red.png", "images/蓝.png"] and not taken.problems
    assert (place / "images" / "red.png").read_bytes() == png("red"), "a good picture stays as it is"


def test_a_broken_picture_is_named_and_the_others_stay(folder: Path) -> None:
    (folder / "images" / "bad.png").write_bytes(png()[:30])
    (folder / "notes.txt").write_text("hello")
    (folder / "photo.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    (folder / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    (folder / "pictures.rar").write_bytes(b"Rar!")
    taken, _ = take(folder, folder / "pictures.rar")
    assert len(taken.pictures) == 2
    assert sorted(told(taken)) == [
        ("film.mp4", 0, "picture_film"),
        ("images/bad.png", 0, "picture_unreadable"),
        ("notes.txt", 0, "picture_unreadable"),
        ("photo.HEIC", 0, "picture_heic"),
        ("pictures.rar", 0, "gather_archive"),
        ("pictures.rar", 0, "picture_unreadable"),
    ]


def test_bombs_and_moving_pictures_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    (folder / "bomb.png").write_bytes(bomb)
    moving = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    moving[0].save(folder / "moves.gif", save_all=True, append_images=moving[1:])
    taken, _ = take(folder)
    assert told(taken) == [("bomb.png", 0, "picture_huge"), ("moves.gif", 0, "picture_animated")]
    assert len(taken.pictures) == 2


def test_pictures_are_turned_upright_opaque_in_screen_colours_and_not_needlessly_large(folder: Path) -> None:
    half = Image.new("RGB", (40, 20), "red")
    half.paste("blue", (20, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    half.save(folder / "turned.jpg", exif=exif, quality=95)
    half.convert("CMYK").save(folder / "print.jpg", quality=95)
    clear = half.convert("RGBA")
    clear.paste((0, 0, 0, 0), (20, 0, 40, 20))
    clear.save(folder / "clear.png")
    Image.new("RGB", (2 * keeping.SIDE, 30), "green").save(folder / "large.png")
    taken, place = take(folder)
    assert not taken.problems
    assert taken.repairs == {"turned": 1, "screen_colours": 1, "white": 1, "smaller": 1}
    for path in taken.pictures:
        with Image.open(place / path) as image:  # as XTuner opens it, without looking for EXIF
            assert image.mode == "RGB" and image.getexif().get(0x0112, 1) == 1 and max(image.size) <= keeping.SIDE
    with Image.open(place / "images" / "turned.jpg") as image:
        assert image.size == (20, 40)
    with Image.open(place / "images" / "clear.png") as image:
        assert image.getpixel((35, 10)) == (255, 255, 255)


def test_what_a_camera_writes_into_a_picture_is_not_kept(folder: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (31.0, 14.0, 5.0)  # GPSLatitude
    exif[0x0110] = "a telephone"
    exif[0x0112] = 6
    photo = Image.new("RGB", (40, 20), "red")
    photo.save(folder / "there.jpg", exif=exif, comment=b"GPS 31N")
    photo.save(folder / "there.png", exif=exif)
    photo.save(folder / "xmp.jpg", xmp=b"<exif:GPSLatitude>31,14N</exif:GPSLatitude>")
    Image.new("L", (9, 9)).save(folder / "plain.jpg")
    plain = (folder / "plain.jpg").read_bytes()
    taken, place = take(folder)
    assert taken.repairs == {"details": 3, "turned": 2}
    for path in map(Path, taken.pictures):
        kept = (place / path).read_bytes()
        with Image.open(place / path) as image:
            assert not dict(image.getexif()) and not image.getexif().get_ifd(0x8825)
        assert b"telephone" not in kept and b"GPS" not in kept
    assert (place / "images" / "plain.jpg").read_bytes() == plain


def test_the_same_picture_is_kept_once_and_one_of_the_same_name_beside_it(folder: Path) -> None:
    for name, content in (("a", png("green")), ("b", png("red")), ("c", png("yellow"))):
        (folder / name).mkdir()
        (folder / name / "RED.png").write_bytes(content)
    taken, _ = take(folder)
    assert taken.known == 1 and len(taken.pictures) == 4
    again, _ = take(folder, there=taken.pictures)
    assert not again.pictures and again.known == 5


def test_names_that_no_disk_likes_are_made_plain(tmp_path: Path) -> None:
    names = keeping.Names([])
    made = [
        names.new(name).as_posix()
        for name in ("a:b?.png", "A_B.png", "../../x.png", "...png", f"{'d' * 300}.png", "images/y.png")
    ]
    assert made[0] == "images/a_b" and made[1] == "images/A_B-2"
    assert made[2] == "images/x" and made[5] == "images/y"
    assert all(path.startswith("images/") and ".." not in path and len(path) < 100 for path in made)


# zips


def test_a_zip_of_pictures_and_rows_is_taken_whole(tmp_path: Path) -> None:
    rows = [
        row("images/red.png", *GOOD),
        row("图/蓝.png", "<image>\n这是什么？", "蓝色。"),
        row(None, "你好", "你好！"),
    ]
    members = {
        "set/images/red.png": png("red"),
        "set/图/蓝.png": png("blue"),
        "set/llava.json": json.dumps(rows).encode(),
        "set/card.json": b"{}",
        "__MACOSX/set/images/._red.png": b"x",
    }
    taken, _ = take(packed(tmp_path / "set.zip", members))
    assert not taken.problems
    assert taken.talks == [
        Talk(TURNS, "images/set/red.png"),
        Talk(("这是什么？", "蓝色。"), "images/set/图/蓝.png"),
        Talk(("你好", "你好！")),
    ]
    assert set(taken.pictures) == {"images/set/red.png", "images/set/图/蓝.png"}


def test_names_from_a_chinese_windows_are_read(tmp_path: Path) -> None:
    place = packed(tmp_path / "set.zip", {"AAAA.png": png()})
    raw = place.read_bytes().replace(b"AAAA.png", "小猫".encode("gb18030") + b".png")
    place.write_bytes(raw)
    taken, _ = take(place)
    assert [kept.name for kept in taken.pictures.values()] == ["小猫.png"]


def test_what_leads_out_of_a_zip_is_left_out_and_nothing_is_written_there(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "slip.zip", "w") as file:
        for name in ("../up.png", "/abs.png", "a/../../up.png", "C:/drive.png", "good.png"):
            file.writestr(name, png())
        file.writestr("..\\win.png", png())
        file.writestr(link, "/etc/passwd")
        file.writestr("inner.zip", packed(tmp_path / "inner.zip", {"a.png": png()}).read_bytes())
    taken, _ = take(tmp_path / "slip.zip")
    assert told(taken) == [
        ("../up.png", 0, "zip_outside"),
        ("/abs.png", 0, "zip_outside"),
        ("a/../../up.png", 0, "zip_outside"),
        ("C:/drive.png", 0, "zip_outside"),
        ("../win.png", 0, "zip_outside"),
        ("link.png", 0, "zip_link"),
        ("inner.zip", 0, "zip_nested"),
    ]
    assert [kept.name for kept in taken.pictures.values()] == ["good.png"]
    assert not list(tmp_path.rglob("up.png")) and not list(tmp_path.rglob("win.png"))


def test_a_zip_bomb_stops_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = {"a.png": png(), "big.bin": bytes(3 << 20), "c.png": png("blue"), "d.bin": bytes(1 << 20)}
    place = packed(tmp_path / "bomb.zip", bomb, compression=zipfile.ZIP_DEFLATED)
    assert place.stat().st_size < 20_000
    monkeypatch.setattr(archive, "MOST_OF_ONE", 2 << 20)
    monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
    taken, folder = take(place)
    assert told(taken) == [("big.bin", 0, "zip_big")] and len(taken.pictures) == 1, "nothing more is unpacked"
    monkeypatch.setattr(archive, "MOST_BYTES", 1 << 30)
    taken, folder = take(place)
    assert ("big.bin", 0, "zip_member_big") in told(taken) and len(taken.pictures) == 2
    assert [each.name for each in folder.iterdir() if each.name.startswith("unpacked")] == []
    monkeypatch.setattr(archive, "MOST_FILES", 3)
    assert told(take(place)[0]) == [("bomb.zip", 0, "zip_many")]


def test_a_zip_that_lies_about_its_sizes_or_is_torn_is_named(tmp_path: Path) -> None:
    place = packed(tmp_path / "set.zip", {"a.png": png(), "b.png": png("blue")})
    whole = place.read_bytes()
    place.write_bytes(whole[: len(whole) // 2])
    assert told(take(place)[0]) == [("set.zip", 0, "zip_broken")]
    place.write_bytes(whole.replace(png("blue")[40:60], bytes(20)))
    taken, _ = take(place)
    assert told(taken) == [("b.png", 0, "zip_member_broken")] and len(taken.pictures) == 1
    locked = bytearray(whole)
    for at in (whole.index(b"PK\x03\x04") + 6, whole.index(b"PK\x01\x02") + 8):
        locked[at] |= 1
    place.write_bytes(bytes(locked))
    assert ("a.png", 0, "zip_password") in told(take(place)[0])


# rows


def test_the_courses_file_is_taken_once_and_tells_how_often_it_came(folder: Path) -> None:
    course = {**row("images/red.png", *GOOD)}
    course["conversation"] = course.pop("conversations")  # as the course's text writes it once
    taken, _ = take(folder, written(folder.parent, *[course] * 200))
    assert taken.talks == [Talk(TURNS, "images/red.png")]
    assert (taken.rows, taken.times, taken.problems) == (200, 200, [])


def test_every_bad_row_has_its_sentence_and_the_good_one_is_kept(folder: Path) -> None:
    bad = {
        "llava_token_missing": row("images/red.png", "What?", "Red."),
        "llava_token_without_picture": row(None, "<image>\nWhat?", "Red."),
        "llava_token_misplaced": row("images/red.png", "<image>\nWhat?", "Red <image>."),
        "llava_turns": row("images/red.png", "<image>\nWhat?"),
        "llava_empty": row("images/red.png", "<image>", "Red."),
        "llava_no_conversations": {"image": "images/red.png"},
        "llava_one_picture": row(["a.png", "b.png"], *GOOD),
        "picture_awaited": row("images/none.png", *GOOD),
        "picture_outside": row("../red.png", *GOOD),
        "picture_unreadable": row("bad.png", *GOOD),
    }
    (folder / "bad.png").write_bytes(b"bad")
    taken, _ = take(folder, written(folder.parent, row("images/red.png", *GOOD), *bad.values()))
    assert taken.talks == [Talk(TURNS, "images/red.png")]
    assert told(taken)[1:] == [("unique_data.json", number, code) for number, code in enumerate(bad, 2)]


@pytest.mark.parametrize("image", ["/etc/passwd", "C:\\photos\\red.png", "images/../../red.png", "..\\red.png"])
def test_no_row_reaches_a_file_outside(folder: Path, image: str) -> None:
    taken, _ = take(folder, written(folder.parent, row(image, *GOOD)))
    assert told(taken) == [("unique_data.json", 1, "picture_outside")] and not taken.talks


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png("black"))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    taken, _ = take(folder)
    assert told(taken) == [("link.png", 0, "picture_outside")] and len(taken.pictures) == 2


@pytest.mark.parametrize(
    "image", ["images/red.png", "red.png", "./images/RED.png", "data/images/red.png", "images\\red.png", " red.png "]
)
def test_a_picture_is_found_by_what_people_call_it(folder: Path, image: str) -> None:
    taken, _ = take(folder, written(folder.parent, row(image, *GOOD)))
    assert [talk.image for talk in taken.talks] == ["images/red.png"]


def test_two_pictures_of_one_name_are_not_guessed_at(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "red.png").write_bytes(png("orange"))
    taken, _ = take(folder, written(folder.parent, row("red.png", *GOOD), row("more/red.png", *GOOD)))
    assert told(taken) == [("unique_data.json", 1, "picture_twice")]
    assert [talk.image for talk in taken.talks] == ["images/more/red.png"]


def test_rows_wait_for_pictures_that_come_later(folder: Path) -> None:
    first, _ = take(written(folder.parent, row("images/red.png", *GOOD)))
    assert not first.talks and [each.row for each in first.waiting] == [1]
    second, _ = take(folder / "images" / "red.png", waiting=first.waiting)
    assert [talk.turns for talk in second.talks] == [TURNS] and not second.waiting and not second.problems


def test_rows_find_pictures_that_are_there_already(folder: Path) -> None:
    there = {"images/red.png": Kept("holiday/red.png", "mark")}
    taken, _ = take(written(folder.parent, row("holiday/red.png", *GOOD)), there=there)
    assert taken.talks == [Talk(TURNS, "images/red.png")] and not taken.pictures


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "file,caption\nimages/red.png,A red square.\n蓝.png,蓝色的方块。\nnone.png,?\nred.png,\n"),
        ("a.tsv", "图片\t描述\nimages/red.png\tA red square.\n蓝.png\t蓝色的方块。\nnone.png\t?\nred.png\t\n"),
        ("a.csv", "id;text;file_name\n1;A red square.;red.png\n2;蓝色的方块。;蓝.png\n3;?;none.png\n4;;red.png\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_a_table_of_files_and_captions_becomes_talk(folder: Path, name: str, text: str, encoding: str) -> None:
    (folder.parent / name).write_bytes(text.encode(encoding))
    taken, _ = take(folder, folder.parent / name)
    assert [(talk.image, talk.turns[1]) for talk in taken.talks] == [
        ("images/red.png", "A red square."),
        ("images/蓝.png", "蓝色的方块。"),
    ]
    assert [talk.turns[0].isascii() for talk in taken.talks] == [True, False], "asked in the caption's language"
    assert told(taken) == [(name, 4, "picture_awaited"), (name, 5, "gather_no_caption")]


def test_a_table_without_a_heading_may_have_questions(folder: Path) -> None:
    (folder.parent / "a.csv").write_text("red.png,What?,Red.\n蓝.png,Which?,Blue.\n", encoding="utf-8")
    taken, _ = take(folder, folder.parent / "a.csv")
    assert [talk.turns for talk in taken.talks] == [("What?", "Red."), ("Which?", "Blue.")]


def test_a_sheet_of_excel_becomes_talk(folder: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for line in (("文件名", "问题", "回答"), ("red.png", "什么颜色？", "红色。")):
        book.active.append(line)
    book.save(folder.parent / "a.xlsx")
    taken, _ = take(folder, folder.parent / "a.xlsx")
    assert [talk.turns for talk in taken.talks] == [("什么颜色？", "红色。")]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", "who,what\nx,y\n", "gather_columns"),
        ("a.csv", "", "gather_list"),
        ("a.json", "{", "gather_list"),
        ("a.json", '{"images": []}', "gather_list"),
        ("a.json", "[" * 100_000, "gather_list"),
        ("a.json", "[]", "gather_list"),
        ("a.xlsx", "no sheet", "import_sheet_broken"),
        ("a.json", b"\xff\xfe\x00\xd8\x81\x30", "gather_list"),
    ],
)
def test_a_list_of_another_kind_is_named(folder: Path, name: str, content: str | bytes, code: str) -> None:
    (folder.parent / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    taken, _ = take(folder, folder.parent / name)
    assert [each[0] for each in told(taken)] == [name] and len(taken.pictures) == 2
    assert told(taken)[0][2] == code


def test_json_lines_and_rows_of_captions_are_read_line_by_line(folder: Path) -> None:
    lines = [json.dumps(row("red.png", *GOOD)), "{broken", json.dumps({"image": "蓝.png", "caption": "A blue one."})]
    (folder.parent / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    taken, _ = take(folder, folder.parent / "a.jsonl")
    assert [talk.turns[1] for talk in taken.talks] == ["Red.", "A blue one."]
    assert told(taken) == [("a.jsonl", 2, "gather_line")]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    assert [code for _, _, code in told(take(tmp_path / "none.png")[0])] == ["gather_missing"]


def test_a_full_disk_ends_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeping.shutil, "copyfile", full)
    with pytest.raises(UserError) as caught:
        take(folder)
    assert caught.value.code == "disk_full"


def test_formats_that_run_programs_are_never_opened(folder: Path) -> None:
    (folder / "a.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert told(take(folder)[0]) == [("a.eps", 0, "picture_unreadable")]
    assert "EPS" not in pictures.FORMATS
