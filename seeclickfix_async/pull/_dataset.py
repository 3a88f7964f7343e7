"""The folder of a dataset, and the files beside it."""

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

from seeclickfix_async._core.file_replacement import move_into_place
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._checkpoint import CheckpointFile, checkpoint_path
from seeclickfix_async.pull._checksum import file_checksum
from seeclickfix_async.pull._manifest import Manifest, ParquetPart
from seeclickfix_async.pull._parts import PartFiles

_logger = logging.getLogger("seeclickfix_async.pull")

EARLY_MANIFEST = "_pull.json"
"""The name of the checkpoint file of early versions, in the folder."""

_PART = re.compile(r"part-(\d+)\.parquet")
_STAGED = re.compile(r"month=[^.]+\.part-\d+\.parquet")
_MAX_NAMES = 3  # of files in a message


class Dataset:
    """A folder of parts, with its manifest.

    Attributes:
        files: Reads and writes the parts.
        manifest: The checkpoint and the list of parts.
    """

    def __init__(self, path: Path, schema: Any) -> None:
        """Open the folder, and finish the changes of a killed process.

        Raises:
            InvalidArgumentError: It is not a dataset of a pull, or parts are missing or damaged.
        """
        if path.is_symlink():  # new parts are moved into the folder from the same file system
            path = path.resolve()
        self.path = path
        self.files: PartFiles = PartFiles(schema)
        self.manifest: Manifest = self._read_manifest() or Manifest(None)
        self._check_staging()
        self.path.mkdir(exist_ok=True)
        self._finish_changes()
        self._verify()

    @property
    def pending(self) -> Path:
        """The file of the pending rows."""
        return self.path.with_name(f"{self.path.name}.pending")

    def file(self, part: ParquetPart) -> Path:
        """Return the file of a part."""
        return self.path / part.path

    def staged(self, path: str) -> Path:
        """Return the file of a new part, before it is moved into the folder."""
        return self._staging / path.replace("/", ".")

    def free_path(self, month: str) -> str:
        """Return an unused path for a new part."""
        number = 0
        while (self.path / (path := f"{month}/part-{number}.parquet")).exists():
            number += 1
        return path

    def save(self, manifest: Manifest) -> None:
        """Save the manifest."""
        manifest.save(checkpoint_path(self.path))
        self.manifest = manifest

    def check(self) -> None:
        """Check that every part exists and has its size.

        Raises:
            InvalidArgumentError: A part was removed or changed.
        """
        self._refuse_changed(part for part in self.manifest.parts if self._size(part) != part.size)

    @contextlib.contextmanager
    def staging(self) -> Generator[None]:
        """Create the folder for new parts, which `commit` moves; remove it on errors."""
        self._staging.mkdir(exist_ok=True)
        try:
            yield
        except BaseException:
            shutil.rmtree(self._staging, ignore_errors=True)
            raise

    def commit(self, manifest: Manifest, new: Sequence[ParquetPart]) -> None:
        """Save a manifest with new parts, and move these into the folder."""
        paths = {part.path for part in manifest.parts}
        stale = tuple(part.path for part in self.manifest.parts if part.path not in paths)
        paths_to_move = tuple(part.path for part in new)
        self.save(attrs.evolve(manifest, new=paths_to_move, stale=stale))
        self._finish_changes()

    @property
    def _staging(self) -> Path:
        return self.path.with_name(f"{self.path.name}.new")

    def _check_staging(self) -> None:
        """Refuse a folder with other files where new parts are written, and then removed."""
        if not self._staging.exists():
            return
        is_ours = self._staging.is_dir() and all(
            _STAGED.fullmatch(file.name) for file in self._staging.iterdir()
        )
        if not is_ours:
            raise InvalidArgumentError(
                "to",
                f"{self._staging} is needed for new parts, but was not written by a pull. Move it "
                "elsewhere, and pull again.",
            )

    @property
    def _early_manifest(self) -> Path:
        """The checkpoint file of early versions, which polars read as data."""
        return self.path / EARLY_MANIFEST

    def _read_manifest(self) -> Manifest | None:
        manifest = Manifest.read(checkpoint_path(self.path))
        if manifest is not None:
            self._early_manifest.unlink(missing_ok=True)
        elif self._early_manifest.exists():
            manifest = self._convert_early_version()
        elif self.path.exists() and any(not _is_hidden(found) for found in self.path.iterdir()):
            raise InvalidArgumentError(
                "to",
                f"{self.path} exists already and was not written by a pull. Choose another name.",
            )
        return manifest

    def _convert_early_version(self) -> Manifest | None:
        """Convert a dataset of an early version."""
        early = CheckpointFile.read(self._early_manifest)
        if early is None:
            return None
        pending = self.path / f"_pending-{early.number}.arrow"
        if pending.exists():
            pending.replace(self.pending)
        if early.length and self.pending.exists():
            os.truncate(self.pending, min(early.length, self.pending.stat().st_size))
        parts: list[ParquetPart] = []
        for number, file in sorted(_numbered(self.path)):
            if number >= early.number:  # the process was killed before it committed these
                file.unlink()
            else:
                path = file.relative_to(self.path).as_posix()
                parts.append(self.files.describe(file, path))
        checksum = file_checksum(self.pending) if early.length and self.pending.exists() else 0
        manifest = Manifest(early.checkpoint, early.length, checksum=checksum, parts=tuple(parts))
        manifest.save(checkpoint_path(self.path))
        for stale in (
            *self.path.glob("_pending-*"),
            *self.path.glob("_*.new"),
            self._early_manifest,
        ):
            stale.unlink()
        return manifest

    def _finish_changes(self) -> None:
        """Move the new parts of the manifest into the folder, and remove its stale ones."""
        for path in self.manifest.stale:
            file = self.path / path
            file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # the folder holds other files
                file.parent.rmdir()
        for path in self.manifest.new:
            if self.staged(path).exists():
                (self.path / path).parent.mkdir(exist_ok=True)
                move_into_place(self.staged(path), self.path / path)
        if self.manifest.new or self.manifest.stale:
            self.save(attrs.evolve(self.manifest, new=(), stale=()))
        shutil.rmtree(self._staging, ignore_errors=True)

    def _verify(self) -> None:
        """Check the bytes of all parts; convert those that another program wrote."""
        parts = self.manifest.parts
        self._refuse_changed(part for part in parts if self._size(part) is None)
        changed = [part for part in parts if not self._is_unchanged(part)]
        if changed:
            with self.staging():
                new = {part.path: self._convert(part) for part in changed}
            parts = tuple(new.get(part.path, part) for part in parts)
            self.commit(attrs.evolve(self.manifest, parts=parts), tuple(new.values()))
        known = {self.file(part) for part in parts}
        for file in sorted(self.path.rglob("*.parquet")):
            if file not in known:
                _logger.warning(
                    "%s is not a part of the pull and was ignored, but programs that read the "
                    "folder will read it as data. Move it elsewhere.",
                    file,
                )

    def _is_unchanged(self, part: ParquetPart) -> bool:
        return self._size(part) == part.size and file_checksum(self.file(part)) == part.checksum

    def _convert(self, part: ParquetPart) -> ParquetPart:
        """Rewrite a changed part in our schema, if it holds the same rows.

        Other values of the same issues may be damage, or an older version of the part that a backup
        or a program for synchronization has put back.
        """
        file = self.file(part)
        new = self.files.write(self.files.convert(file), self.staged(part.path), part.path)
        if new is None or (new.rows, new.values) != (part.rows, part.values):
            raise InvalidArgumentError(
                "to",
                f"{file} was changed, and does not hold the issues that were written to it, or "
                f"holds other values. Restore its last version, or {self._advice}",
            )
        _logger.warning("%s was written by another program, and was converted back.", file)
        return new

    def _size(self, part: ParquetPart) -> int | None:
        try:
            return self.file(part).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _refuse_changed(self, parts: Iterable[ParquetPart]) -> None:
        """Raise an error that names these parts, if any, as removed or changed."""
        names = [part.path for part in parts]
        if names:
            more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
            raise InvalidArgumentError(
                "to",
                f"parts of {self.path} were removed or changed: "
                f"{', '.join(names[:_MAX_NAMES])}{more}. Restore them, or {self._advice}",
            )

    @property
    def _advice(self) -> str:
        return f"remove {self.path} and {checkpoint_path(self.path).name} to begin anew."


def _is_hidden(file: Path) -> bool:
    return file.name.startswith((".", "_"))


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    """Iterate over the parts of an early version, with their numbers."""
    for file in folder.glob("month=*/part-*.parquet"):
        if found := _PART.fullmatch(file.name):
            yield int(found[1]), file
