"""The readers of nemo_toolkit from its wheel: its own files, without the packages (lightning, hydra) that the rest asks for.

Import it before nemo. Of the rest of NeMo the readers use a logger, one function, and names that only other kinds of data need.
"""

from __future__ import annotations

import ast
import logging
import sys
import types
from pathlib import Path
from typing import Any

import braceexpand
from clip import hollow

PACKAGES = ("", ".utils", ".collections", ".collections.common", ".collections.common.parts", ".collections.asr")
DEEPER = (".collections.common.parts.preprocessing", ".collections.common.data", ".collections.common.data.lhotse")


def stub(name: str, **values: Any) -> None:
    """Stand in for a module that would import far more than the reading needs."""
    module = types.ModuleType(name)
    for key, value in values.items():
        setattr(module, key, value)
    sys.modules[name] = module


def own_function(name: str, path: Path) -> Any:
    """One function of a file of NeMo whose other lines import lightning."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    scope: dict[str, Any] = {"braceexpand": braceexpand, "logging": logging}
    exec(compile(ast.Module(nodes, []), path, "exec"), scope)
    return scope[name]


hollow(*(f"nemo{name}" for name in (*PACKAGES, ".collections.asr.data", *DEEPER)))
root = Path(sys.modules["nemo"].__path__[0])
sys.modules["nemo.utils"].logging = logging  # type: ignore[attr-defined]
stub("nemo.utils.nemo_logging", LogMode=types.SimpleNamespace(ONCE=1))
expand = own_function("expand_sharded_filepaths", root / "collections/asr/data/audio_to_text.py")
stub("nemo.collections.asr.data.audio_to_text", expand_sharded_filepaths=expand)
stub(
    "nemo.collections.common.data.prompt_fn",
    apply_prompt_format_fn=None,
    registered_prompt_format_fn=lambda *_: lambda function: function,
)
stub("nemo.collections.common.tokenizers")
stub("nemo.collections.common.tokenizers.aggregate_tokenizer", TokenizerWrapper=None)
logging.getLogger().setLevel(logging.ERROR)
