"""How far a share that was counted may be from the one behind it."""

import math
from typing import Final

_Z: Final = 1.959964  # 95 %


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of a share after Wilson (1927), which holds for small numbers; everything for none."""
    if whole <= 0:
        return 0.0, 1.0
    part = min(part, whole)
    share, z2 = part / whole, _Z * _Z
    middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    half = _Z / (1 + z2 / whole) * math.sqrt(share * (1 - share) / whole + z2 / (4 * whole * whole))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))  # however they are rounded
