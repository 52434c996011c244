"""The documentation of Python's standard library, object by object.

It is collected in a fresh interpreter that imports nothing but the library, by running this file: what other packages
have changed in this process, or a file of the user's that is named like a module, then makes no difference.
"""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import pkgutil
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from inspect import Parameter
from types import ModuleType
from typing import Any, NamedTuple

# Left out because importing them opens a window or a browser, prints, or depends on what a distribution installs
# beside Python: Debian ships tkinter, lib2to3 and idlelib apart, and some builds lack curses, dbm, readline or nis.
# `encodings` is a hundred tables, and what `posix` and `genericpath` define is known as `os` and `os.path`.
_LEFT_OUT = """
antigravity this test idlelib lib2to3 turtle turtledemo tkinter distutils ensurepip venv pydoc_data rlcompleter
curses readline dbm nis crypt spwd ossaudiodev msilib msvcrt winreg winsound nt ntpath nturl2path
encodings posix genericpath opcode sre_compile sre_constants sre_parse xxlimited xxlimited_35 xxsubtype
"""
LEFT_OUT = frozenset(_LEFT_OUT.split())
_KNOWN_AS = {"builtins": "", "posixpath": "os.path"}
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_FIELD = re.compile(r"Alias for field number \d+$")
_CALL = re.compile(r"[\w.]+\([^()]*(?:\([^()]*\)[^()]*)*\)(?:\s*->\s*[^.]*)?")
_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)(?<!\bcf)[.!?][)\"'`]*(?=\s|$)")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_STARS: dict[Any, str] = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}
log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """An object of the library: its dotted name, its signature (or ""), and its docstring in two parts.

    >>> Entry("http.client.HTTPResponse.getheader", "(name, default=None)", "", "").words
    'http client HTTP Response getheader'
    """

    name: str
    signature: str
    sentence: str
    rest: str

    @property
    def words(self) -> str:
        """The words that the name is made of."""
        return " ".join(_WORD.findall(self.name))


class Place(NamedTuple):
    """Where an object can be met; the least of its places gives it its name."""

    strange: bool  # the module is not the one that the object says it is from
    depth: int
    name: str


def collected() -> list[Entry]:
    """The entries of this Python, collected in a fresh interpreter.

    Raises:
        RuntimeError: the interpreter does not start, or stops.
    """
    # isolated, without site-packages: no environment variable, working folder or installed package has a say
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-W", "ignore", __file__]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1])
    return [Entry(*fields) for fields in json.loads(done.stdout)]


def entries() -> list[Entry]:
    """Every public module, class, function, method and property with a docstring, once, sorted by name.

    An object has the name of the module that defines it; when that is a private one, of the public module that shows
    it. Addresses in memory and paths of this machine are left out, so that the same Python gives the same entries.
    """
    places: dict[int, tuple[Place, Any]] = {}
    for module in _modules():
        for place, thing in _things(module):
            if id(thing) not in places or place < places[id(thing)][0]:
                places[id(thing)] = place, thing
    named = {place.name: thing for place, thing in places.values()}
    made = (_entry(name, named[name]) for name in sorted(named))
    return [entry for entry in made if entry is not None]


def _modules() -> list[ModuleType]:
    """The public modules of the library that can be imported here, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = (name for top in filter(_public, sorted(sys.stdlib_module_names)) for name in _names(top))
        return [module for name in names if (module := _imported(name)) is not None]


def _public(name: str) -> bool:
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names and top not in LEFT_OUT and not top.startswith("_")


def _names(top: str) -> Iterator[str]:
    yield top
    package = _imported(top)
    for part in sorted(p.name for p in pkgutil.iter_modules(getattr(package, "__path__", []))):
        if not part.startswith("_") and part not in ("test", "tests"):
            yield from _names(f"{top}.{part}")


def _imported(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError as error:  # a module of another system, or built without a library
        log.debug("%s is not available: %s", name, error)
        return None


def _things(module: ModuleType) -> Iterator[tuple[Place, Any]]:
    """What a module defines or is the public face of, and what its classes define."""
    home = module.__name__
    known = _KNOWN_AS.get(home, home)
    yield Place(False, 0, known or home), module
    for name, thing in sorted(vars(module).items()):
        if name.startswith("_") or not (inspect.isclass(thing) or inspect.isroutine(thing)):
            continue
        origin = getattr(thing, "__module__", None) or home
        if origin != home and _public(origin):
            continue  # it will be met at home
        place = Place(origin.lstrip("_") != home, home.count("."), f"{known}.{name}".lstrip("."))
        yield place, thing
        for member, inner in sorted(vars(thing).items()) if inspect.isclass(thing) else ():
            if not member.startswith("_"):
                yield place._replace(name=f"{place.name}.{member}"), getattr(inner, "__func__", inner)


def _entry(name: str, thing: Any) -> Entry | None:
    documentation = getattr(thing, "__doc__", None)
    if not isinstance(documentation, str) or (not inspect.isclass(thing) and documentation == type(thing).__doc__):
        return None
    sentence, rest = first_sentence(without_call(inspect.cleandoc(_ADDRESS.sub("", documentation))))
    return Entry(name, _signature(thing), sentence, rest) if sentence and not _FIELD.match(sentence) else None


def _signature(thing: Any) -> str:
    """The parameters and their plain defaults; "" when there are none to tell."""
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return ""
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except (ValueError, TypeError, AttributeError):  # C code that does not say, or says what it does not have
        return ""
    return f"({', '.join(_parameter(p) for p in parameters if p.name not in ('self', 'cls'))})"


def _parameter(parameter: Parameter) -> str:
    default = parameter.default
    plain = default is None or isinstance(default, bool | int | float | str | bytes)
    if isinstance(default, str) and default.startswith("/") and len(default) > 1:
        plain = False  # a path of this machine
    shown = "" if default is parameter.empty else f"={default!r}" if plain else "=..."
    return f"{_STARS.get(parameter.kind, '')}{parameter.name}{shown}"


def without_call(text: str) -> str:
    """A docstring without the call that many begin with.

    >>> without_call("wrap(text : string) -> [string]\\n\\nWrap a text.")
    'Wrap a text.'
    """
    while call := _CALL.match(text):
        line, _, others = text.partition("\n")
        if call.end() < len(line):
            break
        text = others.strip()
    return text


def first_sentence(text: str) -> tuple[str, str]:
    """The first sentence of a text on one line, and what follows it.

    >>> first_sentence("Wrap a text,\\ne.g. a long one. Returns lines.\\n\\nMore.")
    ('Wrap a text, e.g. a long one.', 'Returns lines.\\n\\nMore.')
    """
    paragraph, _, others = text.strip().partition("\n\n")
    end = _END.search(paragraph)
    sentence, rest = (paragraph[: end.end()], paragraph[end.end() :]) if end else (paragraph, "")
    return " ".join(sentence.split()), f"{rest.strip()}\n\n{others.strip()}".strip()


if __name__ == "__main__":
    json.dump(entries(), sys.stdout)
