"""Amounts of money as people read them."""


def yuan(fen: int) -> str:
    """Return an amount of fen in CNY."""
    return f"{fen // 100}.{fen % 100:02d}"
