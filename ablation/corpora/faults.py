"""All faults of a table are reported in one error, so that they can be corrected in one go."""

from ablation.errors import CorpusError

MOST_REPORTED = 10  # faults reported in full; the others are counted


class Faults:
    """Faults are collected here, and :meth:`end` raises them as one error.

    ``place`` is the text that all of them begin with; it appears once, as does each remedy.
    """

    def __init__(self, place: str = "") -> None:
        self._place = place
        self._reported: list[CorpusError] = []
        self._more = 0

    @property
    def room(self) -> bool:
        """Whether one more will be reported in full, so that a costly remedy is worth finding."""
        return len(self._reported) < MOST_REPORTED

    def add(self, fault: CorpusError) -> None:
        """Report ``fault`` in full while there is room, or else count it."""
        if self.room:
            self._reported.append(fault)
        else:
            self._more += 1

    def end(self) -> None:
        """Raise the first fault, if there was one, with a line for each of the others."""
        if not self._reported:
            return
        first, *others = self._reported
        also, said = [], {first.remedy, ""}
        for fault in others:
            what = fault.what.removeprefix(self._place)
            also.append(f"also {what}" + (f" ({fault.remedy})" if fault.remedy not in said else ""))
            said.add(fault.remedy)
        more = [f"and {self._more} more"] if self._more else []
        raise first.with_others([*also, *more])
