"""Words of residents and staff, without personal data and without invisible characters."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator

from seeclickfix_async.mcp._results import UntrustedText
from seeclickfix_async.models import DetailedIssue, Issue, UserRef

_ANONYMOUS = 0  # the id that all anonymous people share (observed)
_SHORTEST_NAME = 2

# The second group is optional, so that a long word without an @ is read once, and not from each of
# its characters.
_EMAIL = re.compile(r"([\w.!#$%&'*+/=?^`{|}~-]+)(@[\w-]+(?:\.[\w-]+)+)?")
_WORD = re.compile(r"[^\W_]+")

# Control characters, directions and tags can hide words from people that a model reads.
_INVISIBLE = ("Cc", "Cf", "Co", "Cs", "Cn")
_LINE_ENDS = "\n\t"


def find_names(issue: Issue, others: Iterable[UserRef | None] = ()) -> frozenset[str]:
    """Return the names of the people of an issue, and of others, which no result contains."""
    people = [issue.reporter, *others]
    if isinstance(issue, DetailedIssue):
        people += (issue.assignee, *(comment.commenter for comment in issue.comments or ()))
    known = (person for person in people if person is not None and person.id != _ANONYMOUS)
    names = ((person.name or "").strip() for person in known)
    return frozenset(name for name in names if len(name) >= _SHORTEST_NAME)


def clean(words: str | None, limit: int, names: Iterable[str] = ()) -> str:
    """Return words without e-mail addresses, these names and invisible characters.

    Args:
        words: The words.
        limit: The most characters to return.
        names: The names to remove.
    """
    visible = "".join(_visible(words or ""))
    without = _EMAIL.sub(lambda match: "[e-mail removed]" if match[2] else match[0], visible)
    patterns = [
        _pattern_of(name)
        for name in sorted(("".join(_visible(name)) for name in names), key=len, reverse=True)
    ]
    if patterns:
        found = rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)"
        without = re.sub(found, "[name removed]", without, flags=re.IGNORECASE)
    return without[:limit].strip()


def _pattern_of(name: str) -> str:
    """Return a pattern of a name with any separators between its words.

    The separators cannot match a part of a word: a name of many dashes would take hours.
    """
    return r"[\W_]+".join(_WORD.findall(name)) or re.escape(name)


def untrusted(words: str | None, limit: int, names: Iterable[str] = ()) -> UntrustedText | None:
    """Return words of people, marked for the model; None if there are none."""
    whole = clean(words, sys.maxsize, names)
    if not whole:
        return None
    return UntrustedText(untrusted_text=whole[:limit].strip(), truncated=len(whole) > limit)


def _visible(text: str) -> Iterator[str]:
    for character in text.replace("\r\n", "\n"):
        if character in _LINE_ENDS or unicodedata.category(character) not in _INVISIBLE:
            yield character
