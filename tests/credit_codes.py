"""Unified social credit codes for tests."""


def credit_code(first):
    """A code whose check character is right."""
    signs = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(signs.index(one) * pow(3, place, 31) for place, one in enumerate(first))
    return first + signs[(31 - total % 31) % 31]
