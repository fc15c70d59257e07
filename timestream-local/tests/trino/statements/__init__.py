"""Statements over all that timestream-local's SQL has and Trino's too."""

import random

from . import expressions, lambdas, operators, relations, scalars, tables, times

FAMILIES = [scalars, operators, times, tables, relations, lambdas, expressions]


def all_statements(seed):
    """All statements of a seed, each once, by the family that they are of."""
    seen = set()
    for family in FAMILIES:
        rng = random.Random(f"{seed} {family.__name__}")
        for statement in family.statements(rng):
            if statement not in seen:
                seen.add(statement)
                yield family.__name__.split(".")[-1], statement
