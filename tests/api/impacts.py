"""An impact answer with proof paths as the agent writes them: from the change outwards, each hop along its edge."""

from __future__ import annotations

from dataclasses import replace

from graph.answers import Affected, Boundary, Hop, Impact, SelectedFlow
from graph.change import ChangedItem, Hunk


def _hop(edge: str, source: str, target: str, place: str, note: str = "") -> Hop:
    return Hop(edge, source, target, place, "resolved", "rule", note)


def an_impact(mark: str, name: str, base: str, head: str) -> Impact:
    handler, get = "orders/app.py::get_order", f"{mark}:GET /orders/{{}}"
    caller, page = "storefront/src/api.ts::loadOrder", f"{mark}-storefront:GET /order/{{}}"
    changed = _hop("CHANGED", "field `total` renamed to `amount`", handler, "orders/app.py:41")
    served = _hop("HANDLED_BY", get, handler, "orders/app.py:40")
    called = _hop("CALLS", caller, get, "storefront/src/api.ts:12", "reads `total`")
    shown = _hop("HANDLED_BY", page, caller, "storefront/src/app.ts:30")
    stepped = _hop("EXERCISES", "flows/order.yaml#total_is_shown", get, "flows/order.yaml:16", "checks `total`")
    held = _hop("CONTAINS", "flows/order.yaml", "flows/order.yaml#total_is_shown", "flows/order.yaml:1")
    walked = _hop("EXERCISES", "flows/browse.yaml#open_order", page, "flows/browse.yaml:9")
    browsed = _hop("CONTAINS", "flows/browse.yaml", "flows/browse.yaml#open_order", "flows/browse.yaml:1")
    guess = replace(_hop("CALLS", "cart/job.py::resend", get, "cart/job.py:9", "host unknown"), status="candidate")
    annotation = '[services.payments]\nhosts = ["${PAYMENTS_URL}"]'
    return Impact(
        name,
        base,
        head,
        changed=(
            ChangedItem(
                "symbol",
                "modified",
                "orders/app.py",
                41,
                f"{mark}.get_order",
                "field `total` renamed to `amount`",
                (Hunk(41, 2, 41, 3),),
            ),
        ),
        affected=(
            Affected("Endpoint", page, "u3", True, (changed, served, called, shown)),
            Affected("Endpoint", get, "u1", True, (changed, served)),
            Affected("Service", f"{mark}-cart", "u4", False, (changed, served, guess)),
            Affected("Service", f"{mark}-storefront", "u2", True, (changed, served, called)),
        ),
        flows=(
            SelectedFlow("flows/browse.yaml", "Browse", "must", "storefront reads `total`",
                         (changed, served, called, shown, walked, browsed)),
            SelectedFlow("flows/order.yaml", "Order", "must", "step total_is_shown checks `total`",
                         (changed, served, stepped, held)),
            SelectedFlow("flows/cart.yaml", "Cart", "may", "cart/job.py:9 may call the changed endpoint",
                         (changed, served, guess)),
        ),
        unaffected_flows=("flows/refund.yaml", "flows/signup.yaml"),
        unknown=(Boundary("cart/job.py:9", "URL comes from PAYMENTS_URL", annotation, "PAYMENTS_URL"),),
        untested=(f"{mark}:DELETE /orders/{{}}",),
        notes=("The work tree has uncommitted changes.",),
    )  # fmt: skip
