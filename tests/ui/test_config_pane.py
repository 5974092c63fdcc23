from __future__ import annotations

from training.config_check import Facts
from ui.config_pane import facts_html


def test_what_is_learned_is_marked_and_no_text_becomes_html() -> None:
    example = [("<|im_start|>user\n", False), ("<b>小明</b>", True)]
    html = facts_html(Facts("qlora", 2e-4, 64, 16, 0.1, 1, 16, 128, True, 400, 400, 160, 2, example), 25, "en")
    assert "&lt;|im_start|&gt;user\n<mark>&lt;b&gt;小明&lt;/b&gt;</mark>" in html
    assert "QLoRA, 25 steps of 1 × 16 sequences" in html and "0.0002" in html
