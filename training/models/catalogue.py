"""Base models that are known to fit: what they are, how big, whose, and under which licence. Data only.

Numbers are those of the published files; that a model stands here does not mean that its weights were run here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A model one may want to add."""

    name: str
    """As its publisher calls it, and as its folder in HOME/models is called."""
    parameters: int
    licence: str
    languages: tuple[str, ...]
    template: str
    """XTuner's name for the way it writes a conversation."""
    architecture: str

    @property
    def size(self) -> int:
        """Bytes on the disk: two a weight, in bfloat16."""
        return 2 * self.parameters

    @property
    def memory(self) -> int:
        """Bytes that the weights take where they are in fp32, as for training on a CPU. Training adds to that."""
        return 4 * self.parameters


_INTERNLM = "other: free for academic use, commercial use on application to Shanghai AI Laboratory"

CATALOGUE = (
    Entry("SmolLM2-135M-Instruct", 134_515_008, "Apache-2.0", ("en",), "qwen_chat", "LlamaForCausalLM"),
    Entry("internlm2-chat-1_8b", 1_889_110_016, _INTERNLM, ("zh", "en"), "internlm2_chat", "InternLM2ForCausalLM"),
    Entry("internlm2_5-1_8b-chat", 1_889_110_016, _INTERNLM, ("zh", "en"), "internlm2_chat", "InternLM2ForCausalLM"),
    Entry("Qwen2.5-0.5B-Instruct", 494_032_768, "Apache-2.0", ("zh", "en"), "qwen_chat", "Qwen2ForCausalLM"),
    Entry("Qwen2.5-1.5B-Instruct", 1_543_714_304, "Apache-2.0", ("zh", "en"), "qwen_chat", "Qwen2ForCausalLM"),
)
