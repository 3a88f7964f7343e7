"""The files of a dataset: its folder, and what stands beside it."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._checkpoint import CheckpointFile, checkpoint_path
from seeclickfix_async.pull._manifest import Manifest, Part
from seeclickfix_async.pull._parts import PartFiles
from seeclickfix_async.pull._pending import file_checksum

_logger = logging.getLogger("seeclickfix_async")

_PART = re.compile(r"part-(\d+)\.parquet")
_NAMED = 3  # files that a message names


class Dataset:
    """A folder of parts, kept as its manifest says.

    Attributes:
        files: Reads and writes the parts.
        manifest: The files, and where the pull stands.
    """

    def __init__(self, path: Path, schema: Any) -> None:
        """Open the folder, and finish what a killed process began.

        Raises:
            InvalidArgumentError: It is not a dataset of ours, or parts are missing or damaged.
        """
        if path.is_symlink():  # new parts are moved into the folder from beside it
            path = path.resolve()
        if path.exists() and not path.is_dir():
            raise InvalidArgumentError("to", f"{path} is a file, and has to be a folder.")
        self.path = path
        self.files: PartFiles = PartFiles(schema)
        self.manifest: Manifest = self._find() or Manifest(None)
        self.path.mkdir(exist_ok=True)
        self._carry_out()
        self._verify()

    @property
    def pending(self) -> Path:
        """The file of the rows that are in no part yet."""
        return self.path.with_name(f"{self.path.name}.pending")

    def file(self, part: Part) -> Path:
        """The file of a part."""
        return self.path / part.path

    def staged(self, path: str) -> Path:
        """The file of a part that is not in the folder yet."""
        return self._staging / path.replace("/", ".")

    def free_path(self, month: str) -> str:
        """The path of a new part."""
        number = 0
        while (self.path / (path := f"{month}/part-{number}.parquet")).exists():
            number += 1
        return path

    def save(self, manifest: Manifest) -> None:
        """Write the manifest."""
        manifest.save(checkpoint_path(self.path))
        self.manifest = manifest

    def check(self) -> None:
        """Check that every part is still there, by its size.

        Raises:
            InvalidArgumentError: One is not.
        """
        self._refuse(part for part in self.manifest.parts if self._size(part) != part.size)

    @contextlib.contextmanager
    def staging(self) -> Generator[None]:
        """The folder for parts that are being written; `commit` moves them to their places."""
        self._staging.mkdir(exist_ok=True)
        try:
            yield
        except BaseException:
            shutil.rmtree(self._staging, ignore_errors=True)
            raise

    def commit(self, manifest: Manifest, new: Sequence[Part]) -> None:
        """Replace the manifest by one that has new parts, which are staged."""
        paths = {part.path for part in manifest.parts}
        stale = tuple(part.path for part in self.manifest.parts if part.path not in paths)
        moved = tuple(part.path for part in new)
        self.save(attrs.evolve(manifest, new=moved, stale=stale))
        self._carry_out()

    @property
    def _staging(self) -> Path:
        return self.path.with_name(f"{self.path.name}.new")

    @property
    def _former(self) -> Path:
        """The checkpoint of earlier versions, which polars took for data."""
        return self.path / "_pull.json"

    def _find(self) -> Manifest | None:
        manifest = Manifest.read(checkpoint_path(self.path))
        if manifest is not None:
            self._former.unlink(missing_ok=True)
        elif self._former.exists():
            manifest = self._adopt()
        elif self.path.exists() and any(not _is_hidden(found) for found in self.path.iterdir()):
            raise InvalidArgumentError(
                "to", f"{self.path} is there already, and is no pull. Name another."
            )
        return manifest

    def _adopt(self) -> Manifest | None:
        """Take over a dataset of an earlier version."""
        before = CheckpointFile.read(self._former)
        if before is None:
            return None
        gathered = self.path / f"_pending-{before.number}.arrow"
        if gathered.exists():
            gathered.replace(self.pending)
        if before.length and self.pending.exists():
            os.truncate(self.pending, min(before.length, self.pending.stat().st_size))
        parts: list[Part] = []
        for number, file in sorted(_numbered(self.path)):
            if number >= before.number:  # the process was killed before these counted
                file.unlink()
            else:
                path = file.relative_to(self.path).as_posix()
                parts.append(self.files.describe(file, path, self.files.ids(file)))
        checksum = file_checksum(self.pending) if before.length and self.pending.exists() else 0
        manifest = Manifest(before.checkpoint, before.length, checksum=checksum, parts=tuple(parts))
        manifest.save(checkpoint_path(self.path))
        for stale in (*self.path.glob("_pending-*"), *self.path.glob("_*.new"), self._former):
            stale.unlink()
        return manifest

    def _carry_out(self) -> None:
        """Move the new parts into the folder, and remove those that are none any more."""
        for path in self.manifest.stale:
            file = self.path / path
            file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # it holds other files
                file.parent.rmdir()
        for path in self.manifest.new:
            if self.staged(path).exists():
                (self.path / path).parent.mkdir(exist_ok=True)
                self.staged(path).replace(self.path / path)
        if self.manifest.new or self.manifest.stale:
            self.save(attrs.evolve(self.manifest, new=(), stale=()))
        shutil.rmtree(self._staging, ignore_errors=True)

    def _verify(self) -> None:
        """Check the parts byte by byte; convert those that another program wrote."""
        parts = self.manifest.parts
        self._refuse(part for part in parts if self._size(part) is None)
        others = [part for part in parts if not self._is_unchanged(part)]
        if others:
            with self.staging():
                new = {part.path: self._convert(part) for part in others}
            parts = tuple(new.get(part.path, part) for part in parts)
            self.commit(attrs.evolve(self.manifest, parts=parts), tuple(new.values()))
        ours = {self.file(part) for part in parts}
        for file in sorted(self.path.rglob("*.parquet")):
            if file not in ours:
                _logger.warning(
                    "%s is not a part of the pull and was left out, but programs that read the "
                    "folder take it for data. Move it elsewhere.",
                    file,
                )

    def _is_unchanged(self, part: Part) -> bool:
        return self._size(part) == part.size and file_checksum(self.file(part)) == part.checksum

    def _convert(self, part: Part) -> Part:
        """Write a changed part in our types, if it holds the same issues."""
        file = self.file(part)
        new = self.files.write(self.files.convert(file), self.staged(part.path), part.path)
        if new is None or (new.rows, new.ids) != (part.rows, part.ids):
            raise InvalidArgumentError(
                "to",
                f"{file} was changed, and does not hold the issues that were written to it. "
                f"Restore it, or {self._remedy}",
            )
        _logger.warning("%s was written by another program, and was converted back.", file)
        return new

    def _size(self, part: Part) -> int | None:
        try:
            return self.file(part).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _refuse(self, parts: Iterable[Part]) -> None:
        """Report parts that were removed or changed."""
        names = [part.path for part in parts]
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            raise InvalidArgumentError(
                "to",
                f"parts of {self.path} were removed or changed: {', '.join(names[:_NAMED])}{more}. "
                f"Restore them, or {self._remedy}",
            )

    @property
    def _remedy(self) -> str:
        return f"remove {self.path} and {checkpoint_path(self.path).name} to begin anew."


def _is_hidden(file: Path) -> bool:
    return file.name.startswith((".", "_"))


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    """The parts of an earlier version, by their number."""
    for file in folder.glob("month=*/part-*.parquet"):
        if found := _PART.fullmatch(file.name):
            yield int(found[1]), file
