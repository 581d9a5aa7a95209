"""Functions that a class can reach from some of its methods, and what they name: read from their source, never run.

A name that is looked up at run time (`getattr`) is not seen. An attribute of an unknown object is taken for a member of
the class, if that has one of the name.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

# Packages whose functions are not read.
_LEAVES = sys.stdlib_module_names | {"PIL", "huggingface_hub", "numpy", "portresize", "torch", "torchvision"}
UNKNOWN = object()
"""What a name stands for that only a run can tell."""


class Member(NamedTuple):
    """A function: a method of `owner`, or a global one where that is None."""

    owner: type | None
    name: str
    function: Any  # A `FunctionType`; the checker would bind one to the tuple.

    @property
    def label(self) -> str:
        """Return the name of the function in a message."""
        return self.name if self.owner is None else f"{self.owner.__name__}.{self.name}"


class Mention(NamedTuple):
    """A name in a function, with the attributes that follow it.

    Attributes:
        path: Names, the first of which is global, as in `tvF.resize`; of an unknown object only the attribute.
        root: Where the path begins: "global", "local" (a name that the function imports), "super" or "object".
        words: Arguments by keyword that are constants, where it is called.
        imported: The module of a "local" name, and what is taken from it, as in "torch.nn:functional".
        after: For "super", the name of the class whose successor is meant, or "" for that of the method.
    """

    path: tuple[str, ...]
    root: str
    words: tuple[tuple[str, object], ...] = ()
    imported: str = ""
    after: str = ""


def mentions(cls: type, entries: Iterable[str], known: Container[int] = ()) -> Iterator[tuple[Member, Mention, object]]:
    """Yield every mention in the functions that methods of `cls` reach, and the object it stands for, or UNKNOWN.

    Args:
        cls: The class.
        entries: Names of the methods.
        known: The `id` of functions that are not read.

    Raises:
        TypeError: The source of a function cannot be read.
    """
    todo = [member for name in entries for member in _method(cls.__mro__, name)]
    seen = set()
    while todo:
        member = todo.pop()
        if member.function in seen or _package(member.function) in _LEAVES:
            continue
        seen.add(member.function)
        for mention in _read(member.function):
            value = _value(mention, member.function)
            yield member, mention, value
            if id(value) in known:
                continue
            if isinstance(function := inspect.unwrap(value) if callable(value) else value, FunctionType):
                owner = next((base for base in cls.__mro__ if base.__dict__.get(function.__name__) is value), None)
                todo.append(Member(owner, function.__name__, function))
            elif value is UNKNOWN and mention.root in {"object", "super"}:
                order = cls.__mro__
                if mention.root == "super":
                    order = order[_place(order, mention.after, member.owner) :]
                todo += _method(order, mention.path[0])


def _method(order: Iterable[type], name: str) -> list[Member]:
    """Return the function of the first class that has the name, if there is one."""
    for base in order:
        if name in base.__dict__:
            value = base.__dict__[name]
            for attribute in ("__func__", "fget", "func"):  # Of static methods and of properties.
                value = getattr(value, attribute, value)
            function = inspect.unwrap(value) if callable(value) else value
            return [Member(base, name, function)] if isinstance(function, FunctionType) else []
    return []


def _place(order: tuple[type, ...], name: str, owner: type | None) -> int:
    """Return the place of the successor of a class."""
    for place, base in enumerate(order):
        if (base.__name__ == name) if name else (base is owner):
            return place + 1
    return 0


def _value(mention: Mention, function: FunctionType) -> object:
    if mention.root == "global":
        value = function.__globals__.get(mention.path[0], UNKNOWN)
    elif mention.root == "local":
        module, _, name = mention.imported.partition(":")
        value = sys.modules.get(module, UNKNOWN)
        value = getattr(value, name, UNKNOWN) if name else value
    else:
        return UNKNOWN
    for name in mention.path[1:]:
        if not isinstance(value, (ModuleType, type)):
            return UNKNOWN
        value = getattr(value, name, UNKNOWN)
    return value


def _package(function: FunctionType) -> str:
    return (function.__module__ or "").partition(".")[0]


# Classes of a library share most of the functions that they reach.
@lru_cache(maxsize=4096)
def _read(function: FunctionType) -> tuple[Mention, ...]:
    """Return what a function names.

    Raises:
        TypeError: Its source cannot be read.
    """
    try:
        source = inspect.getsource(function)
        # A method is indented, and a text in it may be less so.
        tree = ast.parse(f"if True:\n{source}" if source[:1].isspace() else source)
    except (OSError, SyntaxError) as error:
        msg = f"the source of {function.__qualname__} cannot be read"
        raise TypeError(msg) from error
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    definition = next((node for node in ast.walk(tree) if isinstance(node, kinds)), None)
    if definition is None:
        return ()
    # Neither decorators nor annotations run with the function.
    body = [definition.body] if isinstance(definition, ast.Lambda) else definition.body
    nodes = [node for part in body for node in ast.walk(part)]
    imported = {name: module for node in nodes for name, module in _imports(node)}
    code = function.__code__
    unknown = {*code.co_varnames, *code.co_cellvars, *code.co_freevars} - imported.keys()
    words = {id(node.func): _constants(node) for node in nodes if isinstance(node, ast.Call)}
    found = []
    for node in nodes:
        if not isinstance(node, (ast.Name, ast.Attribute)):
            continue
        path, base = _path(node)
        said = words.get(id(node), ())
        if isinstance(base, ast.Name) and base.id not in unknown:
            root = "local" if base.id in imported else "global"
            found.append(Mention((base.id, *path), root, said, imported.get(base.id, "")))
        elif path:
            after = _is_super(base)
            found.append(Mention(path[-1:], "object" if after is None else "super", said, after=after or ""))
    return tuple(found)


def _path(node: ast.expr) -> tuple[tuple[str, ...], ast.expr]:
    """Return the attributes at the end of an expression, and the expression without them."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return tuple(names), node


def _is_super(node: ast.expr) -> str | None:
    """Return None for an expression that is no call of `super`, or the class that it names, or ""."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"):
        return None
    return node.args[0].id if node.args and isinstance(node.args[0], ast.Name) else ""


def _constants(call: ast.Call) -> tuple[tuple[str, object], ...]:
    """Return the arguments by keyword of which the value can be read."""
    words = [
        (word.arg, word.value.value) for word in call.keywords if word.arg and isinstance(word.value, ast.Constant)
    ]
    return tuple(words)


def _imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield names that a statement imports, and for each the module, or the module and what it takes from it."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (top, top)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            yield alias.asname or alias.name, f"{node.module}:{alias.name}"
