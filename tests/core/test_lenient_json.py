"""Standard JSON is decoded unchanged, and invalid JSON is repaired or decoded part by part."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async._core import lenient_json
from seeclickfix_async._core.lenient_json import UNREADABLE

_STRINGS = st.text(max_size=9) | st.text(alphabet='\\"{}[],:\t', max_size=9)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | _STRINGS
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_STRINGS, inner, max_size=4),
    max_leaves=12,
)
_DEEP = b"[" * 100_000 + b"]" * 100_000
_LAYOUT = st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])


@given(_JSON, _LAYOUT)
def test_standard_json_is_decoded_unchanged(value: Any, layout: dict[str, Any]) -> None:
    assert lenient_json.loads(json.dumps(value, **layout).encode()) == value


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (rb'"\ud83d"', "\ufffd"),
        (rb'"a\uDE00"', "a\ufffd"),
        (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\ud83d\n"', "\ufffd\n"),
        (rb'["\\ud83d", "\ud83d"]', ["\\ud83d", "\ufffd"]),
        (rb'{"\ud83d": 1}', {"\ufffd": 1}),
        (b'"a\tb\nc\x01\x00"', "a\tb\nc\x01\x00"),
        (rb'"\u0000"', "\0"),
        (b'"caf\xe9"', "caf\ufffd"),
        (b"[NaN, Infinity, -Infinity, 1e999, -1e999, 1.5]", [None] * 5 + [1.5]),
        (b"[NaN, %s, %s]" % (b"9" * 5_000, b"9" * 300), [None, None, 10**300 - 1]),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_unambiguous_errors_are_repaired(content: bytes, value: Any) -> None:
    assert lenient_json.loads(content) == value


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1,]", b'{"a" 1}', b"1 2", b'"open', b"nul", _DEEP, _DEEP[:99_999]],
    ids=lambda content: repr(content[:9]),
)
def test_ambiguous_content_is_refused(content: bytes) -> None:
    with pytest.raises(UNREADABLE):
        lenient_json.loads(content)


@given(st.lists(_JSON, max_size=5), _LAYOUT)
def test_an_array_is_split_into_its_elements(values: list[Any], layout: dict[str, Any]) -> None:
    parts = lenient_json.elements(json.dumps(values, **layout).encode())

    assert [json.loads(part) for part in parts] == values


@given(st.dictionaries(_STRINGS, _JSON, max_size=5), _LAYOUT)
def test_an_object_is_split_into_its_members(
    values: dict[str, Any], layout: dict[str, Any]
) -> None:
    parts = lenient_json.members(json.dumps(values, **layout).encode())

    assert {key: json.loads(part) for key, part in parts.items()} == values


_INVALID = st.sampled_from(
    [
        rb'{"a": "\ud83d"}',
        b'{"a": NaN}',
        b'{"a": 1,}',
        b'{"a" 1}',
        b'{"a": "\x01"}',
        b'{"a": 2]',
        b"{:}",
        b'"]"',
        b"nonsense",
        b"[" * 3_000 + b"]" * 3_000,
    ]
)


@given(st.lists(_INVALID | _JSON.map(lambda value: json.dumps(value).encode()), max_size=6))
def test_invalid_elements_do_not_affect_the_others(parts: list[bytes]) -> None:
    assert lenient_json.elements(b" [ " + b" , ".join(parts) + b"\n]") == parts
    assert lenient_json.elements(b"[" + b",".join(parts) + b",]") == parts


@given(st.lists(_JSON, min_size=1, max_size=5), st.data())
def test_a_truncated_array_is_refused(values: list[Any], data: st.DataObject) -> None:
    content = json.dumps(values).encode()
    end = data.draw(st.integers(0, len(content) - 1))

    with pytest.raises(ValueError, match=r"container|brackets"):
        lenient_json.elements(content[:end])


@given(
    st.binary(max_size=60)
    | st.text(alphabet='{}[]":,\\u d8 3d0e1', max_size=60).map(str.encode)
    | st.tuples(_JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=4)).map(
        b"".join
    )
)
def test_any_bytes_are_decoded_or_refused(content: bytes) -> None:
    for decode in (lenient_json.loads, lenient_json.elements, lenient_json.members):
        try:
            value: Any = decode(content)
        except UNREADABLE:
            continue
        assert not (isinstance(value, float) and math.isinf(value))
