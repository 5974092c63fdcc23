"""Stands in for the real merge: the base model's weights and config, without its tokenizer."""

import os
import shutil
import sys
from pathlib import Path

model, adapter, merged = (Path(argument) for argument in sys.argv[1:4])
if os.environ.get("FAKE_XTUNER") == "bad_merge":
    raise RuntimeError("the fake merge was asked to crash")
assert (adapter / "adapter_config.json").is_file()
merged.mkdir(parents=True)
for name in ("config.json", "model.safetensors"):
    shutil.copyfile(model / name, merged / name)
(merged / "model.safetensors").chmod(0o600)  # as safetensors leaves it
