"""The control plane's log, for modules that the command uses too: there a warning goes to standard error."""

import logging
from typing import Final

LOGGER: Final = logging.getLogger("token-service")
"""The one that Powertools writes as JSON in the token service, without what importing Powertools costs."""
