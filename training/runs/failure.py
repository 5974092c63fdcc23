"""Why a run failed, in words, from an exit code and the end of the log. (What only the curve shows: divergence.py.)

A table of signatures; each names what happened, and what a button may change in the recipe before it resumes.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from training.recipe import Recipe
from training.runs import ranks

Remedy = dict[str, Any]
"""Fields of the recipe with the values that may help."""


@dataclass(frozen=True)
class Failure:
    """What happened, and what a button may do about it."""

    code: str
    """Its sentence is reason.<code>."""
    details: dict[str, Any] = field(default_factory=dict)
    """What the sentence tells."""
    remedy: Remedy | None = None
    """Changes of the recipe to resume with; None when only a person can help."""

    @property
    def reason(self) -> dict[str, Any]:
        """As status.json keeps it."""
        return {"reason": self.code, **self.details}


def explain(exit_code: int, log: str, recipe: Recipe | None, path: str = "") -> Failure:
    """Why a process of a run ended with this code, its log being at `path`.

    `recipe`: what it trained by; None of a process that trained nothing, which no other recipe would help.
    """
    log = log[log.rfind("\n$ ") + 1 :]  # what an earlier process said is not its fault
    found = [_explain(rank.exit_code, rank.log, recipe, path) for rank in ranks.failed(log)]
    # Who lost the others, or was told to end, did so because one of them had failed.
    first_hand = [failure for failure in found if failure.code not in ("communication", "trainer_ended")]
    return next(iter(first_hand or found), None) or _explain(exit_code, log, recipe, path)


def _explain(exit_code: int, log: str, recipe: Recipe | None, path: str) -> Failure:
    told = {"line": last_meaningful_line(log), "exit_code": exit_code, "log": path}
    if exit_code < 0 and -exit_code not in (signal.SIGABRT, signal.SIGBUS):
        return _killed(-exit_code, recipe, told)
    found = _match(log, recipe)
    if found:
        return Failure(found.code, {**told, **found.details}, found.remedy)
    if exit_code < 0:
        return _killed(-exit_code, recipe, told)
    return Failure("trainer_crashed", {**told, "lines": last_meaningful_lines(log)})


def _killed(number: int, recipe: Recipe | None, told: dict[str, Any]) -> Failure:
    name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
    if number == signal.SIGKILL:
        code = "memory_killed" if recipe else "work_killed"
        return Failure(code, {**told, "signal": name}, smaller(recipe) if recipe else None)
    if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        return Failure("trainer_ended", {**told, "signal": name})
    return Failure("trainer_killed", {**told, "signal": name})


def last_words(log: str, path: str) -> Failure:
    """Why a whole run is gone without a word: what its log says, as far as it says something."""
    found = _match(log[log.rfind("\n$ ") + 1 :], None)
    told = {"line": last_meaningful_line(log), "log": path}
    # Its own recipe is not at hand here, and the process may have died of something else than what the log tells last.
    return Failure("disk_full", told) if found and found.code == "disk_full" else Failure("process_gone", told)


def smaller(recipe: Recipe) -> Remedy | None:
    """The next recipe that needs less memory and learns the same as far as possible: a smaller batch first."""
    if recipe.batch_size > 1:
        half = recipe.batch_size // 2
        if recipe.batch_size % 2 == 0:
            return {"batch_size": half, "accumulation": 2 * recipe.accumulation}
        return {"batch_size": 1, "accumulation": recipe.batch_size * recipe.accumulation}
    if not recipe.activation_checkpointing:
        return {"activation_checkpointing": True}
    if recipe.max_length >= 256:
        return {"max_length": recipe.max_length // 2}
    return {"method": "lora"} if recipe.method == "full" else None


def _smaller_on_gpu(recipe: Recipe) -> Remedy | None:
    changes = smaller(recipe)
    if changes and ("batch_size" in changes or "activation_checkpointing" in changes):
        return changes
    return {"method": "qlora"} if recipe.method == "lora" and recipe.precision != "fp32" else changes


def _without_bitsandbytes(recipe: Recipe) -> Remedy | None:
    return {"method": "lora"} if recipe.method == "qlora" else None


def slower(recipe: Recipe) -> Remedy:
    """The recipe that is less likely to blow up."""
    return {"learning_rate": recipe.learning_rate / 2}


@dataclass(frozen=True)
class _Signature:
    code: str
    pattern: re.Pattern[str]
    last_line_only: bool = False
    """Look at the last exception alone: the words are common elsewhere in a log."""
    remedy: Callable[[Recipe], Remedy | None] = lambda _: None


def _signature(code: str, *patterns: str, last: bool = False, remedy: Any = lambda _: None) -> _Signature:
    return _Signature(code, re.compile("|".join(patterns), re.MULTILINE), last, remedy)


_TABLE = (
    _signature(
        "cuda_out_of_memory",
        r"CUDA out of memory|CUDA error: out of memory|OutOfMemoryError",
        r"CU(DNN|BLAS)_STATUS_(ALLOC_FAILED|NOT_INITIALIZED)",
        remedy=_smaller_on_gpu,
    ),
    _signature(
        "disk_full",
        r"No space left on device|Disk quota exceeded|\[Errno (28|122)\]|PytorchStreamWriter failed writing file",
        r"enforce fail at inline_container|unexpected pos \d+ vs",
    ),
    _signature(
        "memory_full",
        r"DefaultCPUAllocator: (can't|not enough)|^MemoryError",
        r"Cannot allocate memory|Unable to allocate [\d.]+ [KMGT]iB",
        remedy=smaller,
    ),
    _signature(
        "driver_too_old",
        r"NVIDIA driver on your system is too old|CUDA driver version is insufficient",
        r"forward compatibility was attempted",
    ),
    _signature("gpu_too_old", r"no kernel image is available for execution"),
    _signature(
        "gpu_missing",
        r"Torch not compiled with CUDA enabled|No CUDA GPUs are available",
        r"Found no NVIDIA driver|invalid device ordinal",
    ),
    _signature(
        "bitsandbytes_missing",
        r"No module named 'bitsandbytes'|No package metadata was found for (The 'bitsandbytes'|bitsandbytes)",
        r"[Uu]sing `?bitsandbytes`? .*requires|bitsandbytes.*(not installed|library load error)",
        r"(requires|Please install) bitsandbytes ?>=|^\s*CUDA Setup failed despite GPU being available",
        r"libbitsandbytes_\w+\.so: cannot open shared object file|Could not find the bitsandbytes CUDA binary",
        remedy=_without_bitsandbytes,
    ),
    _signature("port_in_use", r"EADDRINUSE|[Aa]ddress already in use|errno: 98"),
    _signature(
        "communication",
        r"NCCL error|nccl(Internal|System|UnhandledCuda|Remote)Error|DistBackendError|Watchdog caught collective",
        r"[Gg]loo\b.*(fail|error|timed? ?out|closed|refused|reset)",
        r"RendezvousTimeoutError|Timed out after .* waiting for (clients|workers)|DistStoreError: Socket Timeout",
        r"client socket has timed out after \d+ ?ms while trying to connect",
    ),
    _signature(
        "file_missing",
        r"^(?:builtins\.)?FileNotFoundError: (?:\[Errno 2\] No such file or directory: )?'?(?P<path>[^']*)'?",
        r"^OSError: .*(does not appear to have a file named|no file named)",
        last=True,
    ),
    _signature("module_missing", r"^ModuleNotFoundError: No module named '(?P<module>[^']*)'", last=True),
    _signature(
        "template_unusable",
        r"PROMPT_TEMPLATE|[Tt]okenizer|chat_template|ConfigDict.* has no attribute|sentencepiece|vocab",
        last=True,
    ),
    _signature(
        "rows_unusable",
        r"JSONDecodeError|pyarrow\.|ArrowInvalid|DatasetGeneration(Cast)?Error|CastError|num_samples=0",
        r"^KeyError: '(messages|role|content|conversation|input|output)'|num_samples should be a positive",
        last=True,
    ),
)


def _match(log: str, recipe: Recipe | None) -> Failure | None:
    last = last_meaningful_line(log)
    for row in _TABLE:
        found = row.pattern.search(last if row.last_line_only else log)
        if found:
            details = {name: value for name, value in found.groupdict().items() if value}
            if row.code == "file_missing":
                details.setdefault("path", last)
            return Failure(row.code, details, row.remedy(recipe) if recipe else None)
    return None


_NOISE = re.compile(r"^\s*(File \"|Traceback|\^+\s*$|~|During handling|The above exception|warnings?\.warn|-+$|=+$|$)")
_RANK = re.compile(r"^\[(?:rank)?\d+\]:\s?")
_ERROR = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt|Exit)\b.*|.*\b(?:CUDA error|Killed)\b.*")
_SECOND_HAND = re.compile(r"ChildFailedError|CalledProcessError|SignalException")


def last_meaningful_line(log: str) -> str:
    """The line a person would look for: the last exception, else the last line that says something."""
    return last_meaningful_lines(log, 1)[-1]


def last_meaningful_lines(log: str, count: int = 3) -> list[str]:
    """The last exceptions, else the last lines that say something; never none."""
    told = (_RANK.sub("", line) for line in log.splitlines())
    lines = [line.strip() for line in told if not _NOISE.match(line)]
    errors = [line for line in lines if _ERROR.match(line)]
    first_hand = [line for line in errors if not _SECOND_HAND.search(line)]
    return [line[:300] for line in (first_hand or errors or lines or [""])[-count:]]
