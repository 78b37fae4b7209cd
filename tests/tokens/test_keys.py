from dujiang.tokens.keys import PREFIX, Key, digest, new_secret


def test_a_key_is_long_random_and_known_by_its_digest():
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(one.startswith(PREFIX) and len(one) > 50 for one in made)
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_key_without_models_is_for_all():
    assert Key("1", "", "h").allows("any")
    assert Key("1", "", "h", frozenset({"a"})).allows("a")
    assert not Key("1", "", "h", frozenset({"a"})).allows("b")
