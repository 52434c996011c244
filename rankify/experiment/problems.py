"""Everything that is wrong with an experiment's file, collected before it is said, so that one start finds it all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rankify.errors import Misuse, RankifyError, Several, UnknownName


class Problems:
    """What is wrong, each thing with the file and the keys it stands under in front.

    Args:
        where: the file.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.found: list[RankifyError] = []

    @contextmanager
    def at(self, *keys: str) -> Iterator[None]:
        """Notes what is raised in the block, and goes on behind it."""
        try:
            yield
        except Several as several:
            self.found += [RankifyError(self._placed(keys, str(one))) for one in several.args]
        except RankifyError as error:
            self.note(error, *keys)

    def note(self, error: RankifyError, *keys: str) -> None:
        """Notes an error that was not raised."""
        self.found.append(type(error)(self._placed(keys, str(error))))

    def unknown(self, said: Iterable[object], known: Iterable[str], *keys: str) -> None:
        """Notes the keys of a mapping that are none of those that are known."""
        names = tuple(known)
        for key in said:
            if key not in names:
                self.note(Misuse(str(UnknownName.among("key", str(key), names))), *keys)

    def _placed(self, keys: tuple[str, ...], said: str) -> str:
        return ": ".join([*filter(None, [self.where]), *keys, said])

    def refuse(self) -> None:
        """Raises what was noted: the error itself where there is one, Several where there are more."""
        if len(self.found) == 1:
            raise self.found[0]
        if self.found:
            raise Several(*map(str, self.found))
