"""What is known from around a message: mail hosts, habits, answers, seeds, and what people said of a hit."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "habits",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("early", sa.Integer(), nullable=False),
        sa.Column("mail_host", sa.Text(), nullable=False),
        sa.Column("people", sa.Integer(), server_default="0", nullable=False),
        sa.Column("machines", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("team", "domain", "channel", "early"),
    )
    op.create_index("habits_mail_host", "habits", ["team", "mail_host"])

    op.create_table(
        "mail_hosts",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("domain"),
    )
    op.create_table(
        "said",
        sa.Column("hit", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hit"),
    )
    op.create_index("said_message", "said", ["message"])

    op.create_table(
        "seeds",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("team", "address"),
    )
    with op.batch_alter_table("messages") as batch_op:
        batch_op.add_column(sa.Column("honeypot", sa.Integer(), server_default="0", nullable=False))

    with op.batch_alter_table("recipients") as batch_op:
        batch_op.add_column(sa.Column("mail_host", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("replied_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("recipients") as batch_op:
        batch_op.drop_column("replied_at")
        batch_op.drop_column("mail_host")

    with op.batch_alter_table("messages") as batch_op:
        batch_op.drop_column("honeypot")

    op.drop_table("seeds")
    op.drop_index("said_message", "said")

    op.drop_table("said")
    op.drop_table("mail_hosts")
    op.drop_index("habits_mail_host", "habits")

    op.drop_table("habits")
