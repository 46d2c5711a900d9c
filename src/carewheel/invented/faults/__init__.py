"""Faults of real exports, planted in the files of an invented place and listed, so that readers can be scored.

`plant` rewrites files that `carewheel.invented.exports` has written. What each kind is, how often it comes and how the
product should notice it stands in ``data/faults.toml``; how it is done, in the modules of this package.
"""

from __future__ import annotations

from carewheel.invented.faults.kinds import FaultKind, fault_kinds
from carewheel.invented.faults.planting import plant

__all__ = ["FaultKind", "fault_kinds", "plant"]
