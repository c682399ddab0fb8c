"""Markers of pages: parsed, and refused when damaged."""

import base64
import struct
from datetime import UTC
from uuid import UUID
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from datadeling.api.v1.avtaler import Markoer
from datadeling.domain.search import Marker
from tests.unit.api.conftest import encode_marker

_markers = st.builds(Marker, st.datetimes(timezones=st.just(UTC)), st.uuids())


@given(_markers)
def test_a_marker_is_parsed(marker: Marker) -> None:
    read: object = Markoer().deserialize(encode_marker(*marker))
    assert read == marker


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(st.data())
def test_a_damaged_marker_is_refused(data: st.DataObject) -> None:
    marker = encode_marker(*data.draw(_markers))
    at = data.draw(st.integers(0, len(marker) - 1))
    letters = st.text("ABCabc019-_+/=! \n\0å", max_size=2)
    damaged = marker[:at] + data.draw(letters) + marker[at + data.draw(st.integers(0, 2)) :]
    if damaged != marker:
        with pytest.raises(ValidationError, match="er ikke en markør herfra"):
            Markoer().deserialize(damaged)


@pytest.mark.parametrize(
    "microseconds", [-(2**63), 2**63 - 1, -(10**17), 10**18], ids=["-infinity", "infinity", "BC", "far"]
)
def test_a_marker_with_a_time_out_of_range_is_refused(microseconds: int) -> None:
    place = struct.pack(">q", microseconds) + UUID(int=1).bytes
    marker = base64.urlsafe_b64encode(place + struct.pack(">I", crc32(place))).decode().rstrip("=")
    with pytest.raises(ValidationError):
        Markoer().deserialize(marker)
