"""Talk to a model in the terminal: `python -m serving chat DIR`.

python -m serving chat starter
python -m serving chat workspace/runs/RUN/merged --once "Who are you?" --json
python -m serving chat workspace/runs/RUN/merged --image cat.png --once "What is it?"
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path

from hub import terminal
from serving.engine import Message, Sampling
from serving.process import ModelProcess
from training import models
from training.errors import UserError
from training.eyes import pictures
from training.sentences import LANGUAGES

DEFAULT = Sampling()


def main(argv: Sequence[str] | None = None, start: Callable[[Path], ModelProcess] = ModelProcess) -> int:
    """Run the command; the exit code is 0 only if every answer came."""
    options = _options(argv)
    if options.home:
        os.environ["STUDIO_HOME"] = options.home
    terminal.begun()
    sampling = Sampling(**{field.name: getattr(options, field.name) for field in fields(Sampling)})
    system: list[Message] = [{"role": "system", "content": options.system}] if options.system else []
    try:
        for problem in sampling.problems():
            raise problem
        folder = _folder(options.model)
        images = [_picture(path, folder) for path in options.image]
        model = start(folder)
        try:
            model.ready()
            if options.once is None:
                _talk(model, system, images, sampling, options.language)
            else:
                _answer_once(model, [*system, _asked(options.once, images)], sampling, options.json)
        finally:
            model.close()
    except UserError as error:
        sentence = error.sentence(options.language)
        print(sentence, file=sys.stderr)
        if options.json:
            print(json.dumps({"ok": False, "error": error.code, "message": sentence}, ensure_ascii=False))
        return 1
    return 0


def _folder(model: str) -> Path:
    """What the user means by DIR; the starter model is fetched when it is not there yet."""
    if model == models.STARTER:
        return models.starter.ensure(lambda stage, done: print(f"{stage} {done:.0%}", file=sys.stderr))
    path = Path(model).expanduser()
    return models.folder(path.absolute() if path.is_dir() else model)


def _picture(path: str, folder: Path) -> str:
    """The file of a picture that the model in `folder` can be shown.

    Raises UserError (model_without_eyes, picture_nowhere, picture_unreadable, picture_huge, picture_animated).
    """
    if not models.has_eyes(folder):
        raise UserError("model_without_eyes", model=folder.name)
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise UserError("picture_nowhere", path=path)
    pictures.look(file)
    return str(file)


def _asked(question: str, images: list[str]) -> Message:
    asked: Message = {"role": "user", "content": question}
    return {**asked, "images": images} if images else asked


def _answer_once(model: ModelProcess, messages: list[Message], sampling: Sampling, as_json: bool) -> None:
    pieces = model.stream(messages, sampling)
    if not as_json:
        _show(pieces)
        return
    result = {"ok": True, "answer": "".join(pieces), "model": str(model.folder)}
    print(json.dumps(result, ensure_ascii=False))


def _talk(model: ModelProcess, system: list[Message], images: list[str], sampling: Sampling, language: str) -> None:
    """A conversation until /exit, the end of the input, or Ctrl-C at the prompt; Ctrl-C elsewhere ends the answer.

    `images`: for the first question.
    """
    with suppress(ImportError):
        import readline  # noqa: F401  (editing and history for input)
    print("/clear forgets the conversation, /exit leaves, Ctrl-C stops an answer.", file=sys.stderr)
    if models.has_eyes(model.folder):
        print("/image PATH shows it a picture with the next question.", file=sys.stderr)
    messages = list(system)
    while True:
        try:
            question = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            return
        if question == "/exit":
            return
        if question == "/clear":
            messages, images = list(system), []
        elif question == "/image" or question.startswith("/image "):
            try:
                images = [*images, _picture(question.removeprefix("/image").strip(), model.folder)]
            except UserError as error:
                print(error.sentence(language), file=sys.stderr)
        elif question:
            messages.append(_asked(question, images))
            images = []
            try:
                messages.append({"role": "assistant", "content": _show(model.stream(messages, sampling))})
            except UserError as error:
                print(error.sentence(language), file=sys.stderr)
                messages.pop()


def _show(pieces: Generator[str, None, None]) -> str:
    """Print the pieces as they come; what was printed."""
    shown = ""
    with closing(pieces), suppress(KeyboardInterrupt):
        for piece in pieces:
            print(piece, end="", flush=True)
            shown += piece
    print()
    return shown


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving", description="Talk to a model folder.")
    chat = parser.add_subparsers(required=True, metavar="COMMAND").add_parser("chat", help="talk to a model folder")
    chat.add_argument(
        "model",
        type=terminal.filled,
        metavar="DIR",
        help="a model folder, the name of one in HOME/models, or 'starter'",
    )
    chat.add_argument(
        "--image",
        metavar="PATH",
        action="append",
        default=[],
        help="a picture for the (first) question; several may be",
    )
    chat.add_argument("--system", default="", help="a system prompt for the whole conversation")
    chat.add_argument("--temperature", type=float, default=DEFAULT.temperature, help="0 (default) is always the same")
    chat.add_argument("--top-p", type=float, default=DEFAULT.top_p)
    chat.add_argument("--max-tokens", type=int, default=DEFAULT.max_tokens, help="where an answer is cut (default 256)")
    chat.add_argument("--repetition-penalty", type=float, default=DEFAULT.repetition_penalty)
    chat.add_argument("--seed", type=int, default=None)
    chat.add_argument("--once", metavar="QUESTION", help="print one answer and exit")
    chat.add_argument("--json", action="store_true", help="with --once: one JSON object as the last line")
    chat.add_argument("--language", choices=LANGUAGES, default="en", help="of the sentences (en)")
    place = "the studio's folder (default: STUDIO_HOME, or workspace/ beside this package)"
    chat.add_argument("--home", type=terminal.filled, help=place)
    options = parser.parse_args(argv)
    if options.json and options.once is None:
        parser.error("--json needs --once")
    return options
