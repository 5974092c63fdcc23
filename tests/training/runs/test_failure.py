from __future__ import annotations

import math
from dataclasses import replace

import pytest

from training.recipe import Recipe
from training.runs.divergence import gone_wrong
from training.runs.failure import explain, last_meaningful_line, last_words, smaller
from training.runs.progress import Point
from training.sentences import sentence

GPU = Recipe(method="qlora", precision="bf16", batch_size=4, accumulation=2)
BEFORE = '\n$ python -m xtuner.tools.train config.py\nTraceback (most recent call last):\n  File "x.py", line 1\n'

SEEN = [
    (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8 GiB",
        "cuda_out_of_memory",
        {"batch_size": 2, "accumulation": 4},
    ),
    (
        "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuda_out_of_memory",
        {"batch_size": 2, "accumulation": 4},
    ),
    ("RuntimeError: [enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory",
     "memory_full", {"batch_size": 2, "accumulation": 4}),
    ("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 12.0 GiB for an array", "memory_full",
     {"batch_size": 2, "accumulation": 4}),
    ("OSError: [Errno 28] No space left on device: '/x/iter_20.pth'", "disk_full", None),
    ("RuntimeError: [enforce fail at inline_container.cc:664] . unexpected pos 576 vs 470", "disk_full", None),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/x/model.safetensors'", "file_missing", None),
    ("FileNotFoundError: Unable to find '/x/data.json'", "file_missing", None),
    ("datasets.exceptions.DatasetGenerationError: An error occurred while generating the dataset", "rows_unusable",
     None),
    ("ValueError: num_samples should be a positive integer value, but got num_samples=0", "rows_unusable", None),
    ("KeyError: 'messages'", "rows_unusable", None),
    ("AttributeError: 'ConfigDict' object has no attribute 'no_such_chat'", "template_unusable", None),
    ("ValueError: Couldn't instantiate the backend tokenizer from one of: (1) a `tokenizers` library file",
     "template_unusable", None),
    ("RuntimeError: The server socket has failed to listen on any local network address. port: 29500, useIpv6: 0, "
     "code: -98, name: EADDRINUSE, message: address already in use", "port_in_use", None),
    ("RuntimeError: The NVIDIA driver on your system is too old (found version 11040).", "driver_too_old", None),
    ("RuntimeError: CUDA error: no kernel image is available for execution on the device", "gpu_too_old", None),
    ("RuntimeError: No CUDA GPUs are available", "gpu_missing", None),
    ("importlib.metadata.PackageNotFoundError: No package metadata was found for bitsandbytes", "bitsandbytes_missing",
     {"method": "lora"}),
    ("ImportError: Using `bitsandbytes` 4-bit quantization requires the latest version of bitsandbytes",
     "bitsandbytes_missing", {"method": "lora"}),
    ("torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:3356, unhandled cuda error",
     "communication", None),
    ("RuntimeError: Gloo connectFullMesh failed with [transport/tcp/pair.cc:144] no error", "communication", None),
    ("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 22.00 MiB. GPU 0 has a total capacity of "
     "23.65 GiB of which 11.06 MiB is free. Including non-PyTorch memory, this process has 23.60 GiB memory in use.",
     "cuda_out_of_memory", {"batch_size": 2, "accumulation": 4}),
    ("RuntimeError: CUDA out of memory. Tried to allocate 12.50 MiB (GPU 0; 10.92 GiB total capacity; 8.57 MiB already "
     "allocated; 9.28 GiB free; 4.68 MiB cached)", "cuda_out_of_memory", {"batch_size": 2, "accumulation": 4}),
    ("AssertionError: \nThe NVIDIA driver on your system is too old (found version 9000).\nPlease update your GPU "
     "driver by downloading and installing a new\nversion from the URL: http://www.nvidia.com/Download/index.aspx",
     "driver_too_old", None),
    ("torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. The "
     "server socket has failed to bind to [::]:29500 (errno: 98 - Address already in use).", "port_in_use", None),
    ("ImportError: Using `bitsandbytes` 8-bit quantization requires Accelerate: `pip install accelerate` and the "
     "latest version of bitsandbytes: `pip install -i https://pypi.org/simple/ bitsandbytes`", "bitsandbytes_missing",
     {"method": "lora"}),
    ("ImportError: Please install bitsandbytes>=0.44.0 via `pip install bitsandbytes>=0.44.0` to use bitsandbytes "
     "quantizer.", "bitsandbytes_missing", {"method": "lora"}),
    ("ValueError: 4 bit quantization requires bitsandbytes>=0.39.0 - please upgrade your bitsandbytes version",
     "bitsandbytes_missing", {"method": "lora"}),
    ("RuntimeError: \n        CUDA Setup failed despite GPU being available. Please run the following command to get "
     "more information:\n\n        python -m bitsandbytes\n", "bitsandbytes_missing", {"method": "lora"}),
    ("Could not load bitsandbytes native library: /x/libbitsandbytes_cpu.so: cannot open shared object file: No such "
     "file or directory", "bitsandbytes_missing", {"method": "lora"}),
    ("[rank0]:[E1206 18:44:12.715298746 ProcessGroupNCCL.cpp:607] [Rank 0] Watchdog caught collective operation "
     "timeout: WorkNCCL(SeqNum=7753, OpType=_REDUCE_SCATTER_BASE, Timeout(ms)=600000) ran for 600061 milliseconds "
     "before timing out.", "communication", None),
    ("terminate called after throwing an instance of 'c10::DistBackendError'\n  what():  [PG 3 Rank 5] Process group "
     "watchdog thread terminated with exception: [Rank 5] Watchdog caught collective operation timeout: "
     "WorkNCCL(SeqNum=9141, OpType=_ALLGATHER_BASE, Timeout(ms)=600000) ran for 600020 milliseconds before timing out.",
     "communication", None),
    ("torch.distributed.DistNetworkError: The client socket has timed out after 600000ms while trying to connect to "
     "(172.17.0.9, 46229).", "communication", None),
    ("torch.distributed.DistStoreError: Timed out after 6 seconds waiting for workers. 1/2 workers joined.",
     "communication", None),
    ("torch.distributed.DistStoreError: Socket Timeout", "communication", None),
    ("ModuleNotFoundError: No module named 'mpi4py'", "module_missing", None),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code", "remedy"), SEEN, ids=[f"{code}-{at}" for at, (_, code, _) in enumerate(SEEN)])
def test_what_went_wrong_is_told_by_the_end_of_the_log(line: str, code: str, remedy: dict[str, object] | None) -> None:
    found = explain(1, f"{BEFORE}{line}\n", GPU, "/x/run.log")
    assert (found.code, found.remedy) == (code, remedy)
    for language in ("zh", "en"):
        said = sentence(f"reason.{code}", language, **found.details)
        assert "/x/run.log" in said and "{" not in said.replace(line, "")


def test_the_error_of_a_worker_counts_not_that_its_parent_noticed() -> None:
    log = (
        "[rank1]: Traceback (most recent call last):\n[rank1]: RuntimeError: bad luck\n"
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n====\nFailures:\n<NO_OTHER_FAILURES>\n"
    )
    assert last_meaningful_line(log) == "RuntimeError: bad luck"


def test_what_an_earlier_process_said_is_not_the_fault_of_this_one() -> None:
    log = f"{BEFORE}OSError: [Errno 28] No space left on device\n\n$ python -m merge\nValueError: something else\n"
    found = explain(1, log, GPU)
    assert (found.code, found.details["line"]) == ("trainer_crashed", "ValueError: something else")
    assert last_words(log, "/x").code == "process_gone"
    assert last_words(log[: log.index("\n$ python -m merge")], "/x").code == "disk_full"


def test_a_signal_is_not_taken_for_a_crash() -> None:
    assert explain(-9, "loss: 1.0", GPU).code == "memory_killed"
    assert explain(-9, "loss: 1.0", GPU).remedy == {"batch_size": 2, "accumulation": 4}
    assert explain(-15, "", GPU).code == "trainer_ended"
    assert explain(-11, "", GPU).code == "trainer_killed"


@pytest.mark.parametrize(("exit_code", "log"), [(-9, ""), (1, "DefaultCPUAllocator: can't allocate memory")])
def test_no_other_recipe_is_offered_for_what_trained_nothing(exit_code: int, log: str) -> None:
    found = explain(exit_code, log, None, "/x/run.log")
    assert found.remedy is None and found.code in ("work_killed", "memory_full")
    assert all("/x/run.log" in sentence(f"reason.{found.code}", language, **found.details) for language in ("zh", "en"))


def test_what_is_unknown_is_told_with_the_last_lines_and_the_log() -> None:
    log = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    g()\nValueError: new\n\n'
    found = explain(3, log, GPU, "/x/run.log")
    assert found.code == "trainer_crashed"
    assert found.details == {"line": "ValueError: new", "lines": ["ValueError: new"], "exit_code": 3,
                             "log": "/x/run.log"}  # fmt: skip


def test_a_remedy_of_memory_keeps_the_size_of_a_step_as_long_as_it_can() -> None:
    recipe, seen = replace(GPU, batch_size=3, max_length=512), []
    while (changes := smaller(recipe)) and len(seen) < 10:
        seen.append(changes)
        recipe = replace(recipe, **changes)
    assert seen == [
        {"batch_size": 1, "accumulation": 6},
        {"activation_checkpointing": True},
        {"max_length": 256},
        {"max_length": 128},
    ]


def curve(*losses: float) -> list[Point]:
    return [Point(step, loss, 1e-3, 1.0) for step, loss in enumerate(losses, 1)]


def test_a_loss_that_is_no_number_is_noticed_and_dated() -> None:
    assert gone_wrong(curve(2.0, math.nan, 1.9, math.nan, math.nan), Recipe()) is None
    lost = gone_wrong(curve(2.0, math.nan, 1.9, math.nan, math.inf, math.nan), Recipe())
    assert lost and (lost.code, lost.details["step"]) == ("loss_not_a_number", 4)
    assert lost.remedy == {"learning_rate": Recipe().learning_rate / 2}


def test_a_loss_far_above_its_beginning_has_diverged_and_a_small_wobble_has_not() -> None:
    good = [2.0 - 0.05 * step for step in range(38)]
    assert gone_wrong(curve(*good, *[0.6] * 10), Recipe()) is None
    lost = gone_wrong(curve(*good, *[2.5, 4, 6] * 4), Recipe())
    assert lost and (lost.code, lost.details["step"]) == ("loss_diverged", 39)
    for low in ([1.9], [1.9, 5.0]):  # a single good point at its end
        lost = gone_wrong(curve(*[2.0] * 30, *[5.0] * 12, *low), Recipe())
        assert lost and (lost.code, lost.details["step"]) == ("loss_diverged", 31)
    assert gone_wrong(curve(*[0.01] * 30, *[0.5] * 12), Recipe()) is None
    assert gone_wrong(curve(*[2.0] * 40, math.nan, *[1.9] * 4), Recipe()) is None
