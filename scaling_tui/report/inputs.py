"""The inputs of a run to predict, as `--predict` takes them: `params=7B,tokens=4T`."""

import re

from scaling_tui import InputError
from scaling_tui.laws.counting import training_flops
from scaling_tui.laws.forms import SYMBOLS, Input, Law
from scaling_tui.text.numbers import read_quantity
from scaling_tui.text.suggest import did_you_mean

_UNITS: dict[Input, str] = {
    "params": "params",
    "total_params": "params",
    "tokens": "tokens",
    "flops": "flops",
    "unique_tokens": "tokens",
}


def read_inputs(text: str, law: Law) -> dict[Input, float]:
    """Inputs of a law by name or symbol; C is 6ND and U is D unless given.

    Raises:
        InputError: not NAME=NUMBER, an input that no law has, one twice, one that is not positive, or one of the law's
            that is missing.
    """
    found: dict[Input, float] = {}
    by_symbol: dict[str, Input] = {symbol: name for name, symbol in SYMBOLS.items()}
    by_symbol |= {name: name for name in SYMBOLS}
    for part in re.split(r",\s*(?=[A-Za-z_]+\s*=)", text.strip()):
        key, equals, value = (item.strip() for item in part.partition("="))
        if not equals or key not in by_symbol:
            hint = did_you_mean(key, SYMBOLS) if equals else "want NAME=NUMBER,… such as params=7B,tokens=4T"
            raise InputError(f"--predict: found {part[:60]!r}, {hint}")
        name = by_symbol[key]
        if name in found:
            raise InputError(f"--predict: {name} is given twice, want it once")
        found[name] = read_quantity(value, _UNITS[name], f"--predict {name}")
        if not 0 < found[name] < float("inf"):
            raise InputError(f"--predict {name}: found {value!r}, want a positive number")
    if "flops" in law.inputs and "flops" not in found and {"params", "tokens"} <= set(found):
        found["flops"] = training_flops(found["params"], found["tokens"])
    if "unique_tokens" in law.inputs and "tokens" in found:
        found.setdefault("unique_tokens", found["tokens"])
    missing = [name for name in law.inputs if name not in found]
    if missing:
        raise InputError(
            f"--predict: found no {' and '.join(missing)}, which {law.name} needs, "
            f"want {','.join(f'{name}=…' for name in law.inputs)}"
        )
    return found
