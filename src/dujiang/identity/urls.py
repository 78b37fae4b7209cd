"""The addresses at which people sign in and look after their account; no others of allauth's are served."""

from allauth.account import views as account
from allauth.mfa.base import views as second_factor
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from django.urls import path

from dujiang.identity import oidc
from dujiang.identity.web import change_password, page

_anyone = page("account.sign-in")
_own = page("account.use")

urlpatterns = [
    path("login/", _anyone(account.login), name="account_login"),
    path("logout/", _anyone(account.logout), name="account_logout"),
    path("signup/", _anyone(account.signup), name="account_signup"),  # closed; allauth's pages refer to it
    path("oidc/<slug:provider_id>/login/", _anyone(oidc.login), name="openid_connect_login"),
    path("oidc/<slug:provider_id>/callback/", _anyone(oidc.callback), name="openid_connect_callback"),
    path("inactive/", _anyone(account.account_inactive), name="account_inactive"),
    path("reauthenticate/", _own(account.reauthenticate), name="account_reauthenticate"),
    path("password/", _own(change_password), name="account_change_password"),
    path("2fa/", _own(second_factor.index), name="mfa_index"),
    path("2fa/authenticate/", _anyone(second_factor.authenticate), name="mfa_authenticate"),
    path("2fa/reauthenticate/", _own(second_factor.reauthenticate), name="mfa_reauthenticate"),
    path("2fa/totp/activate/", _own(totp.activate_totp), name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", _own(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("2fa/codes/", _own(recovery_codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path("2fa/codes/generate/", _own(recovery_codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("2fa/codes/download/", _own(recovery_codes.download_recovery_codes), name="mfa_download_recovery_codes"),
]
