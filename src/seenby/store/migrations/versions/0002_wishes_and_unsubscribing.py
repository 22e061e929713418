"""wishes and unsubscribing."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unsubscribed",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_why", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("team", "address"),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("wishes", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("unsubscribe", sa.Integer(), server_default="0", nullable=False))

    with op.batch_alter_table("senders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("wishes", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("unsubscribe", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("senders", schema=None) as batch_op:
        batch_op.drop_column("unsubscribe")
        batch_op.drop_column("wishes")

    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_column("unsubscribe")
        batch_op.drop_column("wishes")

    op.drop_table("unsubscribed")
