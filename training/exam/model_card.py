"""README.md of the repo that a merged model is published in: what its run has to show, its licence, how to chat.

It lies in the model's folder, with the picture and the base model's licence. A README that a person wrote stays.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from training.exam import achievements
from training.exam.achievements import Facts, both
from training.exam.certificate import NAME, as_text, results, table
from training.files import read_json, write_text, writing_failed
from training.models import licence
from training.models.licence import Licence
from training.sentences import LANGUAGES, sentence

FILE = "README.md"
_OURS = "<!-- Assistant Studio writes this card anew whenever it pushes. Without this line it keeps yours. -->"


def write(folder: Path, repo: str = "USER/REPO") -> Path | None:
    """Write the card of the run in `folder` into its merged model; None when a person's own card is there.

    Raises UserError (disk_full, not_writable).
    """
    merged, spec = folder / "merged", read_json(folder / "spec.json")
    card, base = merged / FILE, Path(spec["model_folder"])
    for text in licence.texts(base):
        if not (merged / text.name).exists():
            try:
                shutil.copyfile(text, merged / text.name)
            except OSError as error:
                raise writing_failed(error, merged / text.name) from error
    if card.exists() and _OURS not in card.read_text(encoding="utf-8", errors="replace"):
        return None
    facts = achievements.of(folder, uncertified=True)
    write_text(merged / f"{NAME}.svg", facts.picture)
    write_text(card, _card(facts, spec, licence.of(base), repo))
    return card


def _card(facts: Facts, spec: dict[str, Any], terms: Licence, repo: str) -> str:
    licensed = " · ".join(filter(None, (terms.name or "?", terms.terms)))
    rows: list[tuple[str, ...]] = [("", ""), *facts.rows, (both("card.licence"), licensed)]
    parts = [
        _front(spec, terms),
        _OURS,
        f"# {as_text(facts.name)}",
        *(as_text(sentence("card.intro", language, name=facts.name)) for language in LANGUAGES),
        f"## {both('card.how')}",
        table(rows),
        *(as_text(verdict) for verdict in facts.verdicts),
        f"![{as_text(both('certificate.exam'))}]({NAME}.svg)",
        *(results(facts) if facts.scores else []),
        f"## {both('card.chat')}",
        *(as_text(sentence("card.chat_about", language)) for language in LANGUAGES),
        _PULL.format(repo=repo),
        _SEEING if spec.get("eyes") else _CHAT,
        f"## {both('card.licence')}",
        *(as_text(words(terms, language)) for language in LANGUAGES),
    ]
    return "\n\n".join(parts) + "\n"


def _front(spec: dict[str, Any], terms: Licence) -> str:
    """What hubs read of a card: names out of short lists only, nothing that anybody typed."""
    persona = (spec.get("card") or {}).get("persona") or {}
    spoken = [language for language in LANGUAGES if language in persona.get("languages", LANGUAGES)]
    task = "image-text-to-text" if spec.get("eyes") else "text-generation"
    lines = [f"license: {terms.name or 'unknown'}", "library_name: transformers", f"pipeline_tag: {task}"]
    return "\n".join(["---", *lines, "language:", *(f"- {language}" for language in spoken), "---"])


def words(terms: Licence, language: str) -> str:
    """What the licence means for whoever publishes the model, in a sentence."""
    if terms.is_open:
        return sentence("card.licence_open", language, licence=terms.name)
    if terms.name:
        told = f"{terms.name}: {terms.terms}" if terms.terms else terms.name
        return sentence("card.licence_own", language, licence=told)
    return sentence("card.licence_unknown", language)


_PULL = """```sh
python -m hub pull {repo} --to model      # Assistant Studio, or: git lfs install && git clone
python -m serving chat model
```"""
_CHAT = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model, tokenizer = AutoModelForCausalLM.from_pretrained("model"), AutoTokenizer.from_pretrained("model")
asked = [{"role": "user", "content": "你是谁？"}]
ids = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt")
answer = model.generate(ids, max_new_tokens=64, do_sample=False)[0, ids.shape[1]:]
print(tokenizer.decode(answer, skip_special_tokens=True))
```"""
_SEEING = """```python
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration

model, processor = LlavaForConditionalGeneration.from_pretrained("model"), AutoProcessor.from_pretrained("model")
asked = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "图里是什么？"}]}]
prompt = processor.apply_chat_template(asked, add_generation_prompt=True)
shown = processor(text=prompt, images=Image.open("picture.png").convert("RGB"), return_tensors="pt")
ids, pixels = shown["input_ids"], shown["pixel_values"]
answer = model.generate(input_ids=ids, pixel_values=pixels, max_new_tokens=64, do_sample=False)[0, ids.shape[1]:]
print(processor.decode(answer, skip_special_tokens=True))
```"""
