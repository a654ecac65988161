"""Records as they may be kept where words are kept: digits and e-mail addresses are masked."""

from msgspec.structs import replace

from tonewise.recording.redaction import masked, masked_plan
from tonewise.records import AnyRecord, Decided, Judged, Replied


def masked_record(record: AnyRecord, what: tuple[str, ...]) -> AnyRecord:
    """A record without what is to be masked; itself where it holds no words.

    Args:
        record: as it was made.
        what: `digits`, `emails`; empty masks nothing.
    """
    if not what:
        return record
    match record:
        case Decided(said=said):  # a plan may quote earlier turns where this one has no words
            said = None if said is None else masked(said, what)
            return replace(record, said=said, plan=masked_plan(record.plan, what))
        case Replied(replied=str(replied)):
            return replace(record, replied=masked(replied, what))
        case Judged(text=str(text)):
            return replace(record, text=masked(text, what))
        case _:
            return record
