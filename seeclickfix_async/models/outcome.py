"""What became of something that was written."""

from __future__ import annotations

import attrs


@attrs.frozen
class Moderated:
    """It was taken and is held back until somebody at the service has read it (documented: 202).

    There is nothing to read yet, and no id; writing it again would only add another one.
    """
