"""What two profiles of one person make together."""

from collections.abc import Mapping
from typing import Any

# What one profile may know and the other not, with what stands for not knowing. A tier is always known.
BLANKS: Mapping[str, Any] = {
    "name": "",
    "language": None,
    "locale": None,
    "region": None,
    "time_zone": None,
    "notes": "",
    "organisation_id": None,
}


def filled(into: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What of `other` fills blanks of `into`, which keeps all that it has."""
    return {name: other[name] for name, blank in BLANKS.items() if into[name] == blank != other[name]}


def emptied(into: Mapping[str, Any], filling: Mapping[str, Any]) -> dict[str, Any]:
    """What takes `filling` out of `into` again, where nobody changed it since."""
    return {name: BLANKS[name] for name, value in filling.items() if into[name] == value}
