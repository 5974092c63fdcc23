from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.engine import Sampling
from serving.process import ModelProcess
from tests.serving.puppets import FAKE, ask, wait_until
from training.errors import UserError
from training.home import ROOT, home
from training.process import start_mark

Maker = Callable[..., ModelProcess]


def answer(process: ModelProcess, question: str, sampling: Sampling | None = None) -> str:
    return "".join(process.stream(ask(question), sampling or Sampling()))


def gone(pid: int) -> bool:
    return start_mark(pid) is None


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        call()
    assert caught.value.sentence("zh") and caught.value.sentence("en")
    return caught.value.code


def test_the_pieces_come_in_order_and_one_by_one(puppet: Maker) -> None:
    pieces = [piece for piece in puppet().stream(ask("count"), Sampling(max_tokens=100)) if piece]
    assert pieces == [str(number) for number in range(1, 101)]


def test_half_a_token_is_refused_before_the_worker_stumbles_over_it(puppet: Maker) -> None:
    assert code_of(lambda: answer(puppet(), "?", Sampling(max_tokens=100.5))) == "sampling_out_of_range"  # type: ignore[arg-type]


def test_text_of_any_kind_arrives_unchanged(puppet: Maker) -> None:
    text = '我是\u2028"小明"\n🚀\r\n\x00{}'
    assert answer(puppet(), text) == text


def test_what_libraries_print_does_not_reach_the_answer(puppet: Maker) -> None:
    assert answer(puppet(), "print") == "clean"
    assert "a C library prints" in (home() / "chat.log").read_text()


def test_closing_the_iterator_stops_the_answer_and_the_next_one_is_clean(puppet: Maker) -> None:
    process = puppet()
    pieces = process.stream(ask("forever"), Sampling())
    assert any(piece == "." for piece in pieces)
    pid = process.pid
    started = time.monotonic()
    pieces.close()
    assert answer(process, "how many were left?") == "1"
    assert time.monotonic() - started < 2
    assert process.pid == pid


def test_conversations_of_two_threads_wait_for_each_other(puppet: Maker) -> None:
    process = puppet()
    answers: list[str] = []
    talk = [
        threading.Thread(target=lambda: answers.append(answer(process, "count", Sampling(max_tokens=200))))
        for _ in range(4)
    ]
    for thread in talk:
        thread.start()
    for thread in talk:
        thread.join(20)
    assert answers == ["".join(str(number) for number in range(1, 201))] * 4


def test_whoever_came_first_is_answered_first(puppet: Maker) -> None:
    process, answered = puppet(), list[str]()
    first = process.stream(ask("forever"), Sampling())
    next(piece for piece in first if piece)
    talk = []
    for number in map(str, range(8)):
        talk.append(threading.Thread(target=lambda number=number: answered.append(answer(process, number))))
        talk[-1].start()
        wait_until(lambda: len(process._line) == len(talk) + 1)
    first.close()
    for thread in talk:
        thread.join(20)
    assert answered == [*map(str, range(8))]


def test_a_caller_can_leave_while_it_waits_for_its_turn(puppet: Maker) -> None:
    process = puppet()
    first = process.stream(ask("forever"), Sampling())
    next(first)
    second = process.stream(ask("count"), Sampling())
    assert next(second) == ""
    second.close()
    first.close()
    assert answer(process, "hello") == "hello"


def test_an_iterator_may_wander_between_threads(puppet: Maker) -> None:
    process = puppet()
    pieces = process.stream(ask("count"), Sampling(max_tokens=3))
    next(pieces)
    thread = threading.Thread(target=pieces.close)
    thread.start()
    thread.join(10)
    assert answer(process, "hello") == "hello"


def test_a_worker_killed_in_the_middle_is_told_and_the_next_question_starts_a_new_one(puppet: Maker) -> None:
    process = puppet()
    pieces = process.stream(ask("forever"), Sampling())
    assert any(piece == "." for piece in pieces)
    first = process.pid
    assert first
    os.kill(first, signal.SIGKILL)
    with pytest.raises(UserError) as caught:
        for _ in pieces:
            pass
    assert caught.value.code == "chat_process_died"
    assert caught.value.details["reason"] == "SIGKILL"
    assert gone(first)
    assert answer(process, "hello") == "hello"
    assert process.pid not in (None, first)


def test_a_worker_that_dies_by_itself_is_told_with_its_last_words(puppet: Maker) -> None:
    process = puppet()
    with pytest.raises(UserError, match="the last words"):
        answer(process, "die")


def test_a_worker_that_died_between_two_questions_is_replaced_in_silence(puppet: Maker) -> None:
    process = puppet()
    process.ready()
    pid = process.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: process.pid is None)
    assert answer(process, "hello") == "hello"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("incomplete", "model_without_chat_template"),
        ("broken", "model_failed_to_load"),
        ("memory", "out_of_memory"),
        ("killed", "out_of_memory"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_told_why(puppet: Maker, how: str, code: str) -> None:
    process = puppet(how)
    assert code_of(process.ready) == code
    assert code_of(lambda: answer(process, "hello")) == code


def test_the_reason_for_a_failed_load_is_in_the_sentence(puppet: Maker) -> None:
    with pytest.raises(UserError, match="OSError: header too large"):
        puppet("broken").ready()


def test_a_worker_that_cannot_even_start_is_told(puppet: Maker) -> None:
    process = ModelProcess(Path("puppet"), [sys.executable, "-c", "raise SystemExit('no such thing')"])
    with pytest.raises(UserError, match="no such thing"):
        process.ready()
    process.close()


def test_a_model_that_never_gets_ready_is_given_up(puppet: Maker) -> None:
    process = puppet("never", load_within=0.5)
    pid = process.pid
    assert pid
    assert code_of(process.ready) == "model_load_too_slow"
    assert gone(pid)


def test_a_worker_that_falls_silent_is_given_up(puppet: Maker) -> None:
    process = puppet(silence=1)
    assert code_of(lambda: answer(process, "hang")) == "chat_process_silent"
    assert answer(process, "hello") == "hello"


def test_errors_of_one_answer_leave_the_model_loaded(puppet: Maker) -> None:
    process = puppet()
    assert code_of(lambda: answer(process, "too long")) == "message_too_long"
    pid = process.pid
    with pytest.raises(UserError, match=r"ValueError: first line\."):
        answer(process, "break")
    assert code_of(lambda: answer(process, "x", Sampling(temperature=-1))) == "sampling_out_of_range"
    assert answer(process, "hello") == "hello"
    assert process.pid == pid


@pytest.mark.parametrize("how", ["", "never", "stubborn"])
def test_close_ends_the_process_in_every_state_and_may_be_called_twice(puppet: Maker, how: str) -> None:
    process = puppet(how, grace=0.3)
    pid = process.pid
    assert pid
    if how != "never":
        process.ready()
    process.close()
    assert gone(pid)
    process.close()
    assert code_of(process.ready) == "model_released"
    assert code_of(lambda: answer(process, "hello")) == "model_released"


def test_who_is_being_answered_while_the_model_is_closed_is_told(puppet: Maker) -> None:
    process = puppet()
    pieces = process.stream(ask("forever"), Sampling())
    assert any(piece == "." for piece in pieces)
    process.close()
    assert code_of(lambda: list(pieces)) == "model_released"


PARENT = """
import sys
from pathlib import Path
from serving.engine import Sampling
from serving.process import ModelProcess
process = ModelProcess(Path("puppet"), sys.argv[2:])
pieces = process.stream([{"role": "user", "content": "forever"}], Sampling())
print(process.pid, next(piece for piece in pieces if piece == "."), flush=True)
if sys.argv[1] == "wait":
    for piece in pieces:
        pass
"""


def parent(what: str) -> tuple[subprocess.Popen[str], int]:
    """A process with a model that is answering, and the worker's pid."""
    command = [sys.executable, "-c", PARENT, what, sys.executable, str(FAKE), "puppet"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert process.stdout
    return process, int(process.stdout.readline().split()[0])


def test_the_worker_ends_with_a_parent_that_is_killed() -> None:
    process, worker = parent("wait")
    with process:
        assert not gone(worker)
        process.kill()
    wait_until(lambda: gone(worker))


def test_the_worker_ends_with_a_parent_that_forgets_to_close() -> None:
    process, worker = parent("end")
    with process:
        assert process.wait(20) == 0
    assert gone(worker)


def test_the_worker_knows_no_secrets_and_works_from_any_folder(
    puppet: Maker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = ("HF_TOKEN", "OPENXLAB_AK", "OPENXLAB_SK", "STUDIO_PASSWORD", "some_secret", "API_KEY")
    for name in secrets:
        monkeypatch.setenv(name, "very secret")
    monkeypatch.setenv("KEPT", "yes")
    monkeypatch.chdir(tmp_path)
    process = puppet()
    told = json.loads(answer(process, "environment"))
    assert told["KEPT"] == "yes"
    assert not set(secrets) & set(told)
    if sys.platform == "linux":
        assert b"very secret" not in Path(f"/proc/{process.pid}/environ").read_bytes()


def test_the_log_is_started_anew_when_it_has_grown_long(puppet: Maker) -> None:
    log = home() / "chat.log"
    log.write_text("x" * 2_000_000)
    puppet().ready()
    assert log.stat().st_size < 1000


def test_the_log_is_started_anew_while_a_worker_lives_too(puppet: Maker) -> None:
    process, log = puppet(), home() / "chat.log"
    process.ready()
    with log.open("a") as grown:
        grown.write("x" * 2_000_000)
    with pytest.raises(UserError) as caught:
        answer(process, "break")
    assert caught.value.code == "chat_failed"
    assert log.stat().st_size < 10_000 and log.read_text().startswith("Traceback")


def test_the_parent_never_imports_torch_or_gradio() -> None:
    look = (
        "import sys, serving.stage, serving.command_line; print([m for m in ('torch', 'gradio') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
