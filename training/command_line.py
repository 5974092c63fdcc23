"""The command line of `python -m training`: which commands there are, and what each can be told."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from hub import terminal
from training import (
    commands,
    config_commands,
    data_commands,
    distill,
    doctor,
    identity,
    model_commands,
    models,
    preset_commands,
    recipe,
)
from training.commands import Answer
from training.eyes import commands as eyes_commands
from training.persona import TONES, Persona
from training.sentences import LANGUAGES


def _who(required: bool) -> argparse.ArgumentParser:
    who = argparse.ArgumentParser(add_help=False)
    who.add_argument("--name", required=required, default="", help="the assistant's own name")
    who.add_argument("--maker", required=required, default="", help="who made it")
    who.add_argument("--base", default="", help=f"what it is built on ({Persona.base}, or the --model of a demo)")
    who.add_argument("--languages", default="zh,en", help="languages of the conversations (zh,en)")
    who.add_argument("--tone", default=Persona.tone, help=f"how it speaks: {', '.join(TONES)} ({Persona.tone})")
    several: dict[str, Any] = {"action": "append", "default": []}
    who.add_argument(
        "--taboo", dest="taboos", metavar="TOPIC", help="a topic it declines; give it once for each", **several
    )
    told = 'what it knows of itself: "birthday: May 1", "I was born in 2024" or "Do you sleep? Never."; once for each'
    who.add_argument("--fact", dest="facts", metavar="FACT", help=told, **several)
    return who


def _how() -> argparse.ArgumentParser:
    how = argparse.ArgumentParser(add_help=False)
    how.add_argument("--model", default=models.STARTER, help="a base model's name or folder (starter)")
    how.add_argument("--method", choices=recipe.METHODS, help="instead of the one that suits this machine")
    how.add_argument("--deepspeed", choices=recipe.DEEPSPEEDS, help="how DeepSpeed shares the memory out (none)")
    how.add_argument("--processes", type=int, metavar="N", help="training processes, one for each GPU (1)")
    return how


def parser() -> argparse.ArgumentParser:
    """The command line of this room."""
    common = _common()
    who = _who(required=True)
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument("run", help="a run's id")

    top = argparse.ArgumentParser(
        prog="python -m training", description="From conversations to a merged model that knows who it is."
    )
    known = top.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, does: Callable[[argparse.Namespace], Answer], text: str, *parents: argparse.ArgumentParser
    ) -> Any:
        sub = known.add_parser(name, parents=[*parents, common], help=text, description=text)
        sub.set_defaults(does=does)
        return sub

    how = _how()
    sub = command(
        "demo", commands.demonstrate, "the whole job: dataset, training, merge, and the model says who it is", who, how
    )
    sub.add_argument("--eyes", action="store_true", help="with pictures: it also learns to see, and sits an exam on it")
    sub = command("dataset", commands.build_dataset, "build an identity dataset", who)
    _add_out(sub)
    sub.add_argument("--seed", type=int, default=0, help="another seed, another mix (0)")
    plain = identity.PLAIN
    sub.add_argument("--rows", type=int, default=plain.rows, help=f"conversations of each language ({plain.rows})")
    told = "share about who it is"
    sub.add_argument("--identity", type=float, default=plain.identity, help=f"{told} ({plain.identity})")
    told = "share that only looks like it"
    sub.add_argument("--near-miss", type=float, default=plain.near_miss, help=f"{told} ({plain.near_miss})")
    told = (
        "whose general answers: ours, or a model that was distilled (the starter's for who is based on it, else ours)"
    )
    sub.add_argument("--general", default=distill.SUGGESTED, metavar="ours|MODEL", help=told)
    sub = command("distill", model_commands.distilled, "let a model answer the general seed questions itself, once")
    sub.add_argument("model", help="a base model's name or folder")
    sub.add_argument("--only", choices=LANGUAGES, help="questions of one language only")
    sub = command("import", commands.import_file, "make a dataset of a file: JSON, JSONL, CSV, TSV or XLSX")
    sub.add_argument("file", type=terminal.filled, help="OpenAI messages, ShareGPT, Alpaca, or two columns")
    _add_out(sub)
    sub.add_argument("--name", default="", help="the assistant's name, for {{name}} in the file and for the exam")
    sub.add_argument("--maker", default="", help="its maker, for {{author}} in the file")
    sub.add_argument("--base", default=Persona.base, help=f"what it is built on ({Persona.base})")
    sub.add_argument("--languages", default="zh,en", help="languages the exam asks in (zh,en)")
    sub.add_argument("--distinct", action="store_true", help="leave repeated rows out")
    sub.add_argument("--model", default=models.STARTER, help="the model whose tokens are counted (starter)")
    text = "check pictures and what is said about them, row by row, and save them as a picture set"
    eyes_commands.add_to(command("pictures", commands.make_pictures, text, _who(False)))
    sub = command("mix", data_commands.mix, "make one dataset of several, by NAME=RATIO: 0.5 takes half, 2 all twice")
    sub.add_argument("parts", nargs="+", metavar="NAME[=RATIO]", help="a saved dataset and how much of it (1)")
    _add_out(sub)
    sub.add_argument("--seed", type=int, default=0, help="another seed, another order and choice (0)")
    sub.add_argument("--distinct", action="store_true", help="take equal rows once")
    sub.add_argument("--model", default=models.STARTER, help="the model whose tokens are counted (starter)")
    sub = command("start", commands.start, "start a run and print its id at once", how)
    sub.add_argument("--dataset", required=True, help="a saved dataset's name")
    sub.add_argument("--name", default="", help="a name for the run")
    sub.add_argument("--steps", type=int, default=0, help="instead of the suggested number")
    sub.add_argument("--queue", action="store_true", help="wait for its turn while another run trains")
    sub.add_argument("--preset", metavar="NAME", help="its settings; what is given here goes before; see: presets")
    sub.add_argument("--config", metavar="FILE", help="a config of XTuner's kind instead of a recipe; see: config")
    pictures = sub.add_argument_group("where the dataset is of pictures")
    pictures.add_argument(
        "--encoder", metavar="NAME", help="the vision encoder: CLIP or SigLIP, by its name in HOME/models (starter)"
    )
    told = "steps of the first stage, in which only the projector learns; 0: none"
    pictures.add_argument("--first-steps", type=int, metavar="N", help=told)
    told = "begin with the projector in it, such as iter_100.pth of another run's first stage"
    pictures.add_argument("--projector", metavar="FILE", help=told)
    sub = command("configs", config_commands.searched, "search XTuner's own configs: xtuner list-cfg")
    sub.add_argument("words", nargs="*", metavar="WORD", help="of their names")
    sub = command(
        "config", commands.fit_config, "print one, fitted to a model and a dataset: xtuner copy-cfg and more", how
    )
    sub.add_argument("config", metavar="NAME", help="as `configs` lists it")
    sub.add_argument("--dataset", required=True, help="a saved dataset's name")
    sub.add_argument("--steps", type=int, default=0, help="about so many, as whole passes over the data")
    sub.add_argument("--preset", metavar="NAME", help="take length, passes and checkpoints of it; see: presets")
    command("status", commands.status, "how a run stands", which)
    sub = command("stop", commands.stop, "stop a run after the step at hand and keep what it learned", which)
    sub.add_argument("--discard", action="store_true", help="end it at once and make no model")
    sub = command("resume", commands.resume, "go on with a run that has ended early, in its own folder", which)
    sub.add_argument("--checkpoint", type=int, help="the iteration to go on from (the newest good one; 0: begin anew)")
    sub.add_argument("--remedy", action="store_true", help="with the changes that its failure suggests")
    sub.add_argument("--queue", action="store_true", help="wait for its turn while another run trains")
    sub = command("merge", commands.merge_run, "merge a checkpoint of an ended run into its base model", which)
    sub.add_argument("--checkpoint", type=int, default=0, help="the checkpoint's iteration (the recommended one)")
    sub = command(
        "exam", commands.sit_exam, "examine a run's checkpoints and say which one to keep, or a model", _who(False)
    )
    sub.add_argument(
        "what", type=terminal.filled, metavar="RUN_OR_MODEL", help="a run's id, a model folder, or a base model's name"
    )
    sub.add_argument("--whole", action="store_true", help="ask every checkpoint of a run all questions, not half")
    command("certificate", commands.certify, "write a run's certificate: HTML, Markdown and a picture", which)
    sub = command("publish", model_commands.published, "push a run's model to OpenXLab, with its card", which)
    sub.add_argument("repo", metavar="USER/REPO", help="make it there first (token: OPENXLAB_TOKEN)")
    sub.add_argument("--yes", action="store_true", help="the licence and the merge are known; without it they are told")
    sub = command(
        "doctor",
        commands.check_machine,
        "whether this machine is fit: versions, GPU, driver, memory, disk, network, port",
    )
    sub.add_argument("--port", type=int, default=doctor.PORT, help=f"where the page is to be ({doctor.PORT})")
    command("list", commands.list_runs, "all runs, newest first")
    text = "settings under a name, for `start --preset`: presets list, save, show, delete"
    preset_commands.add_to(command("presets", preset_commands.listed, text), _common(argparse.SUPPRESS))
    _add_models(
        command("models", commands.list_models, "the base models that are here, or another one: models add SOURCE")
    )
    return top


def _add_out(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--out", required=True, help="the dataset's name")
    sub.add_argument("--replace", action="store_true", help="in place of the dataset that has this name")


def _add_models(models_parser: argparse.ArgumentParser) -> None:
    """`models` alone lists. What was given before `list` or `add` stays, unless it is given again."""
    common = _common(argparse.SUPPRESS)
    actions = models_parser.add_subparsers(metavar="ACTION")
    text = "the base models that are here, and those known to fit"
    actions.add_parser("list", parents=[common], help=text, description=text)
    text = "add a base model from a folder or a hub; InternLM2 is converted to Llama's layout"
    sub = actions.add_parser("add", parents=[common], help=text, description=text)
    told = "a Llama, Qwen2 or InternLM2 chat model: a folder, or openxlab:, modelscope: or hf:USER/REPO[@REVISION]"
    sub.add_argument("source", type=terminal.filled, metavar="SOURCE", help=told)
    sub.add_argument("--name", required=True, help="what it is called from now on")
    sub.set_defaults(does=commands.add_model)


def _common(default: Any = None) -> argparse.ArgumentParser:
    quiet, english = (default, default) if default else (False, "en")
    common = argparse.ArgumentParser(add_help=False)
    place = "where datasets, models and runs are kept (or STUDIO_HOME; workspace/ beside this package)"
    common.add_argument("--home", type=terminal.filled, default=default, help=place)
    common.add_argument("--json", action="store_true", default=quiet, help="print one JSON object as the last line")
    common.add_argument("--language", choices=LANGUAGES, default=english, help="of the sentences (en)")
    return common
