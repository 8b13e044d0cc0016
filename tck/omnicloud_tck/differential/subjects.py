"""The contracts whose providers are compared."""

from __future__ import annotations

from omnicloud_tck.programs.cast import Subject
from omnicloud_tck.subjects.cache_calls import CacheCalls
from omnicloud_tck.subjects.documents import DOCUMENTS_SUBJECT
from omnicloud_tck.subjects.kv_calls import KVCalls
from omnicloud_tck.subjects.locks import LOCKS_SUBJECT
from omnicloud_tck.subjects.messaging_draws import MESSAGING_SUBJECT
from omnicloud_tck.subjects.objects_calls import ObjectsCalls
from omnicloud_tck.subjects.outbox_draws import OUTBOX_SUBJECT
from omnicloud_tck.subjects.saga_draws import SAGAS_SUBJECT
from omnicloud_tck.subjects.secrets import SECRETS_SUBJECT

__all__ = ["SUBJECTS"]

SUBJECTS: dict[str, Subject] = {
    subject.contract: subject
    for subject in (
        KVCalls,
        CacheCalls,
        DOCUMENTS_SUBJECT,
        ObjectsCalls,
        SECRETS_SUBJECT,
        LOCKS_SUBJECT,
        MESSAGING_SUBJECT,
        OUTBOX_SUBJECT,
        SAGAS_SUBJECT,
    )
}
"""By contract."""
