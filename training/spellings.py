"""Other spellings of a true answer: a date, or a number with its unit, as people usually write them. Pure text."""

from __future__ import annotations

import re

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_DIGITS = "零一二三四五六七八九"
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBER = "\\d{1,2}|[二三四五六七八九]?十[一二三四五六七八九]?|[一二三四五六七八九]"
_CHINESE_DATE = re.compile(rf"(?:(\d{{4}}) ?年 ?)?({_NUMBER}) ?月(?: ?({_NUMBER}) ?[日号號])?")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_ENGLISH_DATE = re.compile(
    rf"(?:on |in )?(?:{_MONTH}(?: (?P<day>\d{{1,2}})(?:st|nd|rd|th)?)?|(?P<first>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? "
    rf"{_MONTH.replace('month', 'last')})(?:,? (?P<year>\d{{4}}))?"
)
_AGE = re.compile(rf"({_NUMBER})(岁)|(\d{{1,2}}|{'|'.join(_WORDS)}) ((?:year|month|week|day)s?)")


def spellings(text: str) -> tuple[str, ...]:
    """The text itself first, then how else the same date or age is written."""
    date = _date(text)
    others = _dates(*date) if date else _ages(text)
    return tuple(dict.fromkeys((text, *others)))


def _date(text: str) -> tuple[str, int, int] | None:
    """Year ("" if none), month and day (0 if none)."""
    chinese, english = _CHINESE_DATE.fullmatch(text), _ENGLISH_DATE.fullmatch(text)
    if chinese:
        return chinese[1] or "", _number(chinese[2]), _number(chinese[3] or "0")
    if english:
        month = _MONTHS.index(english["month"] or english["last"]) + 1
        return english["year"] or "", month, int(english["day"] or english["first"] or 0)
    return None


def _dates(year: str, month: int, day: int) -> list[str]:
    if not 1 <= month <= 12:
        return []
    name, before = _MONTHS[month - 1], f"{year}年" if year else ""
    if not day:
        return [f"{before}{month}月", f"{before}{_chinese(month)}月", f"{name} {year}".strip()]
    chinese = [f"{m}月{d}{end}" for m, d in ((month, day), (_chinese(month), _chinese(day))) for end in "日号"]
    chinese += [f"{month} 月 {day} {end}" for end in "日号"]
    nth = f"{day}{_ending(day)}"
    english = [f"{name} {day}", f"{day} {name}", f"{name} {nth}", f"{nth} {name}", f"{nth} of {name}"]
    # A year that was typed is not asked for again: the day is the answer.
    return chinese + english


def _ages(text: str) -> list[str]:
    age = _AGE.fullmatch(text)
    if not age:
        return []
    if age[2]:
        number = _number(age[1])
        return [f"{number}岁", f"{number} 岁", f"{_chinese(number)}岁", *(["两岁"] if number == 2 else [])]
    number = int(age[3]) if age[3].isdigit() else _WORDS.index(age[3])
    unit, said = age[4], [str(number), *([_WORDS[number]] if number < len(_WORDS) else [])]
    return [f"{each}{gap}{form}" for each in said for gap, form in ((" ", unit), ("-", unit.rstrip("s")))]


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    return (10 * (_DIGITS.index(tens[0]) if tens else 1) if ten else 0) + (_DIGITS.index(ones[0]) if ones else 0)


def _chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    return ("" if not tens else "十" if tens == 1 else f"{_DIGITS[tens]}十") + (
        _DIGITS[ones] if ones or not tens else ""
    )


def _ending(day: int) -> str:
    return "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
