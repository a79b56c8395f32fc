"""The vocabulary: frozen dataclasses and enums that every other module speaks in.

The words are those of ThreatExchange, Coop and Ozone. Nothing in here imports anything else of ours, and nothing has
behaviour beyond its own rules. All times are aware UTC datetimes; all Discord ids are ints.
"""

from .audit import INSTALLATION, AuditHead, AuditRow
from .banks import Bank, Entry, Evidence, Fitting, Match, Thresholds, Tier
from .cases import Call, CallKind, Case, CaseEvent, CaseOrigin, CaseState, CaseView, Decision, Report, Sighting
from .fingerprint import (
    GRID_BYTES,
    MOST_PDQ_HASHES,
    ORIENTATIONS,
    PDQ_BYTES,
    PHASH_BYTES,
    Fingerprint,
    Form,
    Orientation,
    View,
)
from .media import MediaRef, MessageRef, SeenMedia, Surface, Unscannable, UnscannableRef
from .plans import GuildSettings, Plan, Scan
from .words import BankKind, BankLevel, Category, Mode, Part, Stage, Strictness, Verdict

__all__ = [
    "GRID_BYTES",
    "INSTALLATION",
    "MOST_PDQ_HASHES",
    "ORIENTATIONS",
    "PDQ_BYTES",
    "PHASH_BYTES",
    "AuditHead",
    "AuditRow",
    "Bank",
    "BankKind",
    "BankLevel",
    "Call",
    "CallKind",
    "Case",
    "CaseEvent",
    "CaseOrigin",
    "CaseState",
    "CaseView",
    "Category",
    "Decision",
    "Entry",
    "Evidence",
    "Fingerprint",
    "Fitting",
    "Form",
    "GuildSettings",
    "Match",
    "MediaRef",
    "MessageRef",
    "Mode",
    "Orientation",
    "Part",
    "Plan",
    "Report",
    "Scan",
    "SeenMedia",
    "Sighting",
    "Stage",
    "Strictness",
    "Surface",
    "Thresholds",
    "Tier",
    "Unscannable",
    "UnscannableRef",
    "Verdict",
    "View",
]
