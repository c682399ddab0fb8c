import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.demo.fnr import er_syntetisk, syntetisk_fnr
from tests.unit.demo.seeded import seeded

# As the tax authority states it: weighted with the check digits included, the sums divide by 11.
K1 = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
K2 = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)

seeds = st.integers(0, 2**32)


def sums_divide(fnr: str) -> bool:
    digits = [int(c) for c in fnr]
    return all(sum(w * d for w, d in zip(weights, digits, strict=False)) % 11 == 0 for weights in (K1, K2))


def number(date: str) -> str:
    """One that begins with the date and is valid otherwise; not every individnummer has check digits."""
    rest = (f"{individ:03}{check:02}" for individ in range(100, 200) for check in range(100))
    return next(fnr for fnr in (date + digits for digits in rest) if sums_divide(fnr))


@given(seeds)
def test_is_well_formed_with_80_added_to_the_month(seed: int) -> None:
    fnr = syntetisk_fnr(seeded(seed))
    assert len(fnr) == 11
    assert fnr.isdigit()
    assert 81 <= int(fnr[2:4]) <= 92
    assert 1 <= int(fnr[:2]) <= 31
    assert sums_divide(fnr)
    assert er_syntetisk(fnr)


@given(seeds)
def test_the_individnummer_agrees_with_the_century(seed: int) -> None:
    fnr = syntetisk_fnr(seeded(seed))
    born_in_1900s = int(fnr[4:6]) >= 55
    assert (int(fnr[6:9]) < 500) == born_in_1900s


@given(seeds)
def test_the_same_seed_gives_the_same_number(seed: int) -> None:
    assert syntetisk_fnr(seeded(seed)) == syntetisk_fnr(seeded(seed))


@given(seeds, st.integers(0, 10), st.integers(1, 9))
def test_any_one_digit_changed_is_found_out(seed: int, at: int, by: int) -> None:
    fnr = syntetisk_fnr(seeded(seed))
    changed = fnr[:at] + str((int(fnr[at]) + by) % 10) + fnr[at + 1 :]
    assert not er_syntetisk(changed)


@pytest.mark.parametrize(
    ("date", "synthetic"),
    [
        pytest.param("158190", True, id="80 added, as in Tenor"),
        pytest.param("154190", True, id="40 added, as in Dolly"),
        pytest.param("558190", True, id="a D-number: 40 added to the day, too"),
        pytest.param("298200", True, id="29 February"),
        pytest.param("308200", False, id="30 February"),
        pytest.param("008190", False, id="day 0"),
        pytest.param("158090", False, id="month 0"),
        pytest.param("159390", False, id="month 13"),
        pytest.param("155390", False, id="month 13 with 40 added"),
        pytest.param("156590", False, id="65 added, which nobody does"),
    ],
)
def test_the_date_decides(date: str, *, synthetic: bool) -> None:
    assert er_syntetisk(number(date)) is synthetic


def test_a_real_month_is_not_synthetic() -> None:
    # Put together here, so that no number of that form stands in a file.
    assert not er_syntetisk(number("15" + "01" + "90"))


@pytest.mark.parametrize("text", ["", "1581901", "158190123456", "1581901234x", "1581901234\u0663"])
def test_what_is_no_number_is_not_synthetic(text: str) -> None:
    assert not er_syntetisk(text)
