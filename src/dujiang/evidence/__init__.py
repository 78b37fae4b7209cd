"""The append-only, hash-chained record of what happened, from which every figure is computed."""
