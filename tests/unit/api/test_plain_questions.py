"""Bodies that are read straight come to what marshmallow makes of them, and all others are left to it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError

from datadeling.api.fields import EXAMPLE_FNR, EXAMPLE_TIME, PlainQuestion
from datadeling.api.v1.requests import AvtalesoekSpoersmaal, PersonSpoersmaal, TiltaksstatusSpoersmaal

_QUESTIONS = (TiltaksstatusSpoersmaal(), AvtalesoekSpoersmaal(), PersonSpoersmaal())
_RIGHT: dict[str, object] = {
    "fnr": EXAMPLE_FNR,
    "identer": [EXAMPLE_FNR, "15877000001"],
    "dato": "2026-03-01",
    "tidspunkt": EXAMPLE_TIME,
    "felter": ["avtaleId", "tiltakstype"],
    "bedriftNr": "999999999",
    "tiltakstype": "MENTOR",
    "avtaleStatus": "GJENNOMFØRES",
    "periode": {"fom": "2026-01-01", "tom": "2026-03-01"},
    "inkluderFeilregistrerte": True,
    "antall": 10,
    "markoer": "AAAA",
}
_WRONG = st.sampled_from(
    [None, "", "x", "\0", "15877512360\n", "2026-02-30", 1, 1.0, 1.5, True, [], [None], [""], {}, {"x": 1},
     {"fom": None}, {"fom": "2026-03-01", "tom": "2026-01-01"}]
)  # fmt: skip
_members = st.sampled_from(sorted(_RIGHT)).flatmap(
    lambda name: st.tuples(st.just(name), st.one_of(st.just(_RIGHT[name]), st.just(_RIGHT[name]), _WRONG))
)
_bodies = st.one_of(
    st.lists(_members, max_size=4).map(dict),
    st.dictionaries(st.sampled_from([*_RIGHT, "ukjent"]), _WRONG, max_size=3),
    _WRONG,
)


@given(st.sampled_from(_QUESTIONS), _bodies)
@example(_QUESTIONS[1], {})
@example(_QUESTIONS[0], {"fnr": EXAMPLE_FNR, "identer": [EXAMPLE_FNR]})
def test_what_is_read_straight_is_what_marshmallow_reads(question: PlainQuestion, given: object) -> None:
    found = question.found(given)
    try:
        loaded = question.load(given)  # type: ignore[arg-type]  # whatever was sent
    except ValidationError:
        assert found is None
    else:
        assert found is None or found == loaded


@pytest.mark.parametrize(
    ("question", "names"),
    [
        pytest.param(_QUESTIONS[0], ("fnr",), id="the status of a person"),
        pytest.param(
            _QUESTIONS[0], ("identer", "dato", "tidspunkt", "felter"), id="and all that goes with it"
        ),
        pytest.param(_QUESTIONS[1], ("fnr", "periode", "antall"), id="the avtaler of a person"),
        pytest.param(_QUESTIONS[1], (), id="nothing"),
    ],
)
def test_what_is_right_is_read_straight(question: PlainQuestion, names: tuple[str, ...]) -> None:
    body = {name: _RIGHT[name] for name in names}
    assert question.found(body) == question.load(body)
    assert question.found(body) is not None
