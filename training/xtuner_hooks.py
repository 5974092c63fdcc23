"""What a run changes in XTuner's training loop: stopping at a step, with everything kept; stopping by itself once the
exam is passed; sample answers only once.

Imported by the training process only (it needs mmengine).
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import broadcast, is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from xtuner.engine.hooks import EvaluateChatHook

from training import exam as examined
from training.exam import recommendation
from training.xtuner import STOP_FILE


@HOOKS.register_module()
class AutoStopHook(Hook):
    """Asks the training to stop once two checkpoints in a row have passed their quick exam.

    The training waits meanwhile: on two cores both at once would take longer than one after the other. An exam that
    fails, or cannot be sat (DeepSpeed's checkpoints), stops nothing.
    """

    priority = "LOWEST"  # the checkpoint is saved first

    def __init__(self, every_n_iters: int) -> None:
        self.every = every_n_iters

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Let the new checkpoint sit its exam; the last one sits it anyway, after the training."""
        last = runner.iter + 1 >= runner.max_iters
        if not is_main_process() or last or not self.every_n_train_iters(runner, self.every):
            return
        run = Path(runner.work_dir).parent
        done = subprocess.run(examined.command_of_step(run, runner.iter + 1))
        if done.returncode:
            runner.logger.warning(f"The exam of this checkpoint failed (exit code {done.returncode}).")
        elif recommendation.learned(examined.load(run)):
            runner.logger.info("Two exams in a row were passed: the training has reached its aim.")
            (Path(runner.work_dir) / STOP_FILE).touch()


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
