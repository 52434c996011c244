"""The `rankify` command. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import typer

from rankify.errors import RankifyError, Several

INTERRUPTED = 130
UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # click's, wherever this typer keeps it


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and leaves with 0 (done), 1 (failed), 2 (misuse) or 130 (interrupted).

    An error is one line on standard error, and several at once are a line each; with `--json` it is also the one object
    on standard output, and with `--debug` its traceback is shown.
    """
    words = list(sys.argv[1:] if args is None else args)
    sys.exit(_left_with(words))


def _left_with(words: list[str]) -> int:
    from rankify.cli.app import app

    try:
        code = int(app(words, prog_name="rankify", standalone_mode=False) or 0)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has left, e.g. `rankify list measures | head -3`
        _give_up_output()
        return 1
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:  # the last resort: one line, and --debug for the rest
        if "--debug" in words and "--json" not in words:
            raise
        if "--debug" in words:
            traceback.print_exc()
        return _failed(*_said(error), words, lines=isinstance(error, Several))
    return _failed("interrupted; what was finished is kept", code, words) if code == INTERRUPTED else code


def _said(error: Exception) -> tuple[str, int]:
    """What to say of an error, and the exit code."""
    if isinstance(error, RankifyError):
        return str(error), error.exit_code
    if isinstance(error, UsageError):
        return _usage(error), 2
    if isinstance(error, OSError):
        return _refused(error), 1
    return f"{type(error).__name__}: {error}; --debug shows where", 1


def _refused(error: OSError) -> str:
    """What the system refused; where a disk is full and no file is named, it is the one behind standard output."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT) and not error.filename
    return f"cannot write the result: {error.strerror}" if full else str(error)


def _usage(error: Exception) -> str:
    """Typer's complaint in one line, with the command whose --help says more."""
    context = getattr(error, "ctx", None)
    message = str(getattr(error, "format_message", error.__str__)()).strip()
    end = "" if message.endswith((".", "?", "!")) else "."
    return f"{message}{end} See: {context.command_path if context else 'rankify'} --help"


def _failed(message: str, code: int, words: Sequence[str], *, lines: bool = False) -> int:
    """Says what failed: in one line, or in `lines`, one for each of several things."""
    said = message.splitlines() if lines else [" ".join(message.split())]
    sys.stderr.write("".join(f"rankify: {line}\n" for line in said))
    try:
        if "--json" in words:
            sys.stdout.write(json.dumps({"error": "; ".join(said), "exit_code": code}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    except OSError:  # the disk behind standard output is full, which standard error has just said
        _give_up_output()
    return code


def _give_up_output() -> None:
    """Sends what standard output still holds nowhere: it would fail again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
