"""What a module can say: the patterns of its f-strings and strings, in which anything stands for a value."""

import ast
import re
from pathlib import Path


def sayings(path: Path) -> dict[str, list[str]]:
    """Return the patterns of the sentences of each function of a file, by the function's name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {each.name: [pattern(node) for node in ast.walk(each) if _is_sentence(node)] for each in functions}


def pattern(node: ast.AST) -> str:
    """Return the pattern of a string."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else "(.+)" for part in parts)


def _is_sentence(node: ast.AST) -> bool:
    """Say whether a node is a string with a space between words."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.Constant) and " " in str(part.value).strip() for part in node.values)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip()


def can_say(sentences: list[str], line: str) -> bool:
    """Say whether one of these patterns is a whole line."""
    return any(re.fullmatch(sentence, line) for sentence in sentences)
