import random


def seeded(seed: int) -> random.Random:
    """The generator of random numbers that all of the demo draws from."""
    return random.Random(seed)  # noqa: S311 - to be foreseen is the point
