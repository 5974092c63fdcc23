"""The training room from a terminal: python -m training --help

Exit code 0 only on success; --json prints one JSON object as the last line; errors are one sentence on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from training import (
    config_commands,
    data_commands,
    dataset,
    demo,
    distill,
    doctor,
    forecast,
    identity,
    machine,
    merge,
    model_commands,
    models,
    preset_commands,
    recipe,
    runs,
    tally,
    tokens,
)
from training.errors import UserError
from training.exam import certificate, examination
from training.eyes import commands as eyes_commands
from training.eyes import demo as eyes_demo
from training.home import ROOT
from training.persona import TONES, Persona
from training.runs import remaking
from training.sentences import LANGUAGES, sentence
from training.xtuner import environment

Answer = dict[str, Any]


def _demo(options: argparse.Namespace) -> Answer:
    if options.eyes:
        return eyes_demo.demo(_persona(options), _say)
    return demo.demo(_persona(options), _say, options.model, **_chosen(options))


def _dataset(options: argparse.Namespace) -> Answer:
    shares = identity.Shares(options.rows, options.identity, options.near_miss)
    rows = identity.build(_persona(options), options.seed, shares, distill.chosen(options.general))
    origin = {"general": options.general} if options.general else None
    without = identity.left_out(_persona(options))
    if any(without):
        _say(sentence("dataset.left_out", options.language, rows=without[0], exam=without[1]))
    file = dataset.save(options.out, rows, _persona(options), origin)
    return {"dataset": options.out, "path": str(file), **asdict(tally.summarise(rows))}


def _import(options: argparse.Namespace) -> Answer:
    return data_commands.import_file(options, _persona(options) if options.name or options.maker else None)


def _start(options: argparse.Namespace) -> Answer:
    plan, config = _plan(options), ""
    if options.config:
        config, plan = config_commands.checked(options.config, plan)
    expected = forecast.of(options.dataset, options.model, plan).told()
    run = runs.start(options.dataset, options.model, plan, options.name, options.queue, config)
    return {"run": run, "command": runs.spec(run)["command"], "forecast": expected}


def _plan(options: argparse.Namespace) -> recipe.Recipe:
    counted = tokens.count(options.dataset, options.model)
    given = {**preset_commands.settings(options.preset), **_chosen(options)}
    plan = recipe.suggest(machine.look(), counted, **models.parameters(options.model), **given)
    if options.steps:
        plan = replace(plan, steps=options.steps, save_every=min(plan.save_every, options.steps))
    return plan


def _config(options: argparse.Namespace) -> Answer:
    answer = config_commands.opened(options, _plan(options))
    if options.json:
        return answer
    print(answer["text"])
    return {}


def _chosen(options: argparse.Namespace) -> Answer:
    """The settings that were given; the rest is suggested."""
    return {name: getattr(options, name) for name in _SETTINGS if getattr(options, name) is not None}


_SETTINGS = ("method", "deepspeed", "processes")


def _resume(options: argparse.Namespace) -> Answer:
    changes = runs.look(options.run).remedy if options.remedy else None
    runs.resume(options.run, options.checkpoint, changes, options.queue)
    return {"run": options.run, "changes": changes or {}}


def _status(options: argparse.Namespace) -> Answer:
    now = runs.look(options.run)
    return {
        **asdict(now),
        "reason": now.reason_sentence(options.language),
        "note": now.note_sentence(options.language),
        "merged": str(runs.merged(options.run) or ""),
    }


def _stop(options: argparse.Namespace) -> Answer:
    runs.stop(options.run, keep=not options.discard)
    return _status(options)


def _merge(options: argparse.Namespace) -> Answer:
    step = remaking.remake(options.run, options.checkpoint, _say)
    model = runs.merged(options.run)
    return {
        "run": options.run,
        "checkpoint": merge.origin(model)["iteration"] if model else 0,
        "step": step,
        "model": str(model),
    }


def _exam(options: argparse.Namespace) -> Answer:
    if options.what in runs.names():
        return examination.of_run(options.what, options.whole, _execute, options.language)
    persona = _persona(options) if options.name or options.maker else None
    return examination.of_model(options.what, persona)


def _certificate(options: argparse.Namespace) -> Answer:
    written = certificate.write(runs.folder(options.run))
    return {"run": options.run, **{file.suffix[1:]: str(file) for file in written}}


def _list(options: argparse.Namespace) -> Answer:
    return {"runs": [_status(argparse.Namespace(run=run, language=options.language)) for run in runs.names()]}


def _doctor(options: argparse.Namespace) -> Answer:
    found = doctor.examine(options.port)
    if not options.json:
        for finding in found:
            print(f"{sentence(f'doctor.{finding.state}', options.language)}  {finding.sentence(options.language)}")
    lines = [{**asdict(finding), "sentence": finding.sentence(options.language)} for finding in found]
    ok = not any(finding.state == "problem" for finding in found)
    return {"ok": ok, **({"findings": lines} if options.json else {})}


def _models(options: argparse.Namespace) -> Answer:
    return model_commands.listed()


def _add_model(options: argparse.Namespace) -> Answer:
    return model_commands.added(options.source, options.name)


def _execute(command: list[str], folder: Path) -> None:
    stderr = 2  # stdout belongs to the answer
    subprocess.run(command, cwd=ROOT, env=environment(folder), stdout=stderr, check=True)


def _persona(options: argparse.Namespace) -> Persona:
    character = {key: getattr(options, key) for key in ("tone", "taboos", "facts") if hasattr(options, key)}
    who = {"name": options.name, "maker": options.maker, "base": options.base}
    return Persona.from_dict({**who, "languages": options.languages.split(","), **character}).checked()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _who(required: bool) -> argparse.ArgumentParser:
    who = argparse.ArgumentParser(add_help=False)
    who.add_argument("--name", required=required, default="", help="the assistant's own name")
    who.add_argument("--maker", required=required, default="", help="who made it")
    who.add_argument("--base", default=Persona.base, help=f"what it is built on ({Persona.base})")
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

    top = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, does: Callable[[argparse.Namespace], Answer], text: str, *parents: argparse.ArgumentParser
    ) -> Any:
        sub = commands.add_parser(name, parents=[*parents, common], help=text, description=text)
        sub.set_defaults(does=does)
        return sub

    how = _how()
    sub = command("demo", _demo, "the whole job: dataset, training, merge, and the model says who it is", who, how)
    sub.add_argument("--eyes", action="store_true", help="with pictures: it also learns to see, and sits an exam on it")
    sub = command("dataset", _dataset, "build an identity dataset", who)
    sub.add_argument("--out", required=True, help="the dataset's name")
    sub.add_argument("--seed", type=int, default=0, help="another seed, another mix (0)")
    plain = identity.PLAIN
    sub.add_argument("--rows", type=int, default=plain.rows, help=f"conversations of each language ({plain.rows})")
    told = "share about who it is"
    sub.add_argument("--identity", type=float, default=plain.identity, help=f"{told} ({plain.identity})")
    told = "share that only looks like it"
    sub.add_argument("--near-miss", type=float, default=plain.near_miss, help=f"{told} ({plain.near_miss})")
    told = "whose general answers: ours, or a model that was distilled (the starter's English ones, otherwise ours)"
    sub.add_argument("--general", default=distill.SUGGESTED, metavar="ours|MODEL", help=told)
    sub = command("distill", model_commands.distilled, "let a model answer the general seed questions itself, once")
    sub.add_argument("model", help="a base model's name or folder")
    sub.add_argument("--only", choices=LANGUAGES, help="questions of one language only")
    sub = command("import", _import, "make a dataset of a file: JSON, JSONL, CSV, TSV or XLSX")
    sub.add_argument("file", help="OpenAI messages, ShareGPT, Alpaca, or two columns")
    sub.add_argument("--out", required=True, help="the dataset's name")
    sub.add_argument("--name", default="", help="the assistant's name, for {{name}} in the file and for the exam")
    sub.add_argument("--maker", default="", help="its maker, for {{author}} in the file")
    sub.add_argument("--base", default=Persona.base, help=f"what it is built on ({Persona.base})")
    sub.add_argument("--languages", default="zh,en", help="languages the exam asks in (zh,en)")
    sub.add_argument("--distinct", action="store_true", help="leave repeated rows out")
    sub.add_argument("--model", default=models.STARTER, help="the model whose tokens are counted (starter)")
    sub = command("pictures", eyes_commands.check, "check a LLaVA JSON and its pictures, row by row")
    sub.add_argument("file", help="a list of rows with id, image and conversations")
    sub.add_argument("--images", default="", metavar="FOLDER", help="where its pictures are (beside the file)")
    sub = command("mix", data_commands.mix, "make one dataset of several, by NAME=RATIO: 0.5 takes half, 2 all twice")
    sub.add_argument("parts", nargs="+", metavar="NAME[=RATIO]", help="a saved dataset and how much of it (1)")
    sub.add_argument("--out", required=True, help="the dataset's name")
    sub.add_argument("--seed", type=int, default=0, help="another seed, another order and choice (0)")
    sub.add_argument("--distinct", action="store_true", help="take equal rows once")
    sub.add_argument("--model", default=models.STARTER, help="the model whose tokens are counted (starter)")
    sub = command("start", _start, "start a run and print its id at once", how)
    sub.add_argument("--dataset", required=True, help="a saved dataset's name")
    sub.add_argument("--name", default="", help="a name for the run")
    sub.add_argument("--steps", type=int, default=0, help="instead of the suggested number")
    sub.add_argument("--queue", action="store_true", help="wait for its turn while another run trains")
    sub.add_argument("--preset", metavar="NAME", help="its settings; what is given here goes before; see: presets")
    sub.add_argument("--config", metavar="FILE", help="a config of XTuner's kind instead of a recipe; see: config")
    sub = command("configs", config_commands.searched, "search XTuner's own configs: xtuner list-cfg")
    sub.add_argument("words", nargs="*", metavar="WORD", help="of their names")
    sub = command("config", _config, "print one, fitted to a model and a dataset: xtuner copy-cfg and more", how)
    sub.add_argument("config", metavar="NAME", help="as `configs` lists it")
    sub.add_argument("--dataset", required=True, help="a saved dataset's name")
    sub.add_argument("--steps", type=int, default=0, help="about so many, as whole passes over the data")
    sub.add_argument("--preset", metavar="NAME", help="take length, passes and checkpoints of it; see: presets")
    command("status", _status, "how a run stands", which)
    sub = command("stop", _stop, "stop a run after the step at hand and keep what it learned", which)
    sub.add_argument("--discard", action="store_true", help="end it at once and make no model")
    sub = command("resume", _resume, "go on with a run that has ended early, in its own folder", which)
    sub.add_argument("--checkpoint", type=int, help="the iteration to go on from (the newest good one; 0: begin anew)")
    sub.add_argument("--remedy", action="store_true", help="with the changes that its failure suggests")
    sub.add_argument("--queue", action="store_true", help="wait for its turn while another run trains")
    sub = command("merge", _merge, "merge a checkpoint of an ended run into its base model", which)
    sub.add_argument("--checkpoint", type=int, default=0, help="the checkpoint's iteration (the recommended one)")
    sub = command("exam", _exam, "examine a run's checkpoints and say which one to keep, or a model", _who(False))
    sub.add_argument("what", metavar="RUN_OR_MODEL", help="a run's id, a model folder, or a base model's name")
    sub.add_argument("--whole", action="store_true", help="ask every checkpoint of a run all questions, not half")
    command("certificate", _certificate, "write a run's certificate: HTML, Markdown and a picture", which)
    sub = command("publish", model_commands.published, "push a run's model to OpenXLab, with its card", which)
    sub.add_argument("repo", metavar="USER/REPO", help="make it there first (token: OPENXLAB_TOKEN)")
    sub.add_argument("--yes", action="store_true", help="the licence and the merge are known; without it they are told")
    sub = command("doctor", _doctor, "whether this machine is fit: versions, GPU, driver, memory, disk, network, port")
    sub.add_argument("--port", type=int, default=doctor.PORT, help=f"where the page is to be ({doctor.PORT})")
    command("list", _list, "all runs, newest first")
    text = "settings under a name, for `start --preset`: presets list, save, show, delete"
    preset_commands.add_to(command("presets", preset_commands.listed, text), _common(argparse.SUPPRESS))
    _add_models(command("models", _models, "the base models that are here, or another one: models add SOURCE"))
    return top


def _add_models(models_parser: argparse.ArgumentParser) -> None:
    """`models` alone lists. What was given before `list` or `add` stays, unless it is given again."""
    common = _common(argparse.SUPPRESS)
    actions = models_parser.add_subparsers(metavar="ACTION")
    actions.add_parser("list", parents=[common], help="the base models that are here, and those known to fit")
    text = "add a base model from a folder or a hub; InternLM2 is converted to Llama's layout"
    sub = actions.add_parser("add", parents=[common], help=text, description=text)
    told = "a Llama, Qwen2 or InternLM2 chat model: a folder, or openxlab:, modelscope: or hf:USER/REPO[@REVISION]"
    sub.add_argument("source", metavar="SOURCE", help=told)
    sub.add_argument("--name", required=True, help="what it is called from now on")
    sub.set_defaults(does=_add_model)


def _common(default: Any = None) -> argparse.ArgumentParser:
    quiet, english = (default, default) if default else (False, "en")
    common = argparse.ArgumentParser(add_help=False)
    place = "where datasets, models and runs are kept (or STUDIO_HOME; ./workspace)"
    common.add_argument("--home", default=default, help=place)
    common.add_argument("--json", action="store_true", default=quiet, help="print one JSON object as the last line")
    common.add_argument("--language", choices=LANGUAGES, default=english, help="of the sentences (en)")
    return common


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = parser().parse_args(arguments)
    if options.home:
        os.environ["STUDIO_HOME"] = options.home
    try:
        answer = options.does(options)
    except UserError as error:
        return _failed(options, error.sentence(options.language), error.code)
    except subprocess.CalledProcessError as error:
        return _failed(options, f"exit code {error.returncode}: {subprocess.list2cmdline(error.cmd)}", "process_failed")
    if options.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        for key, value in answer.items():
            print(f"{key}: {value}")
    return 0 if answer.get("ok", True) else 1


def _failed(options: argparse.Namespace, sentence: str, code: str) -> int:
    print(sentence, file=sys.stderr)
    if options.json:
        print(json.dumps({"ok": False, "error": code, "message": sentence}, ensure_ascii=False))
    return 1


if __name__ == "__main__":
    sys.exit(main())
