"""The trainings of a run in their order: one, or two where it learns to see (projector first, then all of it).

Iterations of a run count on through both: those of the second stage come after all of the first one's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import recipe as recipes
from training import xtuner_config
from training.eyes import eyes_recipe, run_data
from training.files import write_text
from training.merge import whole_checkpoints
from training.recipe import Recipe


@dataclass(frozen=True)
class Stage:
    """One training of XTuner's."""

    phase: str
    """pretraining or training."""
    folder: Path
    """Where its config.py and its work/ are."""
    recipe: Recipe
    before: int = 0
    """Iterations of the stage before."""

    @property
    def config(self) -> Path:
        return self.folder / "config.py"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def end(self) -> int:
        """The run's iteration of its last checkpoint."""
        return self.before + self.recipe.iterations

    def checkpoints(self) -> dict[int, Path]:
        """Its whole checkpoints by the run's iteration."""
        return {self.before + iteration: path for iteration, path in whole_checkpoints(self.work).items()}

    def own(self, point: int) -> int:
        """A run's iteration as one of this stage's."""
        return min(max(0, point - self.before), self.recipe.iterations)


def of(folder: Path, spec: Mapping[str, Any]) -> tuple[Stage, ...]:
    """The stages of the run in `folder`."""
    recipe = recipes.from_dict(spec["recipe"])
    if not spec.get("eyes"):
        return (Stage("training", folder, recipe),)
    eyes = eyes_recipe.from_dict(spec["eyes"])
    if not eyes.pretrain_steps:
        return (Stage("training", folder, recipe),)
    first = eyes_recipe.first_stage(recipe, eyes)
    return (
        Stage("pretraining", folder / run_data.FIRST, first),
        Stage("training", folder, recipe, before=first.iterations),
    )


def checkpoints(folder: Path, spec: Mapping[str, Any]) -> dict[int, Path]:
    """All whole checkpoints of a run, by its iterations."""
    return {point: path for stage in of(folder, spec) for point, path in stage.checkpoints().items()}


def said(folder: Path, spec: Mapping[str, Any], point: int) -> tuple[str, int]:
    """The phase whose training a run's iteration belongs to, and the step there."""
    stage = next((each for each in of(folder, spec) if point <= each.end), of(folder, spec)[-1])
    return stage.phase, stage.own(point) // stage.recipe.accumulation


def write_configs(folder: Path, spec: Mapping[str, Any]) -> None:
    """Write what XTuner reads of each stage. Raises UserError (disk_full, not_writable)."""
    for stage in of(folder, spec):
        stage.work.mkdir(parents=True, exist_ok=True)
        write_text(stage.config, rendered(stage, folder, spec))


def rendered(stage: Stage, folder: Path, spec: Mapping[str, Any]) -> str:
    """The config of a stage, as XTuner reads it."""
    if spec.get("eyes"):
        return run_data.rendered(stage.recipe, folder, spec, stage.phase == "pretraining")
    return xtuner_config.render(stage.recipe, Path(spec["model_folder"]), folder / "data.json", spec["device"])
