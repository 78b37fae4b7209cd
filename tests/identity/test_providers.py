"""The site's file of OpenID Connect providers, good and bad."""

import pytest

from dujiang.identity.providers import Provider, read_providers
from dujiang.messages import BadInput

GOOD = """
[sso]
name = "统一认证"
issuer = "https://id.example.gov.cn"
client_id = "dujiang"
login_claim = "preferred_username"
second_factor = { amr = ["mfa", "otp"], acr = ["urn:example:2"] }

[city-sso]
name = "City"
issuer = "http://127.0.0.1:8080/realm/"
client_id = "dujiang-2"
"""


@pytest.fixture
def read(tmp_path):
    def read(text, **environment):
        (tmp_path / "oidc.toml").write_text(text, encoding="utf-8")
        return read_providers(tmp_path / "oidc.toml", tmp_path, environment)

    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "oidc-sso").write_text("of-the-file\n")
    return read


def test_without_a_file_there_are_none(tmp_path):
    assert read_providers(None, tmp_path, {}) == ()


def test_providers_are_read_with_their_secrets(read):
    sso, city = read(GOOD, DUJIANG_OIDC_SECRET_CITY_SSO="of-the-environment")
    assert sso == Provider(
        "sso",
        "统一认证",
        "https://id.example.gov.cn",
        "dujiang",
        "of-the-file",
        "preferred_username",
        frozenset({"mfa", "otp"}),
        frozenset({"urn:example:2"}),
    )
    assert (city.secret, city.login_claim, city.amr) == ("of-the-environment", "", frozenset())
    assert "of-the" not in repr((sso, city))


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"amr": ["pwd", "otp"]}, True),
        ({"amr": ["pwd"]}, False),
        ({"amr": "otp"}, False),
        ({"amr": [["otp"], None]}, False),
        ({"acr": "urn:example:2"}, True),
        ({"acr": "urn:example:1", "amr": []}, False),
        ({}, False),
    ],
)
def test_a_second_factor_is_one_that_the_site_trusts(read, claims, said):
    sso, city = read(GOOD, DUJIANG_OIDC_SECRET_CITY_SSO="s")
    assert sso.had_second_factor(claims) is said
    assert city.had_second_factor(claims) is False


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("[sso]", "[SSO]", r"\[SSO\]"),
        ("[sso]", "[sso", "TOML"),
        ('name = "统一认证"', "", "field name"),
        ('name = "统一认证"', "name = 7", "found 7"),
        ('client_id = "dujiang"', 'client_id = ""', "field client_id"),
        ('client_id = "dujiang"', 'client = "dujiang"', "field client"),
        ("https://id.example.gov.cn", "http://id.example.gov.cn", "https"),
        ("https://id.example.gov.cn", "id.example.gov.cn", "https"),
        ("https://id.example.gov.cn", "https://id.example.gov.cn?x=1", "https"),
        ("https://id.example.gov.cn", "https://[", "https"),
        ('amr = ["mfa", "otp"]', 'amr = "mfa"', "second_factor.amr"),
        ('amr = ["mfa", "otp"]', 'amr = ["mfa"], loa = 2', "second_factor"),
        ("[city-sso]", "[other]", "DUJIANG_OIDC_SECRET_OTHER"),
    ],
)
def test_a_bad_file_says_what_is_wrong(read, was, now, said):
    assert was in GOOD
    with pytest.raises(BadInput, match=said) as caught:
        read(GOOD.replace(was, now, 1), DUJIANG_OIDC_SECRET_CITY_SSO="s")
    assert "oidc.toml" in caught.value.in_language("zh")
    assert "of-the-file" not in str(caught.value)


def test_a_key_outside_a_table_and_no_file_are_bad(read, tmp_path):
    with pytest.raises(BadInput, match="a table"):
        read('sso = "x"')
    with pytest.raises(BadInput, match="can be read"):
        read_providers(tmp_path / "none.toml", tmp_path, {})
