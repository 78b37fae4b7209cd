"""The addresses of the connectors."""

from django.urls import path

from dujiang.data.spaces import binding

_STEPS = ("request", "offers", "events", "agreement", "agreement/verification", "termination")
_TRANSFER_STEPS = ("start", "suspension", "completion", "termination")

urlpatterns = [
    path("", binding.root, name="dsp"),
    path("<int:participant>/catalog/request", binding.catalogue),
    path("<int:participant>/catalog/datasets/<path:identifier>", binding.dataset),
    path("<int:participant>/negotiations/request", binding.request),
    path("<int:participant>/negotiations/<str:pid>", binding.negotiation),
    *(path(f"<int:participant>/negotiations/<str:pid>/{one}", binding.step, {"path": one}) for one in _STEPS),
    path("<int:participant>/transfers/request", binding.request_transfer),
    path("<int:participant>/transfers/<str:pid>", binding.transfer),
    *(
        path(f"<int:participant>/transfers/<str:pid>/{one}", binding.transfer_step, {"path": one})
        for one in _TRANSFER_STEPS
    ),
    path("<int:participant>/data/<int:number>", binding.data),
]
