from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.eyes.tiny_llava import write_parts, write_siglip
from training.eyes.llava_config import Places


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, starter_weights: Path) -> Places:
    """A tiny language model and a tiny encoder; "siglip" lies beside it."""
    places = write_parts(tmp_path_factory.mktemp("tiny"), starter_weights)
    write_siglip(places.data / "siglip")
    return places
