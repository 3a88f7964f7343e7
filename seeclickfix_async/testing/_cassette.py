"""Responses of the service, recorded without secrets, and replayed without the service."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib
import json
import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import attrs

from seeclickfix_async.errors._counting import counted
from seeclickfix_async.testing._redaction import Redactor

_VERSION = 1
_STORED_HEADERS = (
    *("age", "cache-control", "content-type", "date", "etag", "last-modified", "link", "location"),
    *("retry-after", "www-authenticate"),
)
_LINKS = ("link", "location")

# One transparent pixel, which is stored instead of each photo.
_PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR42mNgAAIAAAUAAen63NgAAAAASUVORK5CYII="
)


class UnrecordedRequestError(LookupError):
    """A request whose response is not in a cassette."""


@attrs.define
class _Interaction:
    """A request and its response, as they are stored."""

    key: str
    request: str
    status: int
    headers: dict[str, str]
    body: Any

    def content(self) -> bytes:
        """Return the body as it is replayed."""
        if isinstance(self.body, dict) and set(self.body) == {"base64"}:
            return base64.b64decode(self.body["base64"])
        if isinstance(self.body, dict) and set(self.body) == {"text"}:
            return str(self.body["text"]).encode()
        return b"" if self.body is None else json.dumps(self.body).encode()


class Cassette:
    """A file of recorded responses: the fixture `scf_cassette`, and the same without pytest.

        with Cassette("tests/cassettes/potholes.json") as cassette:
            client = AsyncClient(http=cassette.make_http())

    To record, pass `record=True`, or run pytest with `--scf-record`: requests are then sent to the
    service, and the file is written at the end. Requests are known again by method, URL and body.
    One that was recorded repeatedly gets its responses in the same order, and then the last one.

    Nothing that is stored contains tokens, codes, states, passwords, cookies, e-mail addresses,
    phone numbers, names or pictures of people; their ids are stored. The names become `Person 1`
    and so on, also in descriptions. Photos become one pixel, and what people answered to the
    questions of a form is replaced. A name that occurs in a description only, such as a signature,
    is not recognized: read a cassette before you publish it.

    Args:
        path: The file, in JSON.
        record: Whether to record. An existing file is replaced.
    """

    def __init__(self, path: str | PathLike[str], *, record: bool = False) -> None:
        self.path: Path = Path(path)
        self.record: bool = record
        self._redactor = Redactor()
        self._interactions: list[_Interaction] = [] if record else self._load()
        self._replayed: dict[str, int] = {}

    def make_http(self, library: str = "httpx", *, via: Any = None) -> Any:
        """Return an HTTP client that replays or records: the `http=` of an AsyncClient.

        Args:
            library: `httpx` or `httpx2`.
            via: The HTTP client of the same library that sends the requests to be recorded; by
                default, a new one.
        """
        module = importlib.import_module(library)
        transport = _transport_class(library)(self, via)
        return module.AsyncClient(transport=transport)

    def save(self) -> None:
        """Write the file, if this records."""
        if not self.record:
            return
        stored = [attrs.asdict(interaction) for interaction in self._interactions]
        cleaned = self._redactor.clean(stored)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {"version": _VERSION, "interactions": cleaned}
        self.path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")

    def store(
        self, request: tuple[str, str, bytes, Mapping[str, str]], response: Any, content: bytes
    ) -> None:
        """Record a response to a request: method, URL, body and headers."""
        method, url, sent, headers = request
        self._redactor.learn_headers(headers)
        _canonical_body(self._redactor, url, headers.get("content-type", ""), sent)  # learns it
        self._redactor.learn_headers(response.headers)
        kept = {
            name: response.headers[name] for name in _STORED_HEADERS if name in response.headers
        }
        for name in _LINKS:
            if name in kept:
                kept[name] = self._redactor.redact_url(kept[name])
        body = _redact_body(self._redactor, url, kept.get("content-type", ""), content)
        self._interactions.append(
            _Interaction(
                _key(request),
                f"{method} {self._redactor.redact_url(url)}",
                response.status_code,
                kept,
                body,
            )
        )

    def find(self, request: tuple[str, str, bytes, Mapping[str, str]]) -> _Interaction:
        """Return the next recorded response to a request.

        Raises:
            UnrecordedRequestError: There is none.
        """
        method, url, *_ = request
        key = _key(request)
        matching = [interaction for interaction in self._interactions if interaction.key == key]
        if not matching:
            seen = (
                f"which has {counted(len(self._interactions), 'response')}"
                if self.path.exists()
                else "which does not exist"
            )
            raise UnrecordedRequestError(
                f"{method} {self._redactor.redact_url(url)} is not in the cassette {self.path}, "
                f"{seen}. Record it: run this test with pytest --scf-record, or use "
                "Cassette(path, record=True)."
            )
        number = self._replayed.get(key, 0)
        self._replayed[key] = number + 1
        return matching[min(number, len(matching) - 1)]

    def _load(self) -> list[_Interaction]:
        try:
            stored = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return []
        if stored.get("version") != _VERSION:
            raise ValueError(f"{self.path} is not a cassette of this version. Record it again.")
        return [_Interaction(**interaction) for interaction in stored["interactions"]]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.save()


def _key(request: tuple[str, str, bytes, Mapping[str, str]]) -> str:
    """Return a digest of a request without its secrets, which change from run to run.

    It does not depend on other requests and responses, which a replay may have in another order.
    """
    redactor = Redactor()
    method, url, content, headers = request
    body = _canonical_body(redactor, url, headers.get("content-type", ""), content)
    text = json.dumps([method, redactor.redact_url(url), body], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical_body(redactor: Redactor, url: str, content_type: str, content: bytes) -> Any:
    if boundary := re.search(r"boundary=\"?([^\";]+)", content_type):
        content = content.replace(boundary[1].encode(), b"boundary")
        return hashlib.sha256(content).hexdigest()
    if content_type.startswith("application/x-www-form-urlencoded"):
        pairs = parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True)
        return redactor.redact_pairs(sorted(pairs))
    return _redact_body(redactor, url, content_type, content)


def _redact_body(redactor: Redactor, url: str, content_type: str, content: bytes) -> Any:
    """Return a body as it is stored: JSON, a string, or one pixel for a photo."""
    if not content:
        return None
    if content_type.startswith(("image/", "video/")):
        return {"base64": _PIXEL}
    text = content.decode("utf-8", "replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {"text": redactor.redact_text(text)}
    return redactor.redact_json(document, oauth="/oauth/" in urlsplit(url).path)


@functools.cache
def _transport_class(library: str) -> Any:
    """Return the class of transports of `httpx` or `httpx2` that use a cassette."""
    module = importlib.import_module(library)

    class CassetteTransport(module.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        """Replays or records."""

        def __init__(self, cassette: Cassette, via: Any) -> None:
            self._cassette = cassette
            self._via = via

        async def handle_async_request(self, request: Any) -> Any:
            """Return the recorded response, or the one that is recorded now."""
            body = await request.aread()
            described = (request.method, str(request.url), body, request.headers)
            if self._cassette.record:
                return await self._record(request, described)
            interaction = self._cassette.find(described)
            return module.Response(
                interaction.status, headers=interaction.headers, content=interaction.content()
            )

        async def _record(self, request: Any, described: Any) -> Any:
            if self._via is None:
                self._via = module.AsyncClient()
            response = await self._via.send(request, follow_redirects=False)
            content = await response.aread()
            self._cassette.store(described, response, content)
            hidden = ("content-encoding", "content-length", "transfer-encoding")
            headers = [pair for pair in response.headers.multi_items() if pair[0] not in hidden]
            return module.Response(response.status_code, headers=headers, content=content)

        async def aclose(self) -> None:
            """Close the client that sent the requests."""
            if self._via is not None:
                await self._via.aclose()

    return CassetteTransport
