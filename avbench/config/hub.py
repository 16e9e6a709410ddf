"""Archives of trimmed clips on the Hugging Face Hub, as a source of a dataset's clips."""

import re
from typing import Annotated

from pydantic import Field

from avbench.config.fields import Text, meaning
from avbench.config.settings import settings


@settings("hub")
class HubSettings:
    """Which files of a dataset repository hold the clips. Endpoint, token and offline mode are the library's own."""

    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$"), meaning("owner and name of a dataset repository")]
    pattern: Annotated[Text, meaning("which of its files are archives of trimmed clips, as shells match names")]
    revision: Annotated[Text, meaning("branch, tag or commit")] = "main"

    @property
    def folder(self) -> str:
        """The name of the folder that is the source's own."""
        return re.sub(r"[^\w.-]", "-", f"{self.repo.replace('/', '--')}--{self.revision}", flags=re.ASCII)
