"""The contracts whose providers are compared."""

from __future__ import annotations

from omnicloud_tck.differential.cache import CACHE_SUBJECT
from omnicloud_tck.differential.documents import DOCUMENTS_SUBJECT
from omnicloud_tck.differential.kv import KV_SUBJECT
from omnicloud_tck.differential.locks import LOCKS_SUBJECT
from omnicloud_tck.differential.messaging_draws import MESSAGING_SUBJECT
from omnicloud_tck.differential.objects import OBJECTS_SUBJECT
from omnicloud_tck.differential.outbox_draws import OUTBOX_SUBJECT
from omnicloud_tck.differential.saga_draws import SAGAS_SUBJECT
from omnicloud_tck.differential.secrets import SECRETS_SUBJECT
from omnicloud_tck.differential.twins import Subject

__all__ = ["SUBJECTS"]

SUBJECTS: dict[str, Subject] = {
    subject.contract: subject
    for subject in (
        KV_SUBJECT,
        CACHE_SUBJECT,
        DOCUMENTS_SUBJECT,
        OBJECTS_SUBJECT,
        SECRETS_SUBJECT,
        LOCKS_SUBJECT,
        MESSAGING_SUBJECT,
        OUTBOX_SUBJECT,
        SAGAS_SUBJECT,
    )
}
"""By contract."""
