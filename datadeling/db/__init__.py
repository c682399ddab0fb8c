"""PostgreSQL: connections, statements, migrations. The only package that knows psycopg and yoyo."""
