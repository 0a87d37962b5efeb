"""The control plane's logger, for modules that the command uses too. In the command, warnings go to standard error."""

import logging
from typing import Final

LOGGER: Final = logging.getLogger("token-service")
"""In the token service, Powertools writes this logger's records as JSON. Importing it from here does not import
Powertools, which is slow."""
