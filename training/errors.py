"""What can go wrong in a way the user can mend.

Exception
`-- UserError   a code and its details; becomes one sentence in the user's language
Everything else that is raised is a defect of ours and keeps its traceback (in the log, never on the page).
"""

from __future__ import annotations

from training.sentences import sentence


class UserError(Exception):
    """Shown to the user as the sentence `error.<code>` of assets/i18n, filled with the details."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code, details)
        self.code = code
        self.details = details

    def sentence(self, language: str = "en") -> str:
        """What is wrong, where, and what to do, in `language`."""
        return sentence(f"error.{self.code}", language, **self.details)

    def __str__(self) -> str:
        return self.sentence("en")
