"""The one exception for what a user can mend: it says what is wrong, what that would cause, and the fix."""


class UserError(Exception):
    """A user's mistake, told in three sentences and never as a traceback.

    The command line prints it and exits with status 2.
    """

    def __init__(self, what: str, consequence: str, fix: str) -> None:
        super().__init__(what, consequence, fix)
        self.what, self.consequence, self.fix = what, consequence, fix

    def __str__(self) -> str:
        return f"{_sentence(self.what)} {_sentence(self.consequence)} {_sentence(self.fix)}"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", ":")) else text + "."
