"""The laws of documents about concurrent clients: some order of their calls explains all."""

from __future__ import annotations

from omnicloud.contracts.documents import DocumentsFeature
from omnicloud_tck.contract import Contract
from omnicloud_tck.histories.documents import (
    ConditionalDocuments,
    DocumentRegisters,
    FieldCounters,
)
from omnicloud_tck.histories.explore import explore
from omnicloud_tck.histories.groups import DocumentTransactions
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab

__all__ = ["DocumentsHistories"]


class DocumentsHistories(Contract):
    """What holds for every history of several clients."""

    @law(
        "DOC-110",
        "Insertions, replacements, reads and deletions of concurrent clients are linearizable.",
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def documents_are_linearizable(self, lab: Lab) -> None:
        explore(lab, DocumentRegisters())

    @law(
        "DOC-111",
        "Conditional changes of concurrent clients are linearizable.",
        needs=[DocumentsFeature.COMPARE_AND_SET],
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def conditions_are_linearizable(self, lab: Lab) -> None:
        explore(lab, ConditionalDocuments())

    @law(
        "DOC-112",
        "Additions of concurrent clients to one field all count, the first inserts.",
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def additions_all_count(self, lab: Lab) -> None:
        explore(lab, FieldCounters())

    @law(
        "DOC-113",
        "Transactions of concurrent clients are strictly serializable: no half, no lost update, "
        "no write skew.",
        needs=[DocumentsFeature.TRANSACTION],
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def transactions_are_serializable(self, lab: Lab) -> None:
        explore(lab, DocumentTransactions())
