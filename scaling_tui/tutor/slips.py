"""The slips that people make, one name for each; a bank's mistakes say which of them they are."""

SLIPS: dict[str, str] = {
    "sign-of-exponent": "the exponent has the wrong sign",
    "one-term": "a term is missing",
    "swapped": "N and D changed places",
    "floor-forgotten": "the irreducible loss E is missing",
    "floor-counted": "the irreducible loss E is counted where it does not belong",
    "product": "an exponent was taken for a factor",
    "ratio-upside-down": "a ratio is upside down",
    "coefficient": "a coefficient was left out, or taken for another",
    "forward-only": "2ND for 6ND: the backward pass is missing",
    "backward-only": "4ND for 6ND: the forward pass is missing",
    "factor-six": "the factor 6 is missing",
    "embeddings": "parameters with and without embeddings were mixed up",
    "layers": "the layers were counted wrongly",
    "matrices": "a weight matrix is missing or counted twice",
    "log-base": "another base of the logarithm",
    "nats-bits": "nats for bits",
    "units": "another unit",
    "rounded-early": "a number was rounded too early",
    "linear": "a power law was read as if it were a straight line",
    "inverse": "the equation was solved for something else",
    "share": "a share and what is left of it were mixed up",
    "average": "an average of the wrong kind",
    "independence": "probabilities were added, or one was taken for all",
    "epochs": "epochs and fresh tokens were mixed up",
    "exponent": "the wrong exponent",
    # What marking notices by itself, in any numeric question:
    "power-of-ten": "off by a power of ten",
    "sign": "the wrong sign",
    "few-figures": "too few significant figures",
    "near": "near, but not within the tolerance",
    # and in any formula:
    "unchanged": "the line is as it was",
    "wrong-line": "another line is at fault",
    "unused": "something that matters is not in the formula",
    "factor": "right but for a constant factor",
}

GENERIC = frozenset(("power-of-ten", "sign", "few-figures", "near", "unchanged", "wrong-line", "unused", "factor"))
