"""Why one exam answer is wrong, as a short code, or "" when it is right. Pure text, no torch.

An identity sentence is one that gives the assistant's name or maker *as an identity*: "我是小明", "made by Ada",
"Hamlet was written by Robin". A name that is also a word (明 in 发明, Sunny in "a sunny day") is none.
Width, script and the kind of hyphen or apostrophe do not matter: what is marked is the plain form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

from training.persona import Persona
from training.questions import Question
from training.seeds import seeds
from training.sentences import LANGUAGES

_ALIKE = str.maketrans({**dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"), "\u2018": "'", "\u2019": "'"})
_LETTER = "[0-9A-Za-z\u00c0-\u04ff]"
_LATIN = re.compile("[A-Za-z\u00c0-\u04ff]")
_WIDE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_NUMERAL = "[零一二两三四五六七八九十百千万]"

_QUOTE = "[「『“\"'《*\\s]*"
_CHINESE_BEFORE = "我是|我叫|我就是|我的名字是|我的名字叫|名字叫|名字是|名字:|叫做|叫作|名叫|称呼我|叫我|助手[,:]?"
_ENGLISH_SELF = r"\b(?:I am|I'm|my name is|call me)"
"""After these a name is one in any case; after the others as it is written: "It is called echo"."""
_ENGLISH_BEFORE = r"\b(?:name is|called|named|assistant,?|is|was|are|by)"
_CHINESE_VERB = "是|叫|(?<!因)为|由"
"""Before these a name is one only where it also ends: 是小米写的 and not 是小米饭."""
_PARTICLE = "呀啊哦呢啦吧哟嘛"
_ENDS = f"(?=$|[\\W_]|[是的由在{_PARTICLE}]|开发|[写画做造](?:[的了成出]|\\W|$)|提出|发[明现]|创[造立作办]|训练)"
_SEQUEL = "是的由把被给用开创做造写画训研制打设提发基家团公和与跟在来为就也很随能可希谢内"
_FOLLOWS = f"(?![^\\W_A-Za-z0-9{_SEQUEL}{_PARTICLE}])"
"""What may follow a Chinese name that ends there: 张三开发了我, but not 张三丰."""
_MAKING = "开发|创造|训练|制作|研发|打造|设计|做"
_MADE = "made|created|built|developed|trained|designed|programmed|invented|put together"

_DENIED = re.compile(
    r"(?:不是|不叫|并非)(?:(?!是|叫)[^。.!?,;]){0,8}$|(?:\bnot|n't)\b(?:(?!\bbut\b)[^。.!?,;]){0,24}$", re.IGNORECASE
)
_NOT = re.compile(r"(?:不是|(?:\bnot|n't)\s)(?:an? |the )?$", re.IGNORECASE)
"""The same right before a word: "not a star", but not "I do not like the winter"."""
_ONLY_ASKED = re.compile(r"(?:^|(?<=[。.!?,;\n]))(?:(?!我|\b(?:I|my|me)\b)[^。.!?,;\n])*\?", re.IGNORECASE)
"""A question that does not speak of the assistant: "Who is Robin?" tells nothing."""
_NO = re.compile(
    r"\W*(?:(?:当然|哦|嗯|哈哈|嘿嘿|抱歉|对不起|of course|oh|sorry|haha|certainly|absolutely|actually|well)\W*)?"
    r"(?:不(?!错|客气|是吗|知道|清楚|好意思)|没有(?!错|问题)|没(?=[啊呀哦]?(?:\W|$))|否|并非|我[并可真]?不[是算]"
    r"|no\b(?! (?:problem|doubt|worries))|(?:nope|nah|not|never|I(?: am|'m) not|I do(?: not|n't) think)\b)",
    re.IGNORECASE,
)
_YES = re.compile(
    rf"\W*(?:是的|是(?=\W|$|[你{_PARTICLE}])|算是|对(?![于此不])|当然|没错|嗯"
    r"|(?:yes|yep|yeah|sure|of course|indeed|that's right|absolutely|certainly|exactly)\b)",
    re.IGNORECASE,
)
_PROGRAM = re.compile(r"程序|人工智能|机器人|\b(?:AI|program|robot|machine)\b")


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """The text at half width, in simplified characters, with one kind of hyphen and of apostrophe."""
    text = unicodedata.normalize("NFKC", text).translate(_ALIKE)
    return str(_simplifier().convert(text)) if _WIDE.search(text) else text


@cache
def _simplifier() -> Any:
    from opencc import OpenCC  # its tables take a moment

    return OpenCC("t2s")


def says_name(answer: str, persona: Persona) -> bool:
    """Whether the answer gives the name; a single character or an everyday word only where a name stands."""
    return _gives(answer, plain(persona.name), _naming(persona))


def says_maker(answer: str, persona: Persona) -> bool:
    """Whether the answer gives the maker; a single character or an everyday word only where a maker stands."""
    return _gives(answer, plain(persona.maker), _making(persona))


def _gives(answer: str, name: str, where_it_stands: re.Pattern[str]) -> bool:
    alone = rf"^\W*({_name(name)})(?=\W*(?:$|[。.!,]))"
    anywhere = () if _everyday(name) else (_name(name),)
    told = plain(answer)
    told = told if "?" in name else _ONLY_ASKED.sub("", told)
    return _affirms((where_it_stands, alone, *anywhere), told)


def _affirms(patterns: Iterable[str | re.Pattern[str]], text: str, denied: re.Pattern[str] = _DENIED) -> bool:
    """Whether one of the patterns (its group, where it has some) stands in the text and is not denied there."""
    found = (match for pattern in patterns for match in re.finditer(pattern, text))
    return any(not denied.search(text[: match.start(match.lastindex or 0)]) for match in found)


def has_identity_sentence(answer: str, persona: Persona, base_answer: str = "") -> bool:
    """Whether the answer says who the assistant is, and the base model's answer to the same question does not."""
    told, names = plain(answer), (plain(persona.name), plain(persona.maker))
    found = (
        _naming(persona).search(told)
        or _making(persona).search(told)
        or all(not _everyday(name) and re.search(_name(name, whole=False), told) for name in names)
    )
    return bool(found) and not (base_answer and has_identity_sentence(base_answer, persona))


@lru_cache(maxsize=8)
def _naming(persona: Persona) -> re.Pattern[str]:
    name = plain(persona.name)
    # Between the verb and the name there may be the maker: 我是张三的小助手小明, I am Ada's assistant Robin.
    maker = _word(plain(persona.maker))
    between = f"{_QUOTE}(?:{maker}\\s*(?:的|'s)?\\s*(?:小?助手[,:]?|assistant,?)?)?{_QUOTE}"
    # A single character must also end there, or be followed by what may follow a name: 我是明 but not 是明天.
    last = f"(?=$|[\\W_]|[是由在{_PARTICLE}])" if len(name) == 1 and _WIDE.match(name) else ""
    ends = last or (_ENDS if _WIDE.match(name[-1]) else "")
    return re.compile(
        f"(?:{_CHINESE_BEFORE}|(?i:{_ENGLISH_SELF})){between}({_name(name, not _everyday(name))}{last})"
        f"|(?i:{_ENGLISH_BEFORE}){between}({_name(name)}{last})"
        f"|(?:{_CHINESE_VERB}){between}({_name(name)}{ends})"
    )


@lru_cache(maxsize=8)
def _making(persona: Persona) -> re.Pattern[str]:
    name = plain(persona.maker)
    maker = f"({_name(name)})"
    own = f"({_name(name, not _everyday(name))})"
    return re.compile(
        f"{maker}\\s*(?:的|开发的|创造的|做的|训练的)小?助手|{maker}'s assistant"
        f"|(?:由|是|被){_QUOTE}{maker}{_QUOTE}[^,。]{{0,8}}(?:{_MAKING})"
        f"|{maker}(?:把我|[^,。]{{0,10}}(?:{_MAKING})[了出]*我)|(?:开发者|创造者|作者|主人)(?:是|叫|为){_QUOTE}{maker}"
        f"|(?i:(?:{_MADE}|written|founded|painted) by|assistant of) {_QUOTE}{own}|{own} (?i:(?:{_MADE}) me)\\b"
        f"|(?i:maker|creator|developer|author) is {_QUOTE}{own}"
    )


def _name(name: str, any_case: bool = False, whole: bool = True) -> str:
    """A pattern of a name, if `whole` not as the beginning of a longer Chinese word; one capitalised word is looked for
    as it is written, and not where another follows (Robin Hood).
    """
    chinese = _WIDE.match(name[-1]) and len(name) > 1
    follows = (_FOLLOWS if whole else "") if chinese else r"(?!\s+(?-i:[A-Z][a-z]))"
    return _word(name, any_case or " " in name or name == name.lower()) + follows


def _word(text: str, any_case: bool = True) -> str:
    """A pattern of the whole word: letters, digits and Chinese numerals do not go on before or after it."""
    if re.fullmatch(f"{_NUMERAL}+", text):
        return f"(?<!{_NUMERAL}){text}(?!{_NUMERAL})"
    before = f"(?<!{_LETTER})(?<!\\d\\.)" if re.match(_LETTER, text) else ""
    after = f"(?!{_LETTER}|\\.\\d)" if re.match(_LETTER, text[-1]) else ""
    word = re.escape(text)
    return before + (f"(?i:{word})" if any_case and len(text) > 1 else word) + after


@lru_cache(maxsize=64)
def _everyday(name: str) -> bool:
    """Whether it is found in many words (明), or is a word itself (Will, 天天), as our own general texts show."""
    word = _word(name.lower(), any_case=False)
    general = [text for language in LANGUAGES for text in seeds("own", language).values()]
    general += [text for each in LANGUAGES for item in seeds("general", each)["training"] for text in item["turns"]]
    return len(name) == 1 or any(re.search(word, text) for text in general)


def fault(question: Question, answer: str, base_answer: str, persona: Persona, seen: set[str]) -> str:
    """Why the answer is wrong: no_name, no_maker, no_base, no_fact, parrot, untrue, empty, loops, language, off_topic,
    repeated.

    `seen`: the general answers given before. "" when it is right.
    """
    if not answer:
        return "empty"
    if question.forbid_name and has_identity_sentence(answer, persona, base_answer):
        return "parrot"
    if loops(answer):
        return "loops"
    if question.kind == "identity":
        return _identity_fault(question, answer, persona)
    if question.kind == "near_miss":
        return "" if _is_true(question, answer, persona) else "untrue"
    if not _right_language(question, answer, base_answer):
        return "language"
    if question.any_of and not _mentions(answer, question.any_of, _NOT):
        return "off_topic"
    return "repeated" if answer in seen else ""


def _identity_fault(question: Question, answer: str, persona: Persona) -> str:
    if question.expect_name and not says_name(answer, persona):
        return "no_name"
    if question.expect_maker and not says_maker(answer, persona):
        return "no_maker"
    if question.any_of and not _mentions(answer, question.any_of):
        return "no_base" if question.any_of == (persona.base,) else "no_fact"
    return ""


def _mentions(answer: str, words: Iterable[str], denied: re.Pattern[str] = _DENIED) -> bool:
    return _affirms([_word(plain(word)) for word in words], plain(answer), denied)


def _is_true(question: Question, answer: str, persona: Persona) -> bool:
    told = plain(answer)
    if _affirms([f"(?i:{pattern})" for pattern in question.none_of], told):
        return False
    if question.yes is None:
        return not question.any_of or _affirms([f"(?i:{pattern})" for pattern in question.any_of], told)
    no = _NO.match(told) is not None
    if no or _YES.match(told):
        return no != question.yes
    # Who says neither may say who it is instead, and that it is a program where the answer is no.
    program = not question.yes and _PROGRAM.search(told) is not None
    return program or says_name(answer, persona) or says_maker(answer, persona)


def loops(text: str) -> bool:
    """Whether the text repeats itself: one run of 4 to 24 characters three times, one after the other or nearly."""
    flat = re.sub(r"\s+", " ", text)
    return re.search(r"(.{4,24}?)(?:.{0,3}\1){2}", flat, re.DOTALL) is not None


def _right_language(question: Question, answer: str, base_answer: str) -> bool:
    wanted = _is_chinese(answer) == (question.language == "zh")
    # A question whose answer is a number, or a foreign word ("bye"), has no language of its own.
    short = len(_LATIN.findall(answer)) + len(_WIDE.findall(answer)) < 6
    foreign = question.language == "zh" and any(_LATIN.match(word) for word in question.any_of)
    return wanted or short or foreign or (bool(base_answer) and _is_chinese(answer) == _is_chinese(base_answer))


def _is_chinese(text: str) -> bool:
    # A Chinese character says about as much as four letters.
    return 4 * len(_WIDE.findall(text)) > len(_LATIN.findall(text))
