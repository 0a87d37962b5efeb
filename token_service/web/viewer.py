"""The visitor's address behind the portal's distribution, without which all visitors would share CloudFront's.

The distribution tells it in a header (`PortalApi` in template.yaml). It is believed only with the secret that the
distribution adds, because whoever calls the API directly can send any header, and attempts are counted by address.
"""

import hmac
import ipaddress
from typing import Any, Final

SECRET_HEADER: Final = "x-gatepass-portal-secret"
ADDRESS_HEADER: Final = "x-gatepass-viewer"

Event = dict[str, Any]


def from_viewer(event: Event, portal_secret: str) -> Event:
    """The event (payload format 2.0) with the address that the portal's distribution tells as its `sourceIp`.

    The event stays as it is if `portal_secret` is empty, which is a stack without a portal, if the request has another
    secret, or if the address is none.
    """
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    presented = headers.get(SECRET_HEADER, "").encode("utf-8", "surrogatepass")
    if not portal_secret or not hmac.compare_digest(presented, portal_secret.encode()):
        return event
    try:
        address = str(ipaddress.ip_address(headers.get(ADDRESS_HEADER, "")))
    except ValueError:
        return event
    context = event["requestContext"]
    return {**event, "requestContext": {**context, "http": {**context["http"], "sourceIp": address}}}
