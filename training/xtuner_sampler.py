"""The order of the training rows: rows of like length share a step, and the steps come in random order.

Imported by the training process only (it needs XTuner).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from mmengine.registry import DATA_SAMPLERS
from xtuner.dataset.samplers import LengthGroupedSampler


@DATA_SAMPLERS.register_module()
class ShuffledLengthGroupedSampler(LengthGroupedSampler):
    """XTuner's sampler of rows of like length, without its order from the longest to the shortest.

    That order makes a quarter of a small epoch end in its shortest rows, and what a model hears last it says most.
    """

    def __init__(
        self, dataset: Any, per_device_batch_size: int, seed: int | None = None, length_property: str = "length"
    ) -> None:
        if length_property == "length":
            # datasets >= 4 gives a column as an object of its own, and XTuner insists on a list.
            dataset.length = list(dataset.length)
        super().__init__(dataset, per_device_batch_size, length_property, seed=seed)
        self.step_size = per_device_batch_size

    def __iter__(self) -> Iterator[int]:
        """The rows of this process; all processes take their steps in the same order, so lengths stay alike."""
        rows = list(super().__iter__())
        steps = [rows[start : start + self.step_size] for start in range(0, len(rows), self.step_size)]
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        return (row for step in torch.randperm(len(steps), generator=generator).tolist() for row in steps[step])
