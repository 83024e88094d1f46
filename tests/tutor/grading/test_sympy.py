"""The judge of formulas against sympy: random pairs, equal and unequal, and how often the judge is wrong."""

import json
import random
import re
import subprocess
import sys
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from scaling_tui.tutor.parsing.expressions import parse
from scaling_tui.tutor.parsing.precise import same

sympy = pytest.importorskip("sympy")

NAMES = frozenset(("a", "b", "N", "D"))
SYMBOLS = {name: sympy.Symbol(name, positive=True) for name in NAMES}
_LOCALS = {**SYMBOLS, "log": sympy.log, "exp": sympy.exp, "sqrt": sympy.sqrt, "e": sympy.E}
_TINY = ("1e-9", "1e-12", "1e-16", "1e-20", "1/N**2*1e-6", "1e-9*D", "a*1e-10")


@dataclass
class Tally:
    """How the judge's verdicts compare with sympy's; `faults` are the pairs on which they differ."""

    equal: int = 0
    unequal: int = 0
    undecided: int = 0
    false_rights: int = 0
    false_wrongs: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.equal} equal and {self.unequal} unequal pairs by sympy, {self.undecided} undecided: "
            f"{self.false_rights} false rights, {self.false_wrongs} false wrongs"
        )


def random_formula(rng: random.Random, depth: int) -> str:
    """A formula as the laws have them: sums of products of powers, exponentials and logarithms."""
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(("a", "b", "N", "D", "2", "3", "6", "0.5", "1.69"))
    one, other = random_formula(rng, depth - 1), random_formula(rng, depth - 1)
    name, exponent = rng.choice("ND"), rng.choice(("a", "b", "-a", "-b", "2", "-1", "0.5", "(1/b)"))
    return rng.choice(
        (
            f"({one} + {other})", f"({one} + {other})", f"({one} - {other})", f"{one}*{other}", f"{one}*{other}",
            f"({one})/({other})", f"{name}**{exponent}", f"{name}**{exponent}", f"{one}*{name}**{exponent}",
            f"{one}/{name}**{exponent}", f"exp(-a*{name}**-b)", f"log({name})", f"log({name}/2)", f"sqrt({one})",
        )
    )  # fmt: skip


def rewritten(rng: random.Random, formula: str) -> str:
    """The same function in another form, by sympy or by hand."""
    form = sympy.sympify(formula, locals=_LOCALS, rational=True)
    if rng.random() < 0.2:
        return rng.choice(
            (f"1*({formula})", f"({formula}) + N - N", f"({formula})*D/D", f"--({formula})",
             f"2*({formula}) - ({formula})", f"(({formula})**2*N)/(({formula})*N)", f"({formula})**1",
             f"exp(log(N)) - N + {formula}")
        )  # fmt: skip
    ways = (sympy.expand, sympy.factor, sympy.together, sympy.powsimp, sympy.expand_log)
    return str(rng.choice(ways)(form))


def changed(rng: random.Random, formula: str) -> str:
    """Nearly always another function: one thing replaced, or something small added."""
    if rng.random() < 0.3:
        return f"{formula} {rng.choice('+-')} {rng.choice(_TINY)}"
    place = rng.choice([match.start() for match in re.finditer(r"[abND+/236]|(?<!\*)[-*](?!\*)|5", formula)])
    swaps = {
        "+": "-",
        "-": "+",
        "*": "/",
        "/": "*",
        "a": "b",
        "b": "a",
        "N": "D",
        "D": "N",
        "2": "3",
        "3": "2",
        "6": "5",
        "5": "7",
    }
    return formula[:place] + swaps.get(formula[place], formula[place]) + formula[place + 1 :]


def points(rng: random.Random) -> list[dict[str, float]]:
    """As questions have them: exponents and factors of some size, sizes over many powers of ten."""
    return [
        {
            "a": rng.uniform(0.2, 4), "b": rng.uniform(0.2, 0.6),
            "N": 10 ** rng.uniform(-1, 6), "D": 10 ** rng.uniform(-1, 6),
        }
        for _ in range(10)
    ]  # fmt: skip


def sympys_verdict(rng: random.Random, one: str, other: str) -> bool | None:
    """Whether sympy finds the two equal for all positive names; None if it cannot tell."""
    left, right = (sympy.sympify(text, locals=_LOCALS, rational=True) for text in (one, other))
    difference = left - right
    if difference == 0:
        return True
    for _ in range(2):
        point = {SYMBOLS[name]: sympy.Rational(Fraction(rng.randrange(20, 400), 100)) for name in sorted(NAMES)}
        values: list[Any] = [form.subs(point).evalf(80) for form in (left, right, difference)]
        if not all(value.is_number and value.is_finite and value.is_real for value in values):
            continue
        if abs(values[2]) > sympy.Float("1e-50") * (abs(values[0]) + abs(values[1])):
            return False
    try:
        for simplify in (sympy.expand, sympy.powsimp, sympy.simplify):
            difference = simplify(difference)
            if difference == 0:
                return True
    except (KeyError, TypeError, ValueError):
        pass  # sympy fails on some formulas with poles
    return None


def compare(pairs: int, seed: int) -> Tally:
    """Judges `pairs` random pairs and holds the verdicts against sympy's."""
    rng, tally = random.Random(seed), Tally()
    while tally.equal + tally.unequal + tally.undecided < pairs:
        one = random_formula(rng, rng.randrange(1, 4))
        other = rewritten(rng, one) if rng.random() < 0.5 else changed(rng, one)
        if max(len(one), len(other)) > 190 or re.search(r"zoo|nan|\bI\b|\bE\b|pi", other):
            continue  # too long to type, or a pole or an imaginary number
        wanted, got = parse(one, NAMES), parse(other, NAMES)
        at = points(rng)
        judged = same(got, wanted, at)
        if not same(wanted, wanted, at):
            continue  # it has no real value anywhere
        verdict = sympys_verdict(rng, one, other)
        tally.undecided += verdict is None
        tally.equal += verdict is True
        tally.unequal += verdict is False
        if verdict is not None and judged != verdict:
            tally.false_rights += judged
            tally.false_wrongs += not judged
            tally.faults.append(f"{one}   ~   {other}")
    return tally


def test_the_judge_of_formulas_agrees_with_sympy() -> None:
    """In a process of its own: sympy keeps much in memory, and other tests may have changed what it depends on."""
    code = "from dataclasses import asdict; from tests.tutor.grading.test_sympy import compare; import json; "
    code += "print(json.dumps(asdict(compare(150, seed=3))))"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    tally = Tally(**json.loads(done.stdout))
    assert not tally.faults, tally.faults[:5]
    assert tally.equal > 40 and tally.unequal > 40


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_thousand_pairs_agree_with_sympy() -> None:
    tally = compare(10_000, seed=4)
    print(tally)
    assert not tally.faults, tally.faults[:20]
    assert tally.undecided < 200
