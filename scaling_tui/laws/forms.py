"""Every loss law of the project: formula, coefficients, loss, gradient, inverse.

Loss is in nats per token, `params` (N) a number of parameters, `tokens` (D) of training tokens, `flops` (C) of
training FLOPs, `unique_tokens` (U) of tokens seen at least once. Of a mixture of experts `params` counts the active
parameters, those that a token passes through, and `total_params` all of them. Which parameters N counts is the
coefficient set's convention: the atlas states it for each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.arguments import array, instance, number
from scaling_tui.laws.kernels import Array, Broken, Factor, Kernel, PowerSum, Repeated, Term
from scaling_tui.text.notebook import html_table

PF_DAY = 1e15 * 24 * 3600  # FLOPs
Input = Literal["params", "tokens", "flops", "unique_tokens", "total_params"]
Coefficients = Mapping[str, float]
SYMBOLS: dict[Input, str] = {
    "params": "N",
    "tokens": "D",
    "flops": "C",
    "unique_tokens": "U",
    "total_params": "N_total",
}
# The first input is never more than the second.
NESTED: tuple[tuple[Input, Input], ...] = (("unique_tokens", "tokens"), ("params", "total_params"))

# Exponents outside these bounds are not a scaling law; a fit that ends at a bound warns about it.
EXPONENT_BOUNDS = (1e-4, 5.0)
_LOG_SCALE_BOUNDS = (-80.0, 250.0)
_SHARPNESS_BOUNDS = (1e-3, 1e2)  # f of a break; outside them it is a corner, or no break
_SLOPE_BOUND = 50.0  # c of a smoothly broken power law


@dataclass(frozen=True, repr=False)
class Law:
    """A formula for the loss with named coefficients. `LAWS` has them all, by name:

    >>> law = LAWS["chinchilla"]
    >>> law
    <Law chinchilla: L = E + A/N^alpha + B/D^beta>
    >>> law.coefficients
    ('E', 'A', 'B', 'alpha', 'beta')
    >>> print(law.to_latex())
    L(N, D) = E + \\frac{A}{N^{\\alpha}} + \\frac{B}{D^{\\beta}}

    Args:
        name: as on the command line.
        text: the formula as one line of text.
        latex: the formula for LaTeX.
        inputs: what the loss depends on, in the kernel's order.
        coefficients: names as in the paper, in the kernel's order. A name in `exponents` is an exponent;
            every other one is a positive scale.
        source: paper and equation.
        kernel: arithmetic in internal coordinates.
        signed: those of the exponents that may be zero or negative.
        irreducible: what the law calls the irreducible loss, if it has one.
    """

    name: str
    text: str
    latex: str
    inputs: tuple[Input, ...]
    coefficients: tuple[str, ...]
    exponents: frozenset[str]
    source: str
    kernel: Kernel = field(repr=False)
    signed: frozenset[str] = frozenset()
    irreducible: str = "E"

    def __repr__(self) -> str:
        return f"<Law {self.name}: {self.text}>"

    def _repr_html_(self) -> str:
        rows = [
            ("formula", self.text),
            ("inputs", ", ".join(f"{SYMBOLS[name]} = {name}" for name in self.inputs)),
            ("coefficients", ", ".join(self.coefficients)),
            ("source", self.source),
        ]
        return html_table(("law", self.name), rows)

    def to_latex(self) -> str:
        """The formula in LaTeX, without delimiters."""
        return self.latex

    # Internal coordinates: exponents as they are, scales as logarithms. The two Kaplan shapes differ.
    def pack(self, values: Array) -> Array:
        """Coefficients, last axis in the order of `coefficients`, to internal coordinates."""
        logs = np.array([name not in self.exponents for name in self.coefficients])
        with np.errstate(divide="ignore"):  # E may be 0
            return np.where(logs, np.log(np.where(logs, values, 1.0)), values)

    def unpack(self, theta: Array) -> Array:
        """Internal coordinates to coefficients."""
        logs = np.array([name not in self.exponents for name in self.coefficients])
        with np.errstate(over="ignore"):
            return np.where(logs, np.exp(np.where(logs, theta, 0.0)), theta)

    def pack_slope(self, values: Array) -> Array:
        """d theta_i / d coefficient_j, shape (p, p)."""
        logs = np.array([name not in self.exponents for name in self.coefficients])
        return np.diag(np.where(logs, 1 / np.where(logs, values, 1.0), 1.0))

    def box(self) -> tuple[Array, Array]:
        """Lower and upper bounds of the internal coordinates."""
        low = [EXPONENT_BOUNDS[0] if c in self.exponents else _LOG_SCALE_BOUNDS[0] for c in self.coefficients]
        high = [EXPONENT_BOUNDS[1] if c in self.exponents else _LOG_SCALE_BOUNDS[1] for c in self.coefficients]
        for place, name in enumerate(self.coefficients):
            if name in self.signed:
                low[place] = -high[place]
        return np.array(low), np.array(high)

    @property
    def floor(self) -> str | None:
        """The coefficient that is the irreducible loss, where the law has one."""
        return self.irreducible if self.irreducible in self.coefficients else None

    def values(self, coefficients: Coefficients) -> Array:
        """Coefficients checked and in the order of `coefficients`, shape (p,).

        Raises:
            InputError: a coefficient is missing, unknown, or not positive where it must be (the irreducible loss may
                be zero, an exponent of `signed` anything).
        """
        instance(f"coefficients of {self.name}", coefficients, Mapping, "a value for each")  # type: ignore[type-abstract]
        unknown = [name for name in coefficients if name not in self.coefficients]
        missing = [name for name in self.coefficients if name not in coefficients]
        if unknown or missing:
            problem = f"unknown {', '.join(unknown)}" if unknown else f"missing {', '.join(missing)}"
            raise InputError(f"coefficients of {self.name}: {problem}, want {', '.join(self.coefficients)}")
        for name in self.coefficients:
            value = number(f"coefficient {name} of {self.name}", coefficients[name])
            if not np.isfinite(value) or (
                name not in self.signed and (value < 0 or (value == 0 and name != self.floor))
            ):
                want = "a number" if name in self.signed else "a positive number"
                raise InputError(f"coefficient {name} of {self.name}: found {value:g}, want {want}")
        return np.array([float(coefficients[name]) for name in self.coefficients])

    def logs(self, given: Mapping[str, object]) -> tuple[Array, tuple[int, ...]]:
        """Logarithms of the inputs, shape (m, n), and the shape that they broadcast to.

        Raises:
            InputError: an input is missing, not an input of the law, or not positive.
        """
        extra = [name for name, value in given.items() if value is not None and name not in self.inputs]
        if extra:
            raise InputError(f"{extra[0]}: not an input of {self.name}, which takes {', '.join(self.inputs)}")
        arrays = []
        for name in self.inputs:
            value = given.get(name)
            if value is None:
                raise InputError(f"{name}: missing, {self.name} takes {', '.join(self.inputs)}")
            values = array(name, value)
            if not np.all(values > 0) or not np.all(np.isfinite(values)):
                bad = values[~((values > 0) & np.isfinite(values))].flat[0]
                raise InputError(f"{name}: found {bad:g}, want a positive number")
            arrays.append(values)
        for part, whole in NESTED:
            if part in self.inputs and whole in self.inputs:
                less, more = arrays[self.inputs.index(part)], arrays[self.inputs.index(whole)]
                if np.any(less > more * (1 + 1e-12)):
                    raise InputError(f"{part}: found more than {whole}, want at most as many")
        try:
            shape = np.broadcast_shapes(*(values.shape for values in arrays))
        except ValueError:
            shapes = " and ".join(str(values.shape) for values in arrays)
            raise InputError(f"{', '.join(self.inputs)}: found arrays of shapes {shapes}, want one shape") from None
        return np.log(np.stack([np.broadcast_to(values, shape).ravel() for values in arrays])), shape

    def loss(self, coefficients: Coefficients, **inputs: object) -> Array:
        """Loss in nats per token at `inputs`, in the shape that they broadcast to.

        Args:
            coefficients: a value for each of `self.coefficients`.
            inputs: a number or an array for each of `self.inputs`: `params`, `tokens`, `flops`, `unique_tokens`.

        Raises:
            InputError: as `values` and `logs` do.
        """
        values = self.values(coefficients)
        x, shape = self.logs(inputs)
        out = np.empty(x.shape[1])
        with np.errstate(divide="ignore", over="ignore"):
            theta = self.pack(values)[None]
            # In blocks that stay in cache: for a million points memory traffic costs more than arithmetic.
            for start in range(0, x.shape[1], _BLOCK):
                block = slice(start, start + _BLOCK)
                out[block] = np.exp(self.log_loss(theta, x[:, block])[0])
        return out.reshape(shape)[()]

    def log_loss(self, theta: Array, x: Array) -> Array:
        """Log loss in internal coordinates, shape (K, n)."""
        return self.kernel.evaluate(theta, x)[0]

    def gradient(self, coefficients: Coefficients, **inputs: object) -> dict[str, Array]:
        """Derivative of the loss with respect to each coefficient at `inputs`, in the shape that they broadcast to.

        Raises:
            InputError: as `loss`.
        """
        values = self.values(coefficients)
        x, shape = self.logs(inputs)
        theta = self.pack(values)[None]
        log_loss, state = self.kernel.evaluate(theta, x)
        by_theta = np.exp(log_loss) * self.kernel.jacobian(theta, x, state)[0]
        by_value = self.pack_slope(values).T @ by_theta
        return {name: row.reshape(shape)[()] for name, row in zip(self.coefficients, by_value, strict=True)}

    def inverse(self, coefficients: Coefficients, loss: float, unknown: Input, **known: object) -> float:
        """The value of the input `unknown` at which the loss is `loss`, given the other inputs `known`.

        Raises:
            InputError: no value reaches the loss, or it is not an input of the law.
        """
        values = self.values(coefficients)
        if unknown not in self.inputs:
            raise InputError(f"{unknown}: not an input of {self.name}, which takes {', '.join(self.inputs)}")
        if not np.isfinite(loss) or loss <= 0:
            raise InputError(f"loss: found {loss:g}, want a positive number")
        if self.floor and loss <= coefficients[self.floor]:
            raise InputError(f"loss {loss:g}: not reachable, below {self.floor} = {coefficients[self.floor]:g}")
        with np.errstate(divide="ignore"):
            theta = self.pack(values)
        position = self.inputs.index(unknown)
        x, _ = self.logs({**known, unknown: self._least(unknown, known)})
        logarithm = None
        if (own := _own_term(self.kernel, position)) is not None:
            logarithm = _solve_power_sum(own, theta, x, float(np.log(loss)))
        else:
            logarithm = _search(self, theta, x, position, float(np.log(loss)))
        if logarithm is None:
            others = ", ".join(f"{SYMBOLS[name]} = {known[name]:.4g}" for name in self.inputs if name != unknown)
            held = f" with {others}" if others else ""
            raise InputError(f"loss {loss:g}: not reachable by any {SYMBOLS[unknown]}{held}")
        with np.errstate(over="ignore"):
            return float(np.exp(logarithm))

    def _least(self, unknown: Input, known: Mapping[str, object]) -> object:
        """A value of the input `unknown` that the `known` ones allow."""
        return next((known[part] for part, whole in NESTED if whole == unknown and known.get(part) is not None), 1.0)


@dataclass(frozen=True, repr=False)
class OneTermLaw(Law):
    """L = (Xc / X)^alpha, X in units of `unit`: internal coordinates (alpha·log(Xc·unit), alpha)."""

    unit: float = 1.0

    def pack(self, values: Array) -> Array:
        scale, alpha = values[..., 0], values[..., 1]
        return np.stack([alpha * (np.log(scale) + np.log(self.unit)), alpha], axis=-1)

    def unpack(self, theta: Array) -> Array:
        alpha = theta[..., 1]
        with np.errstate(over="ignore"):
            return np.stack([np.exp(theta[..., 0] / alpha - np.log(self.unit)), alpha], axis=-1)

    def pack_slope(self, values: Array) -> Array:
        scale, alpha = values
        return np.array([[alpha / scale, np.log(scale * self.unit)], [0.0, 1.0]])

    def box(self) -> tuple[Array, Array]:
        return np.array([-500.0, EXPONENT_BOUNDS[0]]), np.array([500.0, EXPONENT_BOUNDS[1]])


@dataclass(frozen=True, repr=False)
class KaplanJointLaw(Law):
    """L = ((Nc/N)^q + Dc/D)^alpha_D, q = alpha_N/alpha_D; coordinates (q·log Nc, q, log Dc, alpha_D)."""

    def pack(self, values: Array) -> Array:
        Nc, alpha_N, Dc, alpha_D = np.moveaxis(values, -1, 0)
        q = alpha_N / alpha_D
        return np.stack([q * np.log(Nc), q, np.log(Dc), alpha_D], axis=-1)

    def unpack(self, theta: Array) -> Array:
        p, q, r, gamma = np.moveaxis(theta, -1, 0)
        with np.errstate(over="ignore"):
            return np.stack([np.exp(p / q), q * gamma, np.exp(r), gamma], axis=-1)

    def pack_slope(self, values: Array) -> Array:
        Nc, alpha_N, Dc, alpha_D = values
        q, log = alpha_N / alpha_D, np.log(Nc)
        return np.array(
            [
                [q / Nc, log / alpha_D, 0.0, -q / alpha_D * log],
                [0.0, 1 / alpha_D, 0.0, -q / alpha_D],
                [0.0, 0.0, 1 / Dc, 0.0],
                [0.0, 0.0, 0.0, 1.0],
            ]
        )

    def box(self) -> tuple[Array, Array]:
        least, most = EXPONENT_BOUNDS
        return np.array([-500.0, 1e-3, *_LOG_SCALE_BOUNDS[:1], least]), np.array(
            [500.0, 1e3, _LOG_SCALE_BOUNDS[1], most]
        )


@dataclass(frozen=True, repr=False)
class BrokenLaw(Law):
    """A power law with smooth breaks; its slopes c and the sharpness f of a break have bounds of their own."""

    def box(self) -> tuple[Array, Array]:
        low, high = super().box()
        for place, name in enumerate(self.coefficients):
            if name in self.signed:
                low[place], high[place] = -_SLOPE_BOUND, _SLOPE_BOUND
            elif name.startswith("f"):
                low[place], high[place] = np.log(_SHARPNESS_BOUNDS)
        return low, high


_BLOCK = 1 << 14


def _own_term(kernel: Kernel, position: int) -> tuple[PowerSum, Term] | None:
    """The one term that depends on the input at `position`, if it is a power of nothing else."""
    if not isinstance(kernel, PowerSum):
        return None
    holding = [term for term in kernel.terms if any(position in (f.of, f.over) for f in term.factors)]
    if len(holding) != 1 or len(holding[0].factors) != 1 or holding[0].factors[0].over is not None:
        return None
    return kernel, holding[0]


def _solve_power_sum(found: tuple[PowerSum, Term], theta: Array, x: Array, log_loss: float) -> float | None:
    """Closed form: subtract the other terms from the target and invert the one that is left."""
    kernel, own = found
    if kernel.outer is not None:
        log_loss /= theta[kernel.outer]
    rest = -np.inf
    for term, z in zip(kernel.terms, kernel.exponents(theta[None], x), strict=True):
        if term is not own:
            rest = float(np.logaddexp(rest, z.ravel()[0]))
    if log_loss <= rest:
        return None
    left = log_loss + float(np.log(-np.expm1(rest - log_loss)))
    rate = own.factors[0].rate
    return float((theta[own.scale] - left) / (1.0 if rate is None else theta[rate]))


def _search(law: Law, theta: Array, x: Array, position: int, log_loss: float) -> float | None:
    """The smallest value at which the loss falls to the target, or else rises to it: a grid, then bisection."""
    low, high = -20.0, 120.0
    end = None  # where the input is all of the other one
    for part, whole in NESTED:
        if part in law.inputs and whole in law.inputs:
            if law.inputs[position] == whole:
                low = end = float(x[law.inputs.index(part), 0])
            elif law.inputs[position] == part:
                high = end = float(x[law.inputs.index(whole), 0])

    def above(logarithms: Array) -> Array:
        at = np.repeat(x, logarithms.size, axis=1)
        at[position] = logarithms
        return np.asarray(law.log_loss(theta[None], at)[0] - log_loss)

    grid = np.linspace(low, high, 4001)
    over = above(grid) > 0
    falls, rises = np.flatnonzero(over[:-1] & ~over[1:]), np.flatnonzero(~over[:-1] & over[1:])
    crossings = falls if falls.size else rises
    if not crossings.size:
        # The loss at the end may miss the target by a rounding.
        return end if end is not None and abs(above(np.array([end]))[0]) < 1e-12 else None
    low, high = grid[crossings[0]], grid[crossings[0] + 1]
    for _ in range(100):
        middle = (low + high) / 2
        if (above(np.array([middle]))[0] > 0) == bool(falls.size):
            low = middle
        else:
            high = middle
    return float((low + high) / 2)


def consistent(given: Mapping[str, object]) -> dict[str, object]:
    """The inputs with what one implies for another: no more unique tokens than tokens, no fewer parameters in total
    than active ones."""
    out = dict(given)
    if out.get("unique_tokens") is not None and out.get("tokens") is not None:
        out["unique_tokens"] = np.minimum(out["unique_tokens"], out["tokens"])  # type: ignore[call-overload]
    if out.get("total_params") is not None and out.get("params") is not None:
        out["total_params"] = np.maximum(out["total_params"], out["params"])  # type: ignore[call-overload]
    return out


def _broken(name: str, of: Input) -> BrokenLaw:
    """The smoothly broken power law with one break, of one input."""
    x = SYMBOLS[of]
    return BrokenLaw(
        name,
        f"L = a + b·{x}^-c0·(1 + ({x}/d1)^(1/f1))^(-c1·f1)",
        rf"L({x}) = a + b {x}^{{-c_0}} \left(1 + \left(\frac{{{x}}}{{d_1}}\right)^{{1/f_1}}\right)^{{-c_1 f_1}}",
        (of,),
        ("a", "b", "c0", "c1", "d1", "f1"),
        frozenset(("c0", "c1")),
        _CABALLERO,
        Broken(),
        signed=frozenset(("c0", "c1")),
        irreducible="a",
    )


_CABALLERO = "Caballero et al. 2023 (arXiv:2210.14891), equation 1 with one break"
_HOFFMANN = "Hoffmann et al. 2022"
_KAPLAN = "Kaplan et al. 2020"

LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        Law(
            "sum-of-powers",
            "L = a·N^-b + c·D^-d",
            r"L(N, D) = a N^{-b} + c D^{-d}",
            ("params", "tokens"),
            ("a", "b", "c", "d"),
            frozenset("bd"),
            "two power laws added, without an irreducible loss: the simplified form of teaching texts",
            PowerSum((Term(0, (Factor(0, 1),)), Term(2, (Factor(1, 3),))), 4),
        ),
        KaplanJointLaw(
            "kaplan",
            "L = ((Nc/N)^(alpha_N/alpha_D) + Dc/D)^alpha_D",
            r"L(N, D) = \left[\left(\frac{N_c}{N}\right)^{\alpha_N/\alpha_D} + \frac{D_c}{D}\right]^{\alpha_D}",
            ("params", "tokens"),
            ("Nc", "alpha_N", "Dc", "alpha_D"),
            frozenset(("alpha_N", "alpha_D")),
            f"{_KAPLAN}, equation 1.5",
            PowerSum((Term(0, (Factor(0, 1),)), Term(2, (Factor(1),))), 4, outer=3),
        ),
        OneTermLaw(
            "kaplan-n",
            "L = (Nc/N)^alpha_N",
            r"L(N) = \left(\frac{N_c}{N}\right)^{\alpha_N}",
            ("params",),
            ("Nc", "alpha_N"),
            frozenset(("alpha_N",)),
            f"{_KAPLAN}, equation 1.1",
            PowerSum((Term(0, (Factor(0, 1),)),), 2),
        ),
        OneTermLaw(
            "kaplan-d",
            "L = (Dc/D)^alpha_D",
            r"L(D) = \left(\frac{D_c}{D}\right)^{\alpha_D}",
            ("tokens",),
            ("Dc", "alpha_D"),
            frozenset(("alpha_D",)),
            f"{_KAPLAN}, equation 1.2",
            PowerSum((Term(0, (Factor(0, 1),)),), 2),
        ),
        OneTermLaw(
            "kaplan-c",
            "L = (Cc/C)^alpha_C, C in PF-days",
            r"L(C_{\min}) = \left(\frac{C_c}{C_{\min}}\right)^{\alpha_C}",
            ("flops",),
            ("Cc", "alpha_C"),
            frozenset(("alpha_C",)),
            f"{_KAPLAN}, equation 1.3",
            PowerSum((Term(0, (Factor(0, 1),)),), 2),
            unit=PF_DAY,
        ),
        Law(
            "chinchilla",
            "L = E + A/N^alpha + B/D^beta",
            r"L(N, D) = E + \frac{A}{N^{\alpha}} + \frac{B}{D^{\beta}}",
            ("params", "tokens"),
            ("E", "A", "B", "alpha", "beta"),
            frozenset(("alpha", "beta")),
            f"{_HOFFMANN}, equation 2",
            PowerSum((Term(1, (Factor(0, 3),)), Term(2, (Factor(1, 4),)), Term(0)), 5),
        ),
        Law(
            "chinchilla-n",
            "L = E + A/N^alpha",
            r"L(N) = E + \frac{A}{N^{\alpha}}",
            ("params",),
            ("E", "A", "alpha"),
            frozenset(("alpha",)),
            f"{_HOFFMANN}, equation 2 at a fixed D",
            PowerSum((Term(1, (Factor(0, 2),)), Term(0)), 3),
        ),
        Law(
            "chinchilla-d",
            "L = E + B/D^beta",
            r"L(D) = E + \frac{B}{D^{\beta}}",
            ("tokens",),
            ("E", "B", "beta"),
            frozenset(("beta",)),
            f"{_HOFFMANN}, equation 2 at a fixed N",
            PowerSum((Term(1, (Factor(0, 2),)), Term(0)), 3),
        ),
        Law(
            "muennighoff",
            "L = E + A/N'^alpha + B/D'^beta, D' = U·(1 + R_D*·(1 - exp(-(D/U - 1)/R_D*))), N' likewise",
            r"L = E + \frac{A}{N'^{\alpha}} + \frac{B}{D'^{\beta}},\quad "
            r"D' = U_D + U_D R_D^* \left(1 - e^{-R_D/R_D^*}\right),\quad "
            r"N' = U_N + U_N R_N^* \left(1 - e^{-R_N/R_N^*}\right)",
            ("params", "tokens", "unique_tokens"),
            ("E", "A", "B", "alpha", "beta", "R_D_star", "R_N_star"),
            frozenset(("alpha", "beta")),
            "Muennighoff et al. 2023, equations 5 to 7",
            Repeated(),
        ),
        _broken("bnsl-n", "params"),
        _broken("bnsl-d", "tokens"),
        _broken("bnsl-c", "flops"),
        Law(
            "multiplicative",
            "L = E + A/(N^alpha·D^beta)",
            r"L(N, D) = E + \frac{A}{N^{\alpha} D^{\beta}}",
            ("params", "tokens"),
            ("E", "A", "alpha", "beta"),
            frozenset(("alpha", "beta")),
            "Zhang et al. 2024 (arXiv:2402.17193), equation 1: a model of N parameters fine-tuned on data of size D",
            PowerSum((Term(1, (Factor(0, 2), Factor(1, 3))), Term(0)), 4),
        ),
        Law(
            "moe",
            "L = a/N_total^alpha + b/D^beta + c/s^lambda + d/(s^delta·N_total^gamma) + e, s = N/N_total",
            r"L = \frac{a}{N_{\mathrm{total}}^{\alpha}} + \frac{b}{D^{\beta}} + \frac{c}{(1-S)^{\lambda}} + "
            r"\frac{d}{(1-S)^{\delta} N_{\mathrm{total}}^{\gamma}} + e,\quad 1-S = \frac{N}{N_{\mathrm{total}}}",
            ("params", "total_params", "tokens"),
            ("a", "b", "c", "d", "e", "alpha", "beta", "lambda", "delta", "gamma"),
            frozenset(("alpha", "beta", "lambda", "delta", "gamma")),
            "Abnar et al. 2025 (arXiv:2501.12370), equation 6; S (share of inactive experts) is 1 - N/N_total",
            PowerSum(
                (
                    Term(0, (Factor(1, 5),)),
                    Term(1, (Factor(2, 6),)),
                    Term(2, (Factor(0, 7, over=1),)),
                    Term(3, (Factor(0, 8, over=1), Factor(1, 9))),
                    Term(4),
                ),
                10,
            ),
            signed=frozenset(("lambda",)),
            irreducible="e",
        ),
    )
}
