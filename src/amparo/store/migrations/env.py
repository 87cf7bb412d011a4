"""Alembic's entry: runs the migrations on the connection that ``store.sqlite.migrate`` holds open."""

from alembic import context

from amparo.store.schema import schema

context.configure(connection=context.config.attributes["connection"], target_metadata=schema, transactional_ddl=True)
context.run_migrations()
