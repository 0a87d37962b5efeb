"""Checkout: the script for other pages, `/v1/checkout.js`, and the hosted page, `/checkout`.

`/v1/checkout.js` defines `window.Razorpay` with the interface of
https://razorpay.com/docs/payments/payment-gateway/web-integration/standard/. `/checkout?order_id=…` and
`/checkout?subscription_id=…` are a page of their own with the same form. Both talk to `/stand-in/`.
"""

from __future__ import annotations

from pathlib import Path

from gatepass.local.gateway.messages import HttpRequest, HttpResponse

FOLDER = Path(__file__).with_name("checkout")
_FILES = {
    "/v1/checkout.js": ("checkout.js", "text/javascript"),
    "/checkout": ("index.html", "text/html"),
    "/checkout/page.js": ("page.js", "text/javascript"),
    "/checkout/page.css": ("page.css", "text/css"),
}


def checkout_file(request: HttpRequest) -> HttpResponse | None:
    """The file that a request asks for, as it is now, or None if it asks for something else."""
    if request.method != "GET" or request.path not in _FILES:
        return None
    name, kind = _FILES[request.path]
    headers = (
        ("Content-Type", f"{kind}; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", "default-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"),
    )
    return HttpResponse(200, headers, (FOLDER / name).read_bytes())
