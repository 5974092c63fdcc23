"""XTuner's LLaVAModel against what is merged from its checkpoint: same pictures, same prompts, tiny random weights."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from training import xtuner
from training.eyes import llava_config, llava_merge
from training.eyes.eyes_recipe import FINETUNE, EyesRecipe
from training.eyes.llava_config import Places
from training.home import ROOT
from training.models import vision

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("llava_merge_real")]

QUESTION = "What colour is it? 你是谁"


RECIPE = replace(FINETUNE, lora_rank=4, lora_alpha=8)
STAGES = {
    "projector only": (True, 0, "encoder"),
    "projector and LoRA": (False, 0, "encoder"),
    "SigLIP and LoRA in it": (False, 4, "siglip"),
}


@pytest.fixture(scope="module", params=list(STAGES))
def trained(request: pytest.FixtureRequest, tiny: Places, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """XTuner's model with weights as after training, and the folder that its checkpoint becomes."""
    import torch
    from mmengine.config import Config
    from xtuner.registry import BUILDER

    from training import xtuner_speed

    place = tmp_path_factory.mktemp("run")
    first, encoder_rank, encoder = STAGES[request.param]
    tiny = replace(tiny, encoder=tiny.data / encoder, kind=vision.kind(tiny.data / encoder))
    text = llava_config.render(RECIPE, EyesRecipe(encoder_lora_rank=encoder_rank), tiny, "cpu", first)
    (place / "config.py").write_text(text)
    config = Config.fromfile(place / "config.py")
    torch.set_float32_matmul_precision("highest")  # the config asks for less, to train faster
    with pytest.MonkeyPatch.context() as patch:  # in fp32 on every machine
        patch.setattr(xtuner_speed, "amx", lambda: False)
        model = BUILDER.build(config.model).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for name, each in model.named_parameters():
            if "lora_" in name or "projector" in name:
                each.normal_(std=0.2)  # LoRA begins at zero: nothing would be merged
    torch.save({"state_dict": model.state_dict()}, place / "iter_3.pth")
    environment = xtuner.environment(place)
    parts, merged = place / "parts", place / "merged"
    for command in (
        xtuner.convert(place / "config.py", place / "iter_3.pth", parts),
        [sys.executable, "-m", llava_merge.__name__, *map(str, (tiny.model, tiny.encoder, parts, merged))],
    ):
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return (config, model), merged


@pytest.fixture
def loaded(trained: tuple[Any, Path]) -> tuple[Any, Any]:
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    return LlavaForConditionalGeneration.from_pretrained(trained[1]).eval(), AutoProcessor.from_pretrained(trained[1])


def theirs(config: Any, model: Any, picture: Image.Image | None, question: str) -> Any:
    """XTuner's logits of a prompt as its data pipeline makes it."""
    import torch
    from xtuner.dataset.map_fns import llava_map_fn, template_map_fn_factory
    from xtuner.dataset.utils import encode_fn, expand2square
    from xtuner.registry import BUILDER
    from xtuner.utils import PROMPT_TEMPLATE

    asked = f"<image>\n{question}" if picture else question
    row = llava_map_fn({"conversations": [{"from": "human", "value": asked}, {"from": "gpt", "value": ""}]})
    row = {**row, **template_map_fn_factory(PROMPT_TEMPLATE.qwen_chat)(row)}
    row["conversation"][0]["output"] = ""
    row["conversation"][0]["need_eos_token"] = False
    row["conversation"][0]["sep"] = ""
    ids = encode_fn(row, BUILDER.build(config.tokenizer), 320, with_image_token=True)["input_ids"]
    data = {"input_ids": torch.tensor([ids])}
    if picture:
        processor = BUILDER.build(config.image_processor)
        square = expand2square(picture, tuple(int(each * 255) for each in processor.image_mean))
        data["pixel_values"] = processor.preprocess(square, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        return model(data, mode="tensor").logits[0]


@pytest.mark.parametrize("size", [(28, 28), (90, 40), (40, 90), None], ids=str)
def test_the_merged_model_has_xtuners_logits(trained: Any, loaded: Any, size: tuple[int, int] | None) -> None:
    import torch

    model, processor = loaded
    picture = Image.effect_noise(size, 90).convert("RGB") if size else None
    content = [{"type": "image"}] if picture else []
    messages = [{"role": "user", "content": [*content, {"type": "text", "text": QUESTION}]}]
    prompt = processor.apply_chat_template(messages, add_generation_prompt=True)
    with torch.no_grad():
        ours = model(**processor(images=picture, text=prompt, return_tensors="pt")).logits[0]
    expected = theirs(*trained[0], picture, QUESTION)
    assert ours.shape[0] == expected.shape[0]
    assert expected.std() > 0.01
    assert (ours[:, : expected.shape[1]] - expected).abs().max() < 1e-4


def test_a_picture_changes_what_is_answered(loaded: Any) -> None:
    import torch

    model, processor = loaded
    prompt = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]}]
    )
    with torch.no_grad():
        red, blue = (
            model(**processor(images=Image.new("RGB", (28, 28), colour), text=prompt, return_tensors="pt")).logits
            for colour in ("red", "blue")
        )
    assert (red - blue).abs().max() > 1e-3


def test_the_folder_needs_no_code_of_ours_and_no_pickle(trained: Any) -> None:
    folder = trained[1]
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["LlavaForConditionalGeneration"] and "auto_map" not in config
    assert not [path.name for path in folder.iterdir() if path.suffix in {".bin", ".pth", ".py"}]


def test_the_loss_is_the_same_number_when_only_the_answers_are_scored(trained: Any) -> None:
    import torch
    from xtuner.model.utils import prepare_inputs_labels_for_multimodal

    model = trained[0][1]
    torch.manual_seed(2)
    tokens = torch.randint(0, 97, (3, 11))
    tokens[:2, 3] = -200  # where the picture is; the third conversation has none
    seen = torch.ones_like(tokens)
    seen[1, 8:] = 0
    labels = tokens.masked_fill(seen == 0, -100)
    labels[:, :5] = -100
    pixels = torch.randn(3, 3, 28, 28)
    data = {"input_ids": tokens, "attention_mask": seen, "labels": labels, "pixel_values": pixels}
    with torch.no_grad():
        few = model(dict(data), mode="loss")["loss"]
        patches = model.projector(model.visual_encoder(pixels, output_hidden_states=True).hidden_states[-2][:, 1:])
        whole = model.llm(**prepare_inputs_labels_for_multimodal(model.llm, **{**data, "pixel_values": patches})).loss
    assert few.item() == pytest.approx(whole.item(), rel=1e-5)
