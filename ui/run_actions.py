"""What can be done with a run besides stopping it: go on with it, mend it and go on, move it in the queue.

Why something cannot be done stands beside its button. (Starting: starting.py; stopping: stopping.py.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from serving.stage import Stage
from training import runs
from training.errors import UserError
from training.runs import RunStatus, stages
from training.sentences import sentence
from ui.confirm import Confirm, confirm
from ui.edge import PRIVATE, QUIET, info, plain, told
from ui.text import Key, Text
from ui.visibility import HIDDEN, seen


@dataclass(frozen=True)
class RunActions:
    """The components."""

    stage: Stage
    remedy: gr.Button
    resume: gr.Button
    point: gr.Dropdown
    """The checkpoint to go on from; shown when there is a choice."""
    wanted: gr.Textbox
    """What the visitor chose there, which names its run; empty: the newest. Why not the list: ui/exam_panel.py."""
    why_not: gr.Markdown
    released: gr.Markdown
    """That the chat's model has left the memory for this run."""
    sooner: gr.Button
    later: gr.Button
    leave: gr.Button

    @property
    def outputs(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self) if field.name != "stage"]

    def gave_way(self, run: str) -> bool:
        """Whether the chat's model had to leave for this run."""
        return run in self.stage.released_for

    def rendered(self, run: str, status: RunStatus, language: str, wanted: str = "") -> dict[Any, Any]:
        """Updates that offer what can be done with the run as it is now; the `wanted` checkpoint stays chosen."""
        ended = not status.live and status.phase != "done"
        reason = runs.resumable(run) if ended else None
        able = ended and reason is None
        waiting = runs.queued() if status.phase == "queued" else []
        remedy = remedy_said(run, status, language) if able else ""
        points = [*runs.resume_points(run), 0] if able else [0]
        values = ["", *(_named(run, point) for point in points[1:])]
        aimed = points[values.index(wanted)] if wanted in values else points[0]
        gone: dict[str, Any] = {} if wanted in values else {"value": ""}
        released = status.live and status.phase != "queued" and self.gave_way(run)
        return {
            self.remedy: gr.update(value=remedy, visible=seen(remedy)),
            self.resume: gr.update(
                value=resume_said(run, aimed, language) if able else sentence("run.resume", language),
                visible=seen(ended),
                interactive=able,
                variant="secondary" if remedy else "primary",
            ),
            self.point: gr.update(
                choices=[(_point_said(run, point, language), value) for point, value in zip(points, values)],
                visible=seen(len(points) > 1),
                **gone,
            ),
            self.wanted: gr.update(**gone),
            self.released: gr.update(
                value=plain(sentence("run.released", language)) if released else "", visible=seen(released)
            ),
            self.why_not: gr.update(value=plain(reason.sentence(language)) if reason else "", visible=seen(reason)),
            self.sooner: gr.update(visible=seen(run in waiting[1:])),
            self.later: gr.update(visible=seen(run in waiting[:-1])),
            self.leave: gr.update(visible=seen(waiting)),
        }


def run_actions(text: Text, stage: Stage) -> RunActions:
    """Make the buttons here."""
    with gr.Row(elem_classes="actions"):
        made = RunActions(
            stage=stage,
            remedy=gr.Button("", variant="primary", visible=HIDDEN, scale=0, min_width=320),
            resume=gr.Button("", visible=HIDDEN, scale=0, min_width=140),
            point=text.new(
                gr.Dropdown,
                label=Key("run.resume_point"),
                choices=[""],
                value="",
                visible=HIDDEN,
                scale=0,
                min_width=170,
            ),
            wanted=gr.Textbox("", visible=HIDDEN),
            sooner=text.new(gr.Button, value=Key("run.sooner"), size="sm", visible=HIDDEN, scale=0, min_width=110),
            later=text.new(gr.Button, value=Key("run.later"), size="sm", visible=HIDDEN, scale=0, min_width=110),
            leave=text.new(gr.Button, value=Key("run.leave"), size="sm", visible=HIDDEN, scale=0, min_width=150),
            why_not=gr.Markdown(visible=HIDDEN, elem_classes="grow"),
            released=gr.Markdown(visible=HIDDEN, elem_classes="grow"),
        )
    return made


def remedy_said(run: str, status: RunStatus, language: str) -> str:
    """What the button for a failure would change, in words; "" where nothing is known to help."""
    if not status.remedy:
        return ""
    spec = runs.spec(run)
    now = {**spec["recipe"], **spec.get("eyes", {})}
    changes = [
        sentence(
            "run.change",
            language,
            field=sentence(f"train.{field}", language),
            old=value_said(field, now.get(field), language),
            new=value_said(field, value, language),
        )
        for field, value in status.remedy.items()
    ]
    key = "run.remedy" if runs.continues(run, status.remedy) else "run.remedy_anew"
    return sentence(key, language, changes=sentence("app.comma", language).join(changes))


def value_said(field: str, value: Any, language: str) -> str:
    """A setting's value as the form shows it."""
    if isinstance(value, bool):
        return sentence("app.yes" if value else "app.no", language)
    if field in ("method", "deepspeed", "lora_layers") and value:
        return sentence(f"train.{field}_{value}", language)
    if isinstance(value, (list, tuple)):
        return " / ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _named(run: str, point: int) -> str:
    """A checkpoint as a choice: another run's, with as many iterations, is not the one that was chosen."""
    return f"{run}/{point}"


def _aimed(run: str, wanted: str) -> int | None:
    """The iteration of the run that a choice names; None where it names none, or another run's: the newest."""
    chosen, _, point = wanted.rpartition("/")
    return int(point) if chosen == run else None


def resume_said(run: str, point: int, language: str) -> str:
    """What the button to resume from this iteration says."""
    phase, step = _reached(run, point)
    key = "run.resume_from_first" if phase == "pretraining" else "run.resume_from"
    return sentence(key, language, step=step) if step else sentence("run.resume_anew", language)


def _point_said(run: str, point: int, language: str) -> str:
    if not point:
        return resume_said(run, 0, language)
    phase, step = _reached(run, point)
    return sentence("run.resume_step_first" if phase == "pretraining" else "run.resume_step", language, step=step)


def _reached(run: str, iteration: int) -> tuple[str, int]:
    """The training that this iteration of a run belongs to, and the step there."""
    return stages.said(runs.folder(run), runs.spec(run), iteration)


def release(stage: Stage, run: str, language: str) -> None:
    """Give the chat model's memory to the run that has just been started, and say so."""
    if runs.look(run).phase != "queued" and stage.release_for(run):
        info(sentence("run.released", language))


def queueing(text: Text) -> Confirm:
    """The question whether a run shall wait for its turn."""
    return confirm(text, "run.queue_yes", "run.queue_no", loses=False)


def ask_to_queue(question: Confirm, error: UserError, language: str, *subject: Any) -> dict[Any, Any]:
    """Updates that put the question (about `subject`), where the device is taken; any other error goes on as it is."""
    if error.code != "run_active":
        raise error
    other = str(error.details["run"])
    name = runs.spec(other).get("name") or other
    return question.ask(sentence("run.queue_ask", language, run=plain(str(name))), *subject)


def wire(
    text: Text,
    stage: Stage,
    actions: RunActions,
    question: Confirm,
    run: gr.Dropdown,
    looking: list[Any],
    following: Callable[..., dict[Any, Any]],
    outputs: list[Any],
) -> None:
    """Wire the buttons; `following` (run, language, run on the page, *looking) and its `outputs` show the run then."""

    def resume(
        language: str, chosen: str, point: int | None, mended: bool, *seen_now: Any, queue: bool = True
    ) -> dict[Any, Any]:
        changes = runs.look(chosen).remedy if mended else None
        try:
            runs.resume(chosen, point, changes, queue)
        except UserError as error:
            return ask_to_queue(question, error, language, chosen, point, mended)
        release(stage, chosen, language)
        return {**following(chosen, language, *seen_now), **question.hide()}

    @told
    def go_on(language: str, wanted: str, chosen: str, *looked: Any) -> dict[Any, Any]:
        return resume(language, chosen, _aimed(chosen, wanted), False, chosen, *looked, queue=False)

    @told
    def mend(language: str, chosen: str, *looked: Any) -> dict[Any, Any]:
        # A remedy's button says no step: it goes on from the newest.
        return resume(language, chosen, None, True, chosen, *looked, queue=False)

    @told
    def aim(language: str, chosen: str | None, wanted: str) -> Any:
        if not chosen or runs.resumable(chosen):
            return gr.skip()
        point = _aimed(chosen, wanted)
        return gr.update(value=resume_said(chosen, runs.resume_point(chosen) if point is None else point, language))

    @told
    def moved(language: str, by: int, chosen: str, *looked: Any) -> dict[Any, Any]:
        waiting = runs.queued()
        if chosen in waiting:
            runs.reorder(chosen, max(0, waiting.index(chosen) + by))
        return following(chosen, language, chosen, *looked)

    @told
    def leave(language: str, chosen: str, *looked: Any) -> dict[Any, Any]:
        runs.stop(chosen)
        return following(chosen, language, chosen, *looked)

    here, showing = [run, *looking], [*outputs, *question.outputs]
    resuming = [text.language, actions.wanted, *here]
    actions.resume.click(go_on, resuming, showing, trigger_mode="once", **PRIVATE)
    actions.remedy.click(mend, [text.language, *here], showing, trigger_mode="once", **PRIVATE)
    actions.point.input(None, actions.point, actions.wanted, js="point => point", **QUIET)
    actions.wanted.change(aim, [text.language, run, actions.wanted], actions.resume, **QUIET)
    answered = [text.language, question.subject, *here]
    question.yes.click(question.about(resume), answered, showing, trigger_mode="once", **PRIVATE)
    for button, by in ((actions.sooner, -1), (actions.later, 1)):
        button.click(
            lambda said, *seen_now, by=by: moved(said, by, *seen_now), [text.language, *here], outputs, **PRIVATE
        )
    actions.leave.click(leave, [text.language, *here], outputs, **PRIVATE)
