"""The language that asks for sweeps: what fits, what is refused, and that what is printed can be typed again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.sweeps.query import FIELDS, SORTS, Query, Term, ranked, read_query, select
from scaling_tui.sweeps.row import SweepRow

ROWS = [
    SweepRow(
        "quickstart", "/r/quickstart", ladder="quickstart", corpus="stdlib", state="finished", created=5.0,
        tags=["base", "paper"], note="the good one,\nkept", law="chinchilla-n", params=4e5, size=9,
        best={"run": "r7", "loss": 1.4, "loss_is_held_out": True}, states={"finished": 7},
    ),
    SweepRow(
        "quickstart-2", "/r/quickstart-2", ladder="quickstart", corpus="stdlib", state="running", created=4.0,
        tags=["Baseline"], best={"run": "r1", "loss": 1.9, "loss_is_held_out": True}, states={"running": 2},
    ),
    SweepRow("shakespeare long", "/r/s", ladder="tiny-shakespeare", corpus="tiny", state="failed", created=3.0),
    SweepRow("theirs", "/r/theirs", state="lost", created=2.0, params=1e9),
    SweepRow("old", "/r/old", ladder="quickstart", state="finished", created=1.0, archived=True),
    SweepRow("torn", "/r/torn", broken="sweep.json: missing"),
]  # fmt: skip


def names(query: str, sort: str | None = None, typing: bool = False) -> list[str]:
    return [row.name.split()[0] for row in select(ROWS, read_query(query, typing), sort)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["quickstart", "quickstart-2", "shakespeare", "theirs", "torn"]),
        ("ladder:quickstart", ["quickstart", "quickstart-2"]),
        ("LADDER:QuickStart state:running", ["quickstart-2"]),
        ("state:failed,lost", ["shakespeare", "theirs"]),
        ("-state:finished -state:running", ["shakespeare", "theirs", "torn"]),
        ("tag:base", ["quickstart"]),
        ("tag:base*", ["quickstart", "quickstart-2"]),
        ("tag:base tag:paper", ["quickstart"]),
        ("tag:", ["shakespeare", "theirs", "torn"]),
        ("-tag:paper ladder:quick*", ["quickstart-2"]),
        ("corpus:tiny", ["shakespeare"]),
        ("law:chinchilla*", ["quickstart"]),
        ("note:good", ["quickstart"]),
        ('note:"one, kept"', ["quickstart"]),
        ('name:"shakespeare long"', ["shakespeare"]),
        ("ladder:", ["theirs", "torn"]),
        ("archived:yes", ["old"]),
        ("archived:any ladder:quickstart", ["quickstart", "quickstart-2", "old"]),
        ("archived:no state:finished", ["quickstart"]),
        ("quick", ["quickstart", "quickstart-2"]),
        ("qs", ["quickstart", "quickstart-2"]),
        ("shk", ["shakespeare"]),
        ("good", ["quickstart"]),
        ("paper", ["quickstart"]),
        ("-quick", ["shakespeare", "theirs", "torn"]),
        ('"shakespeare long"', ["shakespeare"]),
        ("name:*[*", []),
        ("nothing-like-it", []),
    ],
)
def test_what_fits(query: str, expected: list[str]) -> None:
    assert names(query) == expected


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("laddr:quickstart", "filter: found 'laddr:', did you mean 'ladder'?"),
        ("state:runing", "filter: state: found 'runing', did you mean 'running'?"),
        ("archived:maybe", "filter: archived: found 'maybe', known: yes, no, any"),
        ('note:"open', "filter: found a quote without its end in"),
    ],
)
def test_what_is_refused_in_one_line(query: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        read_query(query)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_while_one_types_the_last_word_goes_on() -> None:
    assert names("ladder:qui", typing=True) == ["quickstart", "quickstart-2"]
    assert names("state:fin", typing=True) == ["quickstart"]
    assert names('note:"the go', typing=True) == ["quickstart"]
    assert names("ladder:qui ", typing=True) == []
    with pytest.raises(InputError):
        read_query("state:fin quick", typing=True)


def test_the_best_comes_first_as_one_types() -> None:
    assert ranked(ROWS, read_query("th"))[0].name == "theirs"
    assert [row.name for row in ranked(ROWS, read_query("quickstart-2"))] == ["quickstart-2"]
    assert [row.name for row in ranked(ROWS, read_query("2"))] == ["quickstart-2"]


def test_the_orders() -> None:
    assert names("", "name")[:2] == ["quickstart", "quickstart-2"]
    assert names("", "-latest")[-1] == "quickstart"
    assert names("", "loss")[:2] == ["quickstart", "quickstart-2"]
    assert names("", "params")[0] == "theirs"
    for sort in SORTS:
        assert sorted(names("", sort)) == sorted(names("", f"-{sort}")) == sorted(names(""))
    with pytest.raises(InputError, match="sort: found 'nam', did you mean 'name'"):
        names("", "nam")


WORDS = st.text(max_size=12)
TERMS = st.builds(
    Term,
    st.sampled_from(["", *(field for field in FIELDS if field not in ("state", "archived"))]),
    st.lists(WORDS, min_size=1, max_size=3).map(tuple),
    st.booleans(),
).filter(lambda term: bool(term.field or any(term.values)) or not term.opposite)  # that fits nothing, and is no word


@given(st.lists(TERMS, max_size=4))
def test_what_is_printed_can_be_typed_again(terms: list[Term]) -> None:
    query = Query(tuple(terms))
    assert read_query(str(query)) == query


PIECES = st.sampled_from([*'ab:,-*?[" \\\t\n\x1b\u202e', "state:", "tag:"])


@given(st.lists(PIECES, max_size=20).map("".join), st.booleans())
def test_any_text_is_read_or_refused_and_decides_on_every_sweep(text: str, typing: bool) -> None:
    try:
        query = read_query(text, typing)
    except InputError:
        return
    for row in ROWS:
        assert query.score(row) is None or isinstance(query.score(row), int)
    if not typing:
        assert read_query(str(query)) == query
