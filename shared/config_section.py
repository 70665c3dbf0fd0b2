"""What a section of options is, and the kinds that several sections use."""

import msgspec

from shared.config_kinds import Kind, Text

_LABELS = r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9-]{1,63})*"
HOST_NAME = Text("host name", rf"({_LABELS}|\[[0-9A-Za-z:.]+\])?", "mail.example.com")
LISTEN_ADDRESS = Text("address to listen on", r"[A-Za-z0-9.:_-]+", "127.0.0.1, 0.0.0.0 or ::")


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group of options. Its representation is safe to log."""

    def __repr__(self) -> str:
        shown = (
            f"{field.name}={kind_of(field).show(getattr(self, field.name))!r}"
            for field in msgspec.structs.fields(self)
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def kind_of(field: msgspec.structs.FieldInfo) -> Kind:
    """How the values of a section's field are written."""
    kind: Kind = field.type.__metadata__[0]
    return kind


def meaning_of(field: msgspec.structs.FieldInfo) -> str:
    """What a section's field is for, in Markdown."""
    return str(field.type.__metadata__[1])
