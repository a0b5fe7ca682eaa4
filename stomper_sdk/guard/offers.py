"""What a file offers to others, where there is no syntax tree: by what its declarations look like."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

__all__ = ["empty", "offered", "uncommented"]

_PYTHON = r"^[ \t]*(?:async\s+)?(?:def|class)\s+([A-Za-z]\w*)"
_SCRIPT = (
    r"^[ \t]*export\s+(?:(?:default|declare|abstract|async)\s+)*"
    r"(?:function\*?|class|interface|enum|namespace)\s+([\w$]+)"
    r"|^[ \t]*export\s+(?:declare\s+)?(?:const|let|var|type)\s+([\w$]+)"
    r"|^[ \t]*(?:module\.)?exports\.([\w$]+)\s*="
)
_SCRIPT_LIST = re.compile(r"^[ \t]*(?:export|module\.exports\s*=)\s*\{([^{}]*)\}", re.MULTILINE)
_PLAIN_SCRIPT = re.compile(r"^(?:async\s+)?function\*?\s+([\w$]+)", re.MULTILINE)
_GO = r"^func\s+(?:\([^)\n]*\)\s*)?([A-Z]\w*)|^type\s+([A-Z]\w*)"
_RUST = (
    r"^[ \t]*pub(?:\([^)\n]*\))?\s+(?:(?:async|unsafe|const)\s+)*"
    r"(?:fn|struct|enum|trait|type|mod)\s+(\w+)"
)
_CLASSES = (
    r"^[ \t]*(?:(?:public|final|abstract|static|sealed|data|open)\s+)*"
    r"(?:class|interface|record|enum)\s+([A-Z]\w*)"
)
_JAVA = rf"^[ \t]*public\s+(?:[\w<>\[\],?]+\s+)+(\w+)\s*\(|{_CLASSES}"
_KOTLIN = (
    r"^[ \t]*(?:(?:public|open|override|suspend|inline)\s+)*fun\s+(?:<[^>\n]*>\s*)?(?:\w+\.)?(\w+)"
    rf"|{_CLASSES}"
)
_PHP = rf"^[ \t]*(?:public\s+)?(?:static\s+)?function\s+(\w+)|{_CLASSES}"
_RUBY = r"^[ \t]*(?:def\s+(?:self\.)?|class\s+|module\s+)([A-Za-z]\w*[?!]?)"
_SHELL = r"^[ \t]*(?:function\s+([\w-]+)|([\w-]+)\s*\(\))\s*\{"

_DECLARATIONS = {
    suffix: re.compile(pattern, re.MULTILINE)
    for pattern, suffixes in (
        (_PYTHON, (".py", ".pyi")),
        (_SCRIPT, (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte")),
        (_GO, (".go",)),
        (_RUST, (".rs",)),
        (_JAVA, (".java", ".cs")),
        (_KOTLIN, (".kt", ".kts")),
        (_PHP, (".php",)),
        (_RUBY, (".rb",)),
        (_SHELL, (".sh", ".bash")),
    )
    for suffix in suffixes
}
_HASHES = frozenset({".py", ".pyi", ".rb", ".sh", ".bash", ".php"})
# An open comment goes on to the end, so that no text is looked at twice.
_SLASH_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|(?<![:\\])//[^\n]*", re.DOTALL)
_HASH_COMMENT = re.compile(r"(?<!\S)#[^\n]*")
_NOTHING = r"null|nil|undefined|true|false|0|\"\"|''|\[\]|\{\}"
_STUB = (
    rf"return(?:\s+(?:{_NOTHING}))?\s*;?|(?:{_NOTHING})"
    r"|(?:throw\s+new\s+\w+|panic|throw)\s*\(?\s*[\"'`](?i:not (?:yet )?implemented|todo|unsupported)[^\n{}]*"
    r"|throw\s+new\s+(?:UnsupportedOperation|NotImplemented)\w*\([^\n{}]*"
    r"|(?:todo|unimplemented)!\([^\n{}]*"
)
_EMPTY = re.compile(rf"\b(\w+)\s*(?:=\s*(?:async\s*)?)?\([^()]*\)[^{{}};()]*\{{\s*(?:{_STUB})?\s*\}}")


def offered(path: str, text: str) -> frozenset[str]:
    """Names that a text declares for others, by what language its path says."""
    suffix = PurePosixPath(path).suffix
    if suffix not in _DECLARATIONS:
        return frozenset()
    bare = uncommented(path, text)
    names = {name for match in _DECLARATIONS[suffix].finditer(bare) for name in match.groups() if name}
    if _DECLARATIONS[suffix].pattern == _SCRIPT:
        lists = (match[1] for match in _SCRIPT_LIST.finditer(bare))
        names |= {name for each in lists for name in re.findall(r"([\w$]+)\s*(?:,|$)", each)}
        if "export" not in bare:
            names |= set(_PLAIN_SCRIPT.findall(bare))
    return frozenset(names)


def empty(path: str, text: str) -> frozenset[str]:
    """Functions in braces that do nothing, or give back nothing but a constant."""
    return frozenset(_EMPTY.findall(uncommented(path, text)))


def uncommented(path: str, text: str) -> str:
    pattern = _HASH_COMMENT if PurePosixPath(path).suffix in _HASHES else _SLASH_COMMENT
    return pattern.sub("", text)
