"""What a run changes in XTuner's training loop: stopping at a step, with everything kept; sample answers only once.

Imported by the training process only (it needs mmengine).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.dist import broadcast, is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from xtuner.engine.hooks import EvaluateChatHook

from training.xtuner import STOP_FILE


@HOOKS.register_module()
class StopAndKeepHook(Hook):
    """Ends training after the current step, with a checkpoint, when the stop file is there."""

    priority = "LOWEST"  # the curve and the sample answers of this step are written first

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Look for the stop file after every step; all processes of the training decide alike."""
        wanted = torch.tensor(int(is_main_process() and (Path(runner.work_dir) / STOP_FILE).exists()))
        if torch.distributed.is_initialized() and torch.distributed.get_backend() == "nccl":
            wanted = wanted.cuda()
        broadcast(wanted, 0)
        if not wanted.item():
            return
        runner.logger.info(f"Stop and keep: step {runner.iter + 1} is the last one.")
        for hook in runner.hooks:
            if isinstance(hook, CheckpointHook):
                hook._save_checkpoint(runner)  # mmengine offers no public way to say "now"
        runner.train_loop.stop_training = True


@HOOKS.register_module()
class SampleAnswersHook(EvaluateChatHook):
    """XTuner's sample answers, without those after training: the last step's, just given, are the same."""

    def after_train(self, runner: Runner) -> None:
        """Ask nothing."""
