"""Command lines of XTuner's tools. One of the two rooms that know its dialect (the other: xtuner_config.py).

`xtuner train` itself always exits 0 and takes `python` from PATH, so a run starts the modules behind it
with this interpreter; the plain line it equals is shown to the user.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from training.home import ROOT
from training.process import CALM
from training.recipe import Recipe

STOP_FILE = "stop_and_keep"
"""The training ends after the step at hand when this file is in its work folder."""
_TOOL = ("-m", "training.xtuner_tool")
PORT = 29500
"""Where the processes of several machines meet unless the recipe says otherwise: torchrun's own choice."""


def train(config: Path, work_dir: Path, recipe: Recipe, resume: Path | None = None) -> list[str]:
    """The command that trains, on the first machine. Its exit code is true."""
    tool = [*_TOOL, "xtuner.tools.train", *_train_arguments(config, work_dir, recipe, resume)]
    if not recipe.distributed:
        return [sys.executable, *tool]
    # DeepSpeed without torchrun goes looking for MPI, for one process too.
    return [sys.executable, "-m", "torch.distributed.run", *_meeting(recipe), *tool, "--launcher", "pytorch"]


def _meeting(recipe: Recipe) -> list[str]:
    processes = f"--nproc_per_node={recipe.processes}"
    if recipe.nodes == 1 and not recipe.port:
        # A free port, and no question for this machine's name, which a container often cannot answer.
        return ["--standalone", "--local_addr=127.0.0.1", processes]
    place = [f"--master_addr={recipe.address}", f"--master_port={meeting_port(recipe)}"]
    return [f"--nnodes={recipe.nodes}", "--node_rank=0", processes, *place]


def meeting_port(recipe: Recipe) -> int:
    """The port through which the processes of several machines meet; 0: it is looked for when they start."""
    return recipe.port or (PORT if recipe.nodes > 1 else 0)


def plain_train(config: Path, work_dir: Path, recipe: Recipe, resume: Path | None = None) -> str:
    """The same for a terminal, as the course writes it: a line for each machine, and one for Slurm."""
    arguments = _train_arguments(config, work_dir, recipe, resume)
    line = shlex.join(["xtuner", "train", *arguments])
    numbers = ",".join(map(str, recipe.gpus))
    chosen = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": numbers} if recipe.gpus else {}
    if recipe.nodes * recipe.processes == 1:
        if recipe.deepspeed != "none":  # for one process `xtuner train` asks no torchrun, and DeepSpeed then wants MPI
            tool = ["-m", "xtuner.tools.train", *arguments, "--launcher", "pytorch"]
            line = shlex.join(["torchrun", *_meeting(recipe), *tool])
        return _with(chosen, line)
    here = {**chosen, "NPROC_PER_NODE": recipe.processes}
    if recipe.nodes == 1:
        return _with({**here, **({"PORT": recipe.port} if recipe.port else {})}, line)
    meeting = {**here, "ADDR": recipe.address, "PORT": meeting_port(recipe)}
    lines = [_with({"NNODES": recipe.nodes, "NODE_RANK": rank, **meeting}, line) for rank in range(recipe.nodes)]
    tasks = f"--ntasks={recipe.nodes * recipe.processes} --ntasks-per-node={recipe.processes}"
    slurm = f"srun -p PARTITION --gres=gpu:{recipe.processes} {tasks} --kill-on-bad-exit=1 {line} --launcher slurm"
    return "\n".join([*lines, f"# Slurm: {slurm}"])


def other_machines(config: Path, work_dir: Path, recipe: Recipe, resume: Path | None = None) -> list[str]:
    """The line for each machine but this one."""
    return plain_train(config, work_dir, recipe, resume).splitlines()[1 : recipe.nodes]


def _with(variables: Mapping[str, object], line: str) -> str:
    return " ".join([*(f"{name}={shlex.quote(str(value))}" for name, value in variables.items()), line])


def convert(config: Path, checkpoint: Path, adapter: Path) -> list[str]:
    """The command that turns a checkpoint into a Hugging Face adapter (or, for full, into a model folder)."""
    tool = "xtuner.tools.model_converters.pth_to_hf"
    return [sys.executable, *_TOOL, tool, str(config), str(checkpoint), str(adapter), "--fp32", "--safe-serialization"]


def merge(model: Path, adapter: Path, merged: Path) -> list[str]:
    """The command that adds an adapter to the base weights (in fp16, as safetensors)."""
    # Always on the CPU: it takes seconds there, and whoever chats on the GPU keeps his memory.
    options = ["--safe-serialization", "--device", "cpu"]
    paths = [str(model), str(adapter), str(merged)]
    return [sys.executable, *_TOOL, "xtuner.tools.model_converters.merge", *paths, *options]


def checkpoints(work_dir: Path) -> dict[int, Path]:
    """The checkpoints in a work folder by their iteration, in order."""
    found = {}
    for path in work_dir.glob("iter_*.pth"):
        iteration = path.stem.removeprefix("iter_")
        if iteration.isdigit():
            found[int(iteration)] = path
    return dict(sorted(found.items()))


def environment(run_folder: Path) -> dict[str, str]:
    """Variables for XTuner's processes: no network, no stranger's secrets, caches inside the run."""
    kept = {name: value for name, value in os.environ.items() if not _secret(name)}
    return {
        **CALM,
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(ROOT)))),
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(run_folder / "work" / "datasets_cache"),
        "TOKENIZERS_PARALLELISM": "false",
    }


def devices(recipe: Recipe, device: str) -> dict[str, str]:
    """Variables that tell the training which devices are its own."""
    if device == "cpu":
        return {"DS_ACCELERATOR": "cpu"}
    chosen = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, recipe.gpus))} if recipe.gpus else {}
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **chosen}  # the driver's order


def _train_arguments(config: Path, work_dir: Path, recipe: Recipe, resume: Path | None) -> list[str]:
    arguments = [str(config), "--work-dir", str(work_dir)]
    if recipe.deepspeed != "none":
        arguments += ["--deepspeed", f"deepspeed_{recipe.deepspeed}"]
    return [*arguments, "--resume", str(resume)] if resume else arguments


def _secret(name: str) -> bool:
    return name.upper().endswith(("TOKEN", "SECRET", "PASSWORD", "_AK", "_SK", "_KEY"))
