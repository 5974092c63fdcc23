"""One of XTuner's own configs: fitted, edited and checked by XTuner. (As a run: tests/ui/test_browser_configs.py.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.models.tiny_llama import write_llama
from training import built_in_configs, config_check, dataset, home, identity
from training.config_commands import fit
from training.errors import UserError
from training.persona import Persona
from training.recipe import Recipe

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


@pytest.fixture
def text(own_home: Path) -> str:
    """The course's config, fitted to a small random model and a dataset without an exam, and edited."""
    write_llama(home.models_dir() / "small")
    dataset.save("sunny", identity.build(Persona("Sunny", "O'Hara"))[:120])
    plan = Recipe(steps=20, save_every=4, max_length=64, evaluation_inputs=("Who are you?",))
    raw = built_in_configs.read("internlm2_chat_1_8b_qlora_alpaca_e3")
    fitted = built_in_configs.fitted(raw, fit("sunny", "small", plan))
    return fitted.replace("accumulative_counts = 16", "accumulative_counts = 4")


def test_a_built_in_config_is_checked_by_xtuner_and_shows_what_is_learned(text: str) -> None:
    facts = config_check.check(text)
    assert (facts.method, facts.accumulation, facts.lora_rank, facts.max_length) == ("qlora", 4, 64, 64)
    learned = [piece for piece, said in facts.example if said]
    assert learned and not any("<|im_start|>" in piece for piece in learned)
    assert facts.recipe(Recipe()).steps == -(-facts.iterations // 4)


def test_a_config_that_xtuner_cannot_use_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(UserError) as caught:
        config_check.check(text.replace("max_length=max_length", "max_length=no_such_name"))
    assert caught.value.code == "config_does_not_load" and "no_such_name" in caught.value.sentence("en")
    assert not list((home.home() / "cache").glob("config-*"))
