from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from training import xtuner, xtuner_config, xtuner_tool
from training.home import ROOT
from training.recipe import Recipe

MODEL, ROWS = Path("/models/tiny"), Path("/data.json")
BNB, SPEED = "bitsandbytes", "deepspeed"


@pytest.mark.parametrize(
    "recipe, gone",
    [
        (Recipe(), [BNB, SPEED]),
        (Recipe(method="full", processes=2), [BNB, SPEED]),
        (Recipe(method="qlora"), [SPEED]),
        (Recipe(deepspeed="zero2", processes=2), [BNB]),
        (Recipe(method="qlora", deepspeed="zero3"), []),
    ],
)
def test_a_run_does_without_the_packages_that_it_does_not_use(recipe: Recipe, gone: list[str], tmp_path: Path) -> None:
    config = tmp_path / "config.py"
    config.write_text(xtuner_config.render(recipe, MODEL, ROWS, "cuda"))
    command = xtuner.train(config, tmp_path / "work", recipe)
    tool = command.index("training.xtuner_tool")
    assert command[tool + 1] == "xtuner.tools.train" and xtuner_tool.unused(command[tool + 2 :]) == gone


@pytest.mark.parametrize(
    "line, gone",
    [
        ("optimizer = dict(type='PagedAdamW32bit')", [SPEED]),
        ("optimizer = dict(type='Lion')", [SPEED]),
        ("optimizer = dict(type='FusedAdam')", [BNB]),
        ("strategy = dict(type='DeepSpeedStrategy')", [BNB]),
        ("_base_ = 'other.py'", []),
        ("with read_base():\n    from .other import *", []),
    ],
)
def test_a_config_of_the_users_own_has_what_it_names_or_may_stand_on(
    line: str, gone: list[str], tmp_path: Path
) -> None:
    (tmp_path / "config.py").write_text(line)
    assert xtuner_tool.unused([str(tmp_path / "config.py"), "--work-dir", "work"]) == gone


def test_checkpoints_of_deepspeed_are_put_together_by_its_own_code(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text("lr = 1")
    (tmp_path / "iter_2.pth").mkdir()
    assert xtuner_tool.unused([str(tmp_path / "config.py"), str(tmp_path / "iter_2.pth"), "adapter"]) == [BNB]


def test_the_tool_gets_its_arguments_and_finds_the_packages_missing(tmp_path: Path) -> None:
    (tmp_path / "tool.py").write_text(
        "import sys\nfrom importlib.util import find_spec\n"
        "assert __name__ == '__main__' and find_spec('bitsandbytes') is None\n"
        "try:\n    import deepspeed\nexcept ImportError:\n    print(sys.argv[1:])\n"
    )
    command = [sys.executable, "-m", "training.xtuner_tool", "tool", "a b", "--c"]
    done = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['a b', '--c']"
