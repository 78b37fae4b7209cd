"""Goals as `plan read` gives them, for the tests of what is computed from them."""


def goal(about, value, year=2027, op=">=", unit="个", where="goals", **more):
    facts = {
        "about": about,
        "year": year,
        "op": op,
        "value": value,
        "low": None,
        "high": None,
        "unit": unit,
        "approximate": False,
        "text": about,
        "where": where,
    }
    return {**facts, **more}
