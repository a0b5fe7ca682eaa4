"""How many tokens a text is: by the model's own tokenizer where that is at hand, else by a rule of thumb."""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken

__all__ = ["BYTES_PER_TOKEN", "counted_tokens"]

#: Code comes to three or four bytes for each token with today's tokenizers: rather too many than too few.
BYTES_PER_TOKEN = 3
_PLACE = "https://openaipublic.blob.core.windows.net/encodings/"
#: tiktoken downloads what it has not, or finds damaged: these files must be there and be whole.
_FILES = {
    "cl100k_base": (
        "cl100k_base.tiktoken",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
    "o200k_base": (
        "o200k_base.tiktoken",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
}
_FILES["o200k_harmony"] = _FILES["o200k_base"]


def counted_tokens(text: str, model: str) -> int:
    """How many tokens a text is for a model.

    By tiktoken, where it is installed, knows the model, and has its data in its cache already
    (`TIKTOKEN_CACHE_DIR`): nothing is ever downloaded. Else one token for every three bytes of UTF-8.
    """
    encoding = _encoding(model)
    if encoding is None:
        return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)
    return len(encoding.encode(text, disallowed_special=()))


@functools.cache
def _encoding(model: str) -> tiktoken.Encoding | None:
    try:
        import tiktoken
    except ImportError:
        return None
    try:
        name = tiktoken.encoding_name_for_model(model.rpartition("/")[2])
    except KeyError:
        return None
    return tiktoken.get_encoding(name) if name in _FILES and _is_at_hand(*_FILES[name]) else None


def _is_at_hand(file: str, digest: str) -> bool:
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if folder == "":
        return False
    key = hashlib.sha1(f"{_PLACE}{file}".encode()).hexdigest()  # noqa: S324  # tiktoken's own name for it
    path = Path(folder or Path(tempfile.gettempdir(), "data-gym-cache")) / key
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest
