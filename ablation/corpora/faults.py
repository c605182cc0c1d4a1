"""Faults of a table's rows, told together: who mends one need not run again to hear of the next."""

from ablation.errors import CorpusError

MOST_TOLD = 10  # faults that are told; the others are counted


class Faults:
    """Collects faults; :meth:`end` raises them as one error.

    ``place`` is what all of them begin with; it is said once, and so is a remedy.
    """

    def __init__(self, place: str = "") -> None:
        self._place = place
        self._told: list[CorpusError] = []
        self._more = 0

    @property
    def room(self) -> bool:
        """Whether one more will be told, so that a dear remedy is worth finding."""
        return len(self._told) < MOST_TOLD

    def add(self, fault: CorpusError) -> None:
        if self.room:
            self._told.append(fault)
        else:
            self._more += 1

    def end(self) -> None:
        """Raise :class:`CorpusError` where there was a fault: the first, then a line each."""
        if not self._told:
            return
        first, *others = self._told
        also, said = [], {first.remedy, ""}
        for fault in others:
            what = fault.what.removeprefix(self._place)
            also.append(f"also {what}" + (f" ({fault.remedy})" if fault.remedy not in said else ""))
            said.add(fault.remedy)
        more = [f"and {self._more} more"] if self._more else []
        raise CorpusError(first.what, first.remedy, [*also, *more])
