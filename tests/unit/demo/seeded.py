import random


def seeded(seed: int) -> random.Random:
    """The generator of random numbers that all of the demo draws from."""
    return random.Random(seed)
