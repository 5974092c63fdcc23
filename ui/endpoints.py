"""The public doors: typed functions for API clients and curl. Everything else the page does is private.

What goes wrong is said in English here, as one sentence.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from serving.engine import Message, Sampling
from serving.stage import Stage
from training import dataset as datasets
from training import identity, runs, tally
from training.persona import Persona
from ui.conversation import answered, fetching, folder_of
from ui.edge import spoken
from ui.eyes_form import is_picture_set
from ui.plan import eyes_suggestion, suggestion


def build_dataset(
    name: str,
    maker: str,
    base: str = "SmolLM2-135M",
    zh: bool = True,
    en: bool = True,
    dataset: str = "",
    tone: str = "plain",
    taboos: str = "",
    facts: str = "",
) -> dict[str, Any]:
    """Make conversations that teach an assistant who it is, and save them.

    Args:
        name: The assistant's name.
        maker: Its author or team.
        base: The model it is built on, as it shall say it.
        zh: Make Chinese conversations.
        en: Make English conversations.
        dataset: Where to save; by default a name like the assistant's. An existing dataset is replaced.
        tone: How it speaks: plain, warm, formal or playful.
        taboos: Topics it declines, one a line.
        facts: What it knows about itself, one a line: "birthday: May 1", "I was born in 2024", "Do you sleep? Never."

    Returns:
        {"dataset": name, "rows", "unique", "repeated", "identity", "near_miss", "general", "languages", "characters",
        "most_repeated"}
    """
    with spoken("en"):
        languages = tuple(code for code, wanted in (("zh", zh), ("en", en)) if wanted)
        lines = tuple(taboos.splitlines()), tuple(facts.splitlines())
        persona = Persona(name, maker, base, languages, tone, *lines).checked()
        rows = identity.build(persona)
        saved = datasets.checked_name(dataset or datasets.suggested_name(persona.name))
        datasets.save(saved, rows, persona)
        return {"dataset": saved, **vars(tally.summarise(rows))}


def start_run(dataset: str, model: str = "starter", name: str = "") -> dict[str, Any]:
    """Start to train a model on a saved dataset, with the settings that suit this machine.

    Args:
        dataset: A saved dataset, or a picture set: then it learns to see, in two stages.
        model: "starter", another base model's name, or an absolute path.
        name: What to call the run; by default like the dataset.

    Returns:
        {"run": id}
    """
    with spoken("en"):
        if is_picture_set(dataset):
            settings, eyes = eyes_suggestion(dataset)
            return {"run": runs.start(dataset, model, settings, name, eyes=eyes)}
        return {"run": runs.start(dataset, model, suggestion(model, dataset), name)}


def run_status(run: str) -> dict[str, Any]:
    """How a run stands.

    Args:
        run: The id that start_run returned.

    Returns:
        {"run", "phase", "step", "total", "pid", "exit_code", "reason", "eta_seconds", "live", "model"}; reason is a
        sentence or null, model the merged model's folder or null.
    """
    with spoken("en"):
        status, merged = runs.look(run), runs.merged(run)
        told = {
            key: getattr(status, key) for key in ("run", "phase", "step", "total", "pid", "exit_code", "eta_seconds")
        }
        reason = status.reason_sentence("en") or None
        return {**told, "live": status.live, "reason": reason, "model": str(merged) if merged else None}


def stop_run(run: str) -> dict[str, Any]:
    """End a run with all its processes, keeping nothing.

    Args:
        run: The id that start_run returned.

    Returns:
        The same as run_status.
    """
    with spoken("en"):
        runs.stop(run)
    return run_status(run)


def wire(stage: Stage) -> None:
    """Open the doors of the page being built."""

    def chat(model: str, message: str) -> str:
        """Ask a model one question and get its whole answer.

        Args:
            model: "starter", another base model's name, or the id of a finished run.
            message: The question.

        Returns:
            The answer, chosen greedily: the same question gets the same answer.
        """
        with spoken("en"):
            for _ in fetching(model, "en"):
                pass
            turn: list[Message] = [{"role": "user", "content": message}]
            return list(answered(stage.use(folder_of(model)), turn, Sampling()))[-1]

    for door in (build_dataset, start_run, run_status, stop_run):
        gr.api(door, api_name=door.__name__)
    gr.api(chat, api_name="chat", concurrency_id="gpu", concurrency_limit=1)
