"""A scan job says which process took it, so that whoever follows that process takes it over at once."""

from __future__ import annotations

from alembic import op

revision = "0007_job_owner"
down_revision = "0006_history"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column. What a process of an older version holds has no owner, and comes back when its lease ends."""
    op.execute("ALTER TABLE jobs ADD COLUMN lease_owner VARCHAR(200)")
